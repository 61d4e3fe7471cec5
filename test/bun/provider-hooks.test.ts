/** Calls of providers to the addresses they were given: hints that bring a poll forward, and nothing more. */

import { afterEach, describe, expect, test, vi } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import type { HookVerdict, StepOutcome } from "../../src/tasks/ports/media-provider.ts";
import { type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { PNG } from "../fixture/media-samples.ts";

const PUBLIC = "https://gateway.example/prefix";
const RUNNING: StepOutcome = { kind: "pending", state: { job: 7 }, pollAfterMs: 20_000 };

let world: GatewayWorld;
afterEach(() => world.close());

/** A task whose job runs upstream; the address its provider was given, as a path. */
async function running(verdict: HookVerdict = { kind: "hint" }, publicUrl: string | null = PUBLIC) {
  world = await gatewayWorld(publicUrl === null ? {} : { env: { CONDUIT_PUBLIC_URL: publicUrl } });
  const heard: { text: string; type: string | null }[] = [];
  world.provider.hook = async ({ headers, body }) => {
    heard.push({ text: new TextDecoder().decode(body), type: headers.get("content-type") });
    return verdict;
  };
  const body = { prompt: "a red fox", model: "local/canvas" };
  const accepted = await world.send("POST", "/v1/images/generations/async", { body });
  const { taskId } = (await accepted.json()) as { taskId: string };
  const submit = await world.provider.next();
  submit.answer(RUNNING);
  await settled();
  const { hookUrl } = submit.job;
  return { taskId, submit, heard, hookUrl, path: (hookUrl ?? "").replace(PUBLIC, "") };
}

function call(path: string, body: unknown = { status: "done" }): Promise<Response> {
  return world.send("POST", path, { body, key: null });
}

async function read(taskId: string): Promise<Record<string, unknown>> {
  return (await (await world.send("GET", `/v1/tasks/${taskId}`)).json()) as Record<string, unknown>;
}

/** The task as it is stored; null when there is none. */
async function stored(taskId: string) {
  return (await world.store.get({ keyId: "key_bootstrap", subject: null }, taskId))?.task ?? null;
}

describe("a hint", () => {
  test("makes the poll due now instead of in 20 s, and the poll says what is true", async () => {
    const { taskId, path, heard, hookUrl } = await running();
    expect(hookUrl).toMatch(/^https:\/\/gateway\.example\/prefix\/v1\/hooks\/local\/[A-Za-z0-9_-]{43}$/);
    await world.clock.advance(5_000);
    const response = await call(path, { status: "failed" });
    expect([response.status, await response.json()]).toEqual([200, {}]);
    expect(heard).toEqual([{ text: '{"status":"failed"}', type: "application/json" }]);
    await world.clock.advance(1);
    const poll = await world.provider.next();
    expect(poll.kind).toBe("poll");
    const media = await poll.io.putMedia(PNG, "image/png");
    poll.answer({ kind: "done", items: [{ index: 0, media }] });
    await settled();
    expect(await read(taskId)).toMatchObject({ status: "completed" });
  });

  test("in any number brings one poll", async () => {
    const { path } = await running();
    await world.clock.advance(5_000);
    for (let times = 0; times < 20; times += 1) expect((await call(path)).status).toBe(200);
    await world.clock.advance(1);
    (await world.provider.next()).answer(RUNNING);
    await settled();
    for (let times = 0; times < 20; times += 1) expect((await call(path)).status).toBe(200);
    await world.clock.advance(900);
    expect(world.provider.calls).toHaveLength(2);
    await world.clock.advance(100);
    await world.provider.next();
    await settled();
    expect(world.provider.calls).toHaveLength(3);
  });

  test("for a task that has ended answers 200 and does nothing", async () => {
    const { taskId, path } = await running();
    await world.send("DELETE", `/v1/tasks/${taskId}`);
    await world.clock.advance(5_000);
    const before = await stored(taskId);
    expect(before).toMatchObject({ status: "cancelled" });
    expect((await call(path)).status).toBe(200);
    expect(await stored(taskId)).toEqual(before);
  });

  test("for a task that was purged answers 200 and does nothing", async () => {
    const { taskId, path } = await running();
    await world.send("DELETE", `/v1/tasks/${taskId}`);
    await world.clock.advance(5_000);
    expect((await world.send("DELETE", `/v1/tasks/${taskId}?purge=true`)).status).toBe(200);
    expect((await call(path)).status).toBe(200);
    expect(await stored(taskId)).toBeNull();
  });
});

describe("a call that is none", () => {
  test.each([
    ["whose signature is wrong", { kind: "refused" } as const, 401, "invalid_signature"],
    ["that cannot be verified now", { kind: "unknown" } as const, 503, "provider_unavailable"],
  ])("%s does nothing", async (_, verdict, status, code) => {
    const { taskId, path } = await running(verdict);
    await world.clock.advance(5_000);
    const before = await stored(taskId);
    const response = await call(path);
    expect([response.status, ((await response.json()) as WireError).error.code]).toEqual([status, code]);
    expect(await stored(taskId)).toEqual(before);
  });

  test("but tries the address is answered at once, also while the store hangs", async () => {
    const { path } = await running({ kind: "reply", body: { challenge: "abc" } });
    const hang = (): Promise<never> => new Promise(() => {});
    const get = vi.spyOn(world.store, "get").mockImplementation(hang);
    const hint = vi.spyOn(world.store, "hint").mockImplementation(hang);
    expect(await (await call(path)).json()).toEqual({ challenge: "abc" });
    for (const method of [get, hint]) expect(method).not.toHaveBeenCalled();
  });

  test("of a guessed address, or one of another provider, task or deployment, is not found", async () => {
    const { path, heard } = await running();
    const token = path.slice(path.lastIndexOf("/") + 1);
    const flipped = token.replace(/^./, (letter) => (letter === "A" ? "B" : "A"));
    const cut = token.slice(0, -1);
    for (const other of [flipped, cut, `${token}A`, "A".repeat(43), "x", "%00", encodeURIComponent("a/b")])
      expect((await call(`/v1/hooks/local/${other}`)).status).toBe(404);
    expect((await call(`/v1/hooks/replicate/${token}`)).status).toBe(404);
    expect((await call(`/v1/hooks/local/${token}/more`)).status).toBe(404);
    expect((await world.send("GET", path, { key: null })).status).toBe(405);
    expect(heard).toEqual([]);
  });

  test("of more than a megabyte is refused", async () => {
    const { path, heard } = await running();
    expect((await call(path, { text: "x".repeat(1_100_000) })).status).toBe(413);
    expect(heard).toEqual([]);
  });

  test("leaves no address in the log", async () => {
    const { path } = await running({ kind: "refused" });
    await call(path);
    await call(`/v1/hooks/local/${"A".repeat(43)}`);
    const token = path.slice(path.lastIndexOf("/") + 1);
    expect(JSON.stringify(world.log)).toContain("/v1/hooks/local/…");
    expect(JSON.stringify(world.log)).not.toContain(token);
    expect(JSON.stringify(world.log)).not.toContain("A".repeat(43));
  });
});

test.each([[null], ["http://gateway.example"]])(
  "with the public address %s no address is handed out, and none is served",
  async (publicUrl) => {
    const { hookUrl } = await running({ kind: "hint" }, publicUrl);
    expect(hookUrl).toBeNull();
    expect((await call(`/v1/hooks/local/${"A".repeat(43)}`)).status).toBe(404);
  },
);
