/** The HTTP surface where time, clients and providers misbehave: a gateway whose clock and provider wait for the test. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { noIdleLimit } from "../../src/http/idle-limit.ts";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { PNG } from "../fixture/media-samples.ts";
import type { ProviderCall } from "../fixture/scripted-provider.ts";

const ASYNC = "/v1/images/generations/async";
const SYNC = "/v1/images/generations";
const FOX = { prompt: "a red fox", model: "dall-e-3" };

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld();
});
afterEach(() => world.close());

const json = async <T>(response: Response) => (await response.json()) as T;
const errorOf = async (response: Response) => (await json<WireError>(response)).error;

/** Ends a call with one picture. */
async function paint(call: ProviderCall): Promise<void> {
  const media = await call.io.putMedia(PNG, "image/png");
  call.answer({ kind: "done", items: [{ index: 0, media }] });
  await settled();
}

describe("a synchronous request", () => {
  test("whose time runs out is told where the work goes on, and not to come again", async () => {
    const answer = world.send("POST", SYNC, { body: { ...FOX, timeout_seconds: 10 } });
    const call = await world.provider.next();
    await settled();
    await world.clock.advance(10_000);
    const response = await answer;
    expect(response.status).toBe(504);
    expect(response.headers.get("x-should-retry")).toBe("false");
    const error = await errorOf(response);
    expect(error).toMatchObject({ code: "timeout", param: call.job.taskId });
  });

  test("whose client leaves goes on, and its picture is read under its task", async () => {
    const client = new AbortController();
    const answer = world.send("POST", SYNC, { body: FOX, signal: client.signal });
    const call = await world.provider.next();
    await settled();
    client.abort();
    await answer;
    await paint(call);
    const task = await json<WireTask>(await world.send("GET", `/v1/tasks/${call.job.taskId}`));
    expect(task.status).toBe("completed");
  });

  test("that is repeated while it runs waits with the first one, for one picture", async () => {
    const headers = { "idempotency-key": "one-fox" };
    const first = world.send("POST", SYNC, { body: FOX, headers });
    const call = await world.provider.next();
    const second = world.send("POST", SYNC, { body: FOX, headers });
    await settled();
    await paint(call);
    const [one, two] = await Promise.all([first, second]);
    expect(two.headers.get("idempotent-replayed")).toBe("true");
    expect(await json(two)).toEqual(await json(one));
    expect(world.provider.calls).toHaveLength(1);
  });

  test("whose task is cancelled meanwhile ends, and says so", async () => {
    const answer = world.send("POST", SYNC, { body: FOX });
    const call = await world.provider.next();
    await settled();
    await world.send("DELETE", `/v1/tasks/${call.job.taskId}`);
    const response = await answer;
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect((await errorOf(response)).message).toContain("cancelled");
    call.answer({
      kind: "failed",
      failure: { kind: "transient", code: "provider_error", message: "aborted" },
    });
  });

  test.each([
    ["content_policy_violation", 400],
    ["invalid_request", 400],
    ["provider_auth", 502],
    ["provider_quota", 502],
    ["provider_error", 502],
    ["provider_unavailable", 503],
    ["indeterminate", 502],
  ] as const)("maps the failure %s to %i", async (code, status) => {
    const answer = world.send("POST", SYNC, { body: FOX });
    const call = await world.provider.next();
    call.answer({ kind: "failed", failure: { kind: "permanent", code, message: "It did not work out." } });
    const response = await answer;
    expect(response.status).toBe(status);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect((await errorOf(response)).message).toBe("It did not work out.");
  });

  test("that fails here after the task was accepted is not to be sent again", async () => {
    const headers = { "idempotency-key": "two-foxes" };
    const body = { ...FOX, response_format: "b64_json" };
    const first = world.send("POST", SYNC, { body, headers });
    const call = await world.provider.next();
    const second = world.send("POST", SYNC, { body, headers });
    await settled();
    world.media.get = () => Promise.reject(new Error("the disk is gone: /secret/path"));
    await paint(call);
    // A small picture is handed over once from memory; whoever waits besides reads the file.
    const answers = await Promise.all([first, second]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 500]);
    const failed = answers.find(({ status }) => status === 500) as Response;
    expect(failed.headers.get("x-should-retry")).toBe("false");
    expect((await errorOf(failed)).message).not.toContain("secret");
    expect(world.log.find(({ level }) => level === "error")?.fields).toMatchObject({
      taskId: call.job.taskId,
    });
  });

  test("and a preferred wait keep their connection open while they are silent", async () => {
    await world.close();
    const kept: string[] = [];
    const keepOpen = (request: Request) => kept.push(new URL(request.url).pathname);
    world = await gatewayWorld({ host: { ...noIdleLimit, keepOpen } });
    const answers = [
      world.send("POST", SYNC, { body: FOX }),
      world.send("POST", ASYNC, { body: FOX, headers: { prefer: "wait=1" } }),
      world.send("POST", ASYNC, { body: FOX }),
    ];
    for (const _ of answers) await paint(await world.provider.next());
    await Promise.all(answers);
    expect(kept.sort()).toEqual([SYNC, ASYNC]);
  });

  test("as a stream beats while it is silent, and lets its reader leave", async () => {
    const response = await world.send("POST", SYNC, { body: { ...FOX, stream: true } });
    const call = await world.provider.next();
    await settled();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await world.clock.advance(15_000);
    expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^: /);
    const timers = world.clock.pendingTimers;
    await reader.cancel();
    await settled();
    expect(world.clock.pendingTimers).toBeLessThan(timers);
    await paint(call);
  });
});

