/** How the client sends requests: repeats, time limits, keys, errors. */

import { describe, expect, test } from "vitest";
import { ConduitClient } from "../../../src/client/conduit-client.ts";
import {
  BudgetExceededError,
  ConnectionError,
  NotFoundError,
  RateLimitError,
  ServerError,
  StatusError,
  TimeoutError,
} from "../../../src/client/transport/errors.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { answering, refusing, ScriptedFetch, scriptedClient } from "../../fixture/scripted-fetch.ts";

const BODY = { model: "local/canvas", prompt: "a fox" };
const lost = () => new TypeError("fetch failed");

/** Time passes after what was begun has come to wait for it. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  await settled();
  await clock.advance(ms);
}

/** What became of a promise, which is looked at later. */
function outcomeOf<T>(promise: Promise<T>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

describe("repeats", () => {
  test("a create that got no answer is repeated under the same idempotency key", async () => {
    const { client, network, clock } = scriptedClient(lost, answering({ taskId: "t" }));
    const accepted = client.images.generateAsync(BODY);
    await pass(clock, 500);
    expect(await accepted).toEqual({ taskId: "t" });
    const keys = network.asked.map(({ headers }) => headers.get("idempotency-key"));
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(keys).size).toBe(1);
  });

  test("two creates have two idempotency keys, and a caller's own is sent as it is", async () => {
    const { client, network } = scriptedClient(answering({ taskId: "t" }));
    await client.images.generateAsync(BODY);
    await client.videos.generateAsync(BODY);
    await client.images.generate(BODY, { idempotencyKey: "order-7" });
    const keys = network.asked.map(({ headers }) => headers.get("idempotency-key"));
    expect(new Set(keys).size).toBe(3);
    expect(keys[2]).toBe("order-7");
  });

  test.each([
    ["408", refusing(408, "timeout")],
    ["429", refusing(429, "queue_full")],
    ["503", refusing(503, "overloaded")],
    ["a lost connection", lost],
  ])("what ended with %s is sent three times in all, and then its error comes", async (_, answer) => {
    const { client, network, clock } = scriptedClient(answer);
    const outcome = outcomeOf(client.tasks.get("t"));
    await pass(clock, 500);
    expect(network.asked).toHaveLength(2);
    await pass(clock, 1_000);
    expect(network.asked).toHaveLength(3);
    expect(await outcome).toBeInstanceOf(Error);
  });

  test.each([400, 401, 402, 403, 404, 422])("status %d is not repeated", async (status) => {
    const { client, network } = scriptedClient(refusing(status, "not_found"));
    await expect(client.tasks.get("t")).rejects.toThrow(StatusError);
    expect(network.asked).toHaveLength(1);
  });

  test("an answer that says so is not repeated, whatever its status", async () => {
    const { client, network } = scriptedClient(refusing(504, "timeout", { "x-should-retry": "false" }));
    await expect(client.images.generate(BODY)).rejects.toThrow(ServerError);
    expect(network.asked).toHaveLength(1);
  });

  test("it waits for as long as the answer asks for", async () => {
    const { client, network, clock } = scriptedClient(
      refusing(429, "rate_limit_exceeded", { "retry-after": "20" }),
      answering({ taskId: "t" }),
    );
    const task = client.tasks.get("t");
    await pass(clock, 19_999);
    expect(network.asked).toHaveLength(1);
    await pass(clock, 1);
    expect(await task).toEqual({ taskId: "t" });
  });

  test("a caller may want none", async () => {
    const { client } = scriptedClient(lost);
    await expect(client.tasks.get("t", { maxRetries: 0 })).rejects.toThrow(ConnectionError);
  });
});

describe("time limits", () => {
  test("each try has its own, and the last one's error comes", async () => {
    const { client, network, clock } = scriptedClient(() => null);
    const outcome = outcomeOf(client.tasks.get("t", { timeoutMs: 1_000, maxRetries: 1 }));
    await pass(clock, 1_000);
    await pass(clock, 500);
    expect(network.asked).toHaveLength(2);
    await pass(clock, 1_000);
    expect(await outcome).toBeInstanceOf(TimeoutError);
    expect(clock.pendingTimers).toBe(0);
  });

  test("a caller's signal ends it at once with the caller's reason, also between two tries", async () => {
    const hanging = scriptedClient(() => null);
    const leaving = new AbortController();
    const left = outcomeOf(hanging.client.tasks.get("t", { signal: leaving.signal }));
    await settled();
    leaving.abort("enough");
    expect(await left).toBe("enough");

    const failing = scriptedClient(lost);
    const waiting = new AbortController();
    const outcome = outcomeOf(failing.client.tasks.get("t", { signal: waiting.signal }));
    await settled();
    waiting.abort("enough");
    expect(await outcome).toBe("enough");
    expect(failing.clock.pendingTimers).toBe(0);
  });
});

