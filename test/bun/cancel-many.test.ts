/** Many tasks ended by one call: which, in which order, and how many. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireAccepted, WireTask, WireTasksCancelled } from "../../src/protocol/task.ts";
import { ADMIN_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";

/** A thousand creates, on a busy machine. */
const LONG_TEST_MS = 30_000;

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld({ env: { CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "1" } });
});
afterEach(() => world.close());

const create = async (key?: string) => {
  const body = { model: "local/canvas", prompt: "a boat" };
  const response = await world.send("POST", "/v1/images/generations/async", { body, ...(key && { key }) });
  return ((await response.json()) as WireAccepted).taskId;
};
const many = (count: number, key?: string) => Promise.all(Array.from({ length: count }, () => create(key)));
const cancel = async (body: object): Promise<WireTasksCancelled> =>
  (await world.send("POST", "/v1/tasks/cancel", { body })).json();
const cancelKey = (id: string) => world.send("POST", `/admin/v1/keys/${id}/cancel`, { key: ADMIN_KEY });
const statusOf = async (id: string, key?: string) =>
  ((await (await world.send("GET", `/v1/tasks/${id}`, key ? { key } : {})).json()) as WireTask).status;

describe("POST /v1/tasks/cancel", () => {
  test("ends what waits before what runs, so that nothing is started to be ended", async () => {
    const running = await create();
    const { io } = await world.provider.next();
    const waiting = await many(5);
    const outcome = await cancel({ all: true });
    expect(outcome).toMatchObject({ cancelled: 6, hasMore: false });
    expect(outcome.taskIds).toEqual([...outcome.taskIds.slice(0, 5), running]);
    expect(outcome.taskIds.slice(0, 5).toSorted()).toEqual(waiting.toSorted());
    await settled();
    expect(io.signal.aborted).toBe(true);
    expect(world.provider.calls).toHaveLength(1);
    expect(await statusOf(running)).toBe("cancelled");
  });

  test("goes by the list's filters, in both spellings", async () => {
    const running = await create();
    await world.provider.next();
    const waiting = await create();
    expect(await cancel({ type: "video" })).toMatchObject({ cancelled: 0, hasMore: false });
    expect(await cancel({ status: "completed" })).toMatchObject({ cancelled: 0, hasMore: false });
    expect(await cancel({ status: ["pending"], type: "image" })).toMatchObject({ taskIds: [waiting] });
    expect(await cancel({ status: "failed,processing" })).toMatchObject({ taskIds: [running] });
  });

  test("ends a thousand at most, and says that there are more", { timeout: LONG_TEST_MS }, async () => {
    const ids = await many(1_003);
    const first = await cancel({ all: true });
    expect(first).toMatchObject({ cancelled: 1_000, hasMore: true });
    const second = await cancel({ all: true });
    expect(second).toMatchObject({ cancelled: 3, hasMore: false });
    expect([...first.taskIds, ...second.taskIds].toSorted()).toEqual(ids.toSorted());
  });

  test("frees the place of what ran for other keys' work", async () => {
    await create();
    const call = await world.provider.next();
    const other = await world.makeKey({ name: "other" });
    const theirs = await create(other.key);
    await cancel({ all: true });
    call.explode(new Error("aborted"));
    expect((await world.provider.next()).job.taskId).toBe(theirs);
    expect(await statusOf(theirs, other.key)).toBe("running");
  });

  test.each<[unknown, string]>([
    [{}, "all"],
    [{ status: null }, "all"],
    [{ status: [] }, "all"],
    [{ status: "" }, "all"],
    [{ all: false }, "all"],
    [{ all: true, type: "image" }, "all"],
    [{ status: "done" }, "status"],
    [{ status: ["queued", "done"] }, "status"],
    [{ status: 7 }, "status"],
    [{ type: "audio" }, "type"],
    [{ batchId: "first" }, "batchId"],
    [{ all: true, limit: 5 }, "limit"],
  ])("refuses %j, naming %s, and ends nothing", async (body, param) => {
    const id = await create();
    const response = await world.send("POST", "/v1/tasks/cancel", { body });
    expect(response.status).toBe(400);
    expect((await response.json()).error.param).toBe(param);
    expect(await statusOf(id)).not.toBe("cancelled");
  });

  test("ends the rest when it is called again after the store failed halfway", async () => {
    const ids = await many(4);
    const { cancel: real } = world.store;
    let calls = 0;
    world.store.cancel = (scope, id) =>
      ++calls === 2 ? Promise.reject(new Error("away")) : real.call(world.store, scope, id);
    expect((await world.send("POST", "/v1/tasks/cancel", { body: { all: true } })).status).toBe(500);
    world.store.cancel = real;
    expect((await cancel({ all: true })).hasMore).toBe(false);
    for (const id of ids) expect(await statusOf(id)).toBe("cancelled");
  });
});

describe("POST /admin/v1/keys/{id}/cancel", () => {
  test("ends everything of that key, also when the key is off or gone, and nothing of another", async () => {
    const mine = await create();
    const { id, key } = await world.makeKey({ name: "theirs" });
    await many(2, key);
    await world.send("PATCH", `/admin/v1/keys/${id}`, { body: { enabled: false }, key: ADMIN_KEY });
    expect(await (await cancelKey(id)).json()).toMatchObject({ cancelled: 2, hasMore: false });
    expect(await statusOf(mine)).not.toBe("cancelled");
    expect(await (await cancelKey(id)).json()).toEqual({ cancelled: 0, taskIds: [], hasMore: false });
  });

  test("is 404 for a key that is not there and has nothing, and for administrators alone", async () => {
    expect((await cancelKey("key_unknown")).status).toBe(404);
    expect((await cancelKey("no%20id")).status).toBe(404);
    expect((await world.send("POST", "/admin/v1/keys/key_bootstrap/cancel")).status).toBe(403);
  });
});