describe("Prefer: wait", () => {
  test("answers the unfinished task when the time is up", async () => {
    const answer = world.send("POST", ASYNC, { body: FOX, headers: { prefer: "wait=5" } });
    await world.provider.next();
    await settled();
    await world.clock.advance(5_000);
    const response = await answer;
    expect(response.headers.get("preference-applied")).toBe("wait=5");
    expect(response.headers.get("retry-after")).not.toBeNull();
    expect(await json<WireAccepted & WireTask>(response)).toMatchObject({ status: "running", attempt: 1 });
  });

  test("is kept to a minute, and ignored where it is none", async () => {
    const long = world.send("POST", ASYNC, { body: FOX, headers: { prefer: "wait=99999" } });
    await settled();
    await world.clock.advance(60_000);
    expect((await long).headers.get("preference-applied")).toBe("wait=60");
    for (const prefer of ["wait=0", "wait=soon", "wait", "respond-async", ";;;", "wait=-1"]) {
      const response = await world.send("POST", ASYNC, { body: FOX, headers: { prefer } });
      expect(response.headers.has("preference-applied")).toBe(false);
    }
  });
});

describe("a client library's repeat without a key", () => {
  const attempt = async (count: number) => {
    const headers = { "x-stainless-retry-count": String(count) };
    return (await json<WireAccepted>(await world.send("POST", ASYNC, { body: FOX, headers }))).taskId;
  };

  test("is a new task once the first one ended more than 30 s ago", async () => {
    const first = await attempt(0);
    await paint(await world.provider.next());
    await world.clock.advance(29_000);
    expect(await attempt(1)).toBe(first);
    await world.clock.advance(2_000);
    expect(await attempt(2)).not.toBe(first);
  });
});

describe("an Idempotency-Key", () => {
  test("is forgotten after its time, and is one tenant's own", async () => {
    await world.close();
    world = await gatewayWorld({ env: { CONDUITLLM__IDEMPOTENCY__KEYHOURS: "0.01" } });
    const create = async (key: string, prompt = FOX.prompt) => {
      const headers = { "idempotency-key": "k" };
      const response = await world.send("POST", ASYNC, { body: { ...FOX, prompt }, headers, key });
      return (await json<WireAccepted>(response)).taskId;
    };
    const other = await world.makeKey({ name: "other" });
    const first = await create(BOOTSTRAP_KEY);
    await paint(await world.provider.next());
    expect(await create(other.key, "another body")).not.toBe(first);
    await world.clock.advance(35_000);
    expect(await create(BOOTSTRAP_KEY)).toBe(first);
    await world.clock.advance(2_000);
    expect(await create(BOOTSTRAP_KEY, "a third body")).not.toBe(first);
  });
});