describe("errors", () => {
  test("there is a class for each status, with code, field and request id", async () => {
    const body = {
      error: { message: "no such task", type: "x", code: "task_not_found", param: "id", requestId: "r1" },
    };
    const { client } = scriptedClient(answering(body, 404));
    const error = await outcomeOf(client.tasks.get("t"));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({
      name: "NotFoundError",
      message: "no such task",
      status: 404,
      code: "task_not_found",
      param: "id",
      requestId: "r1",
    });
    const broke = scriptedClient(refusing(402, "budget_exceeded"));
    await expect(broke.client.run(BODY)).rejects.toThrow(BudgetExceededError);
  });

  test("an answer of something before the gateway is told by its status", async () => {
    const { client } = scriptedClient(() => new Response("<html>", { status: 403 }));
    const error = await outcomeOf(client.tasks.get("t"));
    expect(error).toMatchObject({ name: "PermissionDeniedError", status: 403, code: null });
    expect(String(error)).not.toContain("<html>");
  });

  test("a limit tells when to come again", async () => {
    const { client } = scriptedClient(refusing(429, "rate_limit_exceeded", { "retry-after": "3" }));
    const error = await outcomeOf(client.tasks.get("t", { maxRetries: 0 }));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ retryAfterSeconds: 3 });
  });

  test("no error says the key", async () => {
    const { client } = scriptedClient(lost);
    const error = (await outcomeOf(client.tasks.get("t", { maxRetries: 0 }))) as Error;
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain("condt_a");
  });
});

describe("keys", () => {
  const made = (
    tokenProvider: () => string | { key: string; expiresAt?: string },
    network: ScriptedFetch,
  ) => {
    const clock = new ManualClock();
    const options = { tokenProvider, baseUrl: "http://gateway.test/v1/", fetch: network.fetch, clock };
    return { client: new ConduitClient(options), clock };
  };
  const keysOf = ({ asked }: ScriptedFetch) => asked.map(({ headers }) => headers.get("authorization"));

  test("a key that has expired is asked for anew, once a request", async () => {
    const network = new ScriptedFetch(refusing(401, "expired_api_key"), answering({ taskId: "t" }));
    let times = 0;
    const { client } = made(() => {
      times += 1;
      return `ek_${times}`;
    }, network);
    expect(await client.tasks.get("t")).toEqual({ taskId: "t" });
    expect(keysOf(network)).toEqual(["Bearer ek_1", "Bearer ek_2"]);
    network.answers = [refusing(401, "invalid_api_key")];
    await expect(client.tasks.get("t")).rejects.toThrow("invalid_api_key");
    expect(times).toBe(3);
  });

  test("a key whose end is known is renewed before it, and requests that come at once share one", async () => {
    const network = new ScriptedFetch(answering({}));
    let asked = 0;
    const { client, clock } = made(() => {
      asked += 1;
      return { key: `ek_${asked}`, expiresAt: new Date(clock.now() + 60_000).toISOString() };
    }, network);
    await Promise.all([client.tasks.get("a"), client.tasks.get("b")]);
    await pass(clock, 54_000);
    await client.tasks.get("c");
    expect(asked).toBe(1);
    await pass(clock, 2_000);
    await client.tasks.get("d");
    await client.tasks.get("e");
    expect(asked).toBe(2);
  });

  test("a client without a key, or without an address where there is no page, is refused in words", () => {
    expect(() => new ConduitClient({ virtualKey: "", baseUrl: "http://gateway.test" })).toThrow("virtualKey");
    expect(() => new ConduitClient({ virtualKey: "condt_a" })).toThrow("baseUrl");
  });
});

describe("lists", () => {
  test("a page iterates over all that follow, and asks for them as they are needed", async () => {
    const { client, network } = scriptedClient(
      answering({ data: [{ taskId: "1" }, { taskId: "2" }], hasMore: true, after: "2" }),
      answering({ data: [{ taskId: "3" }], hasMore: false, after: null }),
    );
    const page = await client.tasks.list({ status: ["queued", "running"], limit: 2 });
    expect(network.asked).toHaveLength(1);
    const ids: string[] = [];
    for await (const { taskId } of page) ids.push(taskId);
    expect(ids).toEqual(["1", "2", "3"]);
    expect(network.asked.map(({ path }) => path)).toEqual([
      "/v1/tasks?status=queued%2Crunning&limit=2",
      "/v1/tasks?status=queued%2Crunning&limit=2&after=2",
    ]);
  });
});

describe("pictures that are files", () => {
  test("go as a form with names, and everything else as JSON", async () => {
    const { client, network } = scriptedClient(answering({ created: 1, data: [] }));
    const image = new Blob(["png"], { type: "image/png" });
    await client.images.edit({
      ...BODY,
      image: [image, "https://example.com/hat.png"],
      metadata: { a: "b" },
    });
    const form = network.asked[0]?.body as FormData;
    expect(form.getAll("image").map((part) => (part instanceof File ? part.name : part))).toEqual([
      "image",
      "https://example.com/hat.png",
    ]);
    expect(form.get("metadata")).toBe('{"a":"b"}');
    expect(network.asked[0]?.headers.get("content-type")).toBeNull();
    await client.images.edit({ ...BODY, image: "https://example.com/hat.png" });
    expect(network.asked[1]?.headers.get("content-type")).toBe("application/json");
  });
});