describe("what reaches the log", () => {
  test("is one line per request, with its ids and never a key", async () => {
    const path = `/v1/tasks/01900000-0000-7000-8000-000000000000/events?access_token=${BOOTSTRAP_KEY}`;
    await world.send("GET", path, { key: null, headers: { "x-request-id": "trace-1" } });
    const { taskId } = await json<WireAccepted>(await world.send("POST", ASYNC, { body: FOX }));
    const lines = JSON.stringify(world.log);
    expect(lines).not.toContain(BOOTSTRAP_KEY);
    expect(lines).not.toContain("access_token");
    expect(world.log.find(({ fields }) => fields.requestId === "trace-1")?.fields).toMatchObject({
      method: "GET",
      status: 404,
    });
    expect(
      world.log.find(({ fields }) => fields.taskId === taskId && fields.status === 200)?.fields,
    ).toMatchObject({
      keyId: "key_bootstrap",
    });
  });

  test("names the cause of a failure of ours, which the client never sees", async () => {
    await world.store.close();
    const response = await world.send("POST", ASYNC, { body: FOX });
    expect([500, 503]).toContain(response.status);
    const { message } = await errorOf(response);
    expect(message).not.toMatch(/sqlite|database|\bat \//i);
    expect(world.log.some(({ level, fields }) => level === "error" && fields.cause !== undefined)).toBe(true);
    world = await gatewayWorld();
  });
});

describe("media", () => {
  test("asked for with HEAD opens no file, and one read to its end leaves none open", async () => {
    const { path } = await world.media.put("t", new Uint8Array(100), "image/png");
    const head = await world.send("HEAD", `/v1/media/${path}`, { key: null });
    expect(head.headers.get("content-length")).toBe("100");
    await (await world.send("GET", `/v1/media/${path}`, { key: null })).arrayBuffer();
    expect(world.media.open).toBe(0);
  });

  test("that could run in a browser is only ever downloaded", async () => {
    const { path } = await world.media.put("t", new Uint8Array(10), "image/svg+xml");
    const response = await world.send("GET", `/v1/media/${path}`, { key: null });
    expect(response.headers.get("content-disposition")).toBe("attachment");
  });

  test("larger than is buffered is streamed whole", async () => {
    const large = new Uint8Array(5 * 1024 * 1024).fill(7);
    const { path } = await world.media.put("t", large, "video/mp4");
    const response = await world.send("GET", `/v1/media/${path}`, { key: null });
    expect((await response.arrayBuffer()).byteLength).toBe(large.byteLength);
  });
});

describe("operators", () => {
  test("need the admin key, and a virtual key is the wrong kind", async () => {
    expect((await world.send("GET", "/health", { key: null })).status).toBe(401);
    expect((await world.send("GET", "/health")).status).toBe(403);
    expect((await world.send("GET", "/health", { key: ADMIN_KEY })).status).toBe(200);
  });

  test("see that the server is down when it cannot read its store", async () => {
    await world.store.close();
    expect((await world.send("GET", "/health", { key: ADMIN_KEY })).status).toBe(503);
    expect((await world.send("GET", "/health/ready", { key: null })).status).toBe(503);
    expect((await world.send("GET", "/health/live", { key: null })).status).toBe(200);
    world = await gatewayWorld();
  });
});

describe("addresses in answers", () => {
  const statusUrl = async (headers: Record<string, string>) =>
    (await json<WireAccepted>(await world.send("POST", ASYNC, { body: FOX, headers }))).statusUrl;

  test("are the ones the request came by; a proxy's word does not count", async () => {
    const url = await statusUrl({ "x-forwarded-host": "evil.example", "x-forwarded-proto": "https" });
    expect(url).toMatch(/^http:\/\/gateway\.test:8787\//);
  });

  test("follow a trusted proxy", async () => {
    await world.close();
    world = await gatewayWorld({ env: { CONDUITLLM__SERVER__TRUSTPROXY: "true" } });
    const forwarded = { "x-forwarded-host": "api.example", "x-forwarded-proto": "https" };
    expect(await statusUrl(forwarded)).toMatch(/^https:\/\/api\.example\//);
    expect(await statusUrl({ ...forwarded, "x-forwarded-host": "a b<c>" })).toMatch(
      /^http:\/\/gateway\.test:8787\//,
    );
  });

  test("begin with the public URL where one is configured", async () => {
    await world.close();
    world = await gatewayWorld({ env: { CONDUIT_PUBLIC_URL: "https://media.example/conduit/" } });
    expect(await statusUrl({})).toMatch(/^https:\/\/media\.example\/conduit\/v1\/images\//);
  });
});
