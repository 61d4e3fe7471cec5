/** The mock client: what programs that are tested with it see, on a clock that stands still. */

import { describe, expect, test } from "vitest";
import type { ConduitClient, ConduitRealtimeClient } from "../../../src/client/index.ts";
import { MockConduitClient } from "../../../src/client/testing/index.ts";
import { BadRequestError, BudgetExceededError, NotFoundError } from "../../../src/client/transport/errors.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";

const IMAGE = { model: "dall-e-3", prompt: "a red boat" };

async function connected() {
  const clock = new ManualClock();
  const client = new MockConduitClient({ clock });
  const seen: unknown[] = [];
  client.on("progress", ({ progress }) => seen.push(progress));
  client.on("completed", (result) => seen.push(result));
  client.on("failed", ({ error }) => seen.push(error));
  await within(clock, client.connect("image"));
  return { clock, client, seen };
}

/** Moves the clock on for the turns that the mock network takes. */
async function within<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let over = false;
  const done = () => {
    over = true;
  };
  promise.then(done, done);
  for (let turn = 0; turn < 20 && !over; turn += 1) {
    await settled();
    await clock.advance(0);
  }
  return promise;
}

/** The same for what takes time: each turn lasts so long. */
async function passing<T>(clock: ManualClock, promise: Promise<T>, ms = 5): Promise<T> {
  let over = false;
  const done = () => {
    over = true;
  };
  promise.then(done, done);
  for (let turn = 0; turn < 50 && !over; turn += 1) {
    await settled();
    await clock.advance(ms);
  }
  return promise;
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  await settled();
  await clock.advance(ms);
  await clock.advance(0);
  await settled();
}

describe("the mock client", () => {
  test("is of the types that programs use", () => {
    const program = (realtime: ConduitRealtimeClient, conduit: ConduitClient) =>
      [realtime.isConnected, conduit.tasks].length;
    const client = new MockConduitClient({ clock: new ManualClock() });
    expect(program(client, client.rest)).toBe(2);
  });

  test("tells progress in steps of 20 and completes after a second", async () => {
    const { clock, client, seen } = await connected();
    const taskId = await within(clock, client.generateImage(IMAGE));
    await pass(clock, 800);
    expect(seen).toEqual([0, 20, 40, 60, 80]);
    await pass(clock, 200);
    expect(seen.at(-1)).toMatchObject({ taskId, status: "completed", imageUrl: expect.any(String) });
  });

  test("takes as long as it is told, and fails when it is told to", async () => {
    const { clock, client, seen } = await connected();
    client.setMockDelay(50);
    client.setShouldFail(true);
    await within(clock, client.generateVideo(IMAGE));
    await pass(clock, 50);
    expect(seen.at(-1)).toBe("Mock failure");
  });

  test("plays timelines, one for each task", async () => {
    const { clock, client, seen } = await connected();
    client.script([
      { afterMs: 10, progress: 55, message: "halfway" },
      { afterMs: 10, failed: "no", code: "timeout" },
    ]);
    const taskId = await within(clock, client.generateImage(IMAGE));
    await pass(clock, 20);
    expect(seen).toEqual([0, 55, "no"]);
    expect(await within(clock, client.rest.tasks.get(taskId))).toMatchObject({ errorCode: "timeout" });
  });

  test("has the API of the same tasks", async () => {
    const { clock, client } = await connected();
    const { taskId } = await within(clock, client.rest.images.generateAsync(IMAGE));
    const waiting = client.rest.tasks.wait(taskId);
    await within(clock, client.rest.tasks.cancel(taskId));
    expect(await within(clock, waiting)).toMatchObject({ status: "cancelled" });
  });
});

describe("the API of the mock client", () => {
  test("makes pictures synchronously, as addresses, inline and as a stream, and fails as the gateway does", async () => {
    const { clock, client } = await connected();
    client.setMockDelay(10);
    const { rest } = client;
    expect((await passing(clock, rest.images.generate({ ...IMAGE, n: 2 }))).data).toHaveLength(2);
    const inline = await passing(
      clock,
      rest.images.edit({ ...IMAGE, image: new Blob(["x"]), response_format: "b64_json" }),
    );
    expect(inline.data[0]?.b64_json).toMatch(/^iVBOR/);
    const events = rest.images.generate({ ...IMAGE, stream: true });
    expect((await passing(clock, events.next())).value).toMatchObject({ type: "image_generation.completed" });
    client.script([{ afterMs: 0, failed: "not this", code: "content_policy_violation" }]);
    const failure = await passing(clock, rest.images.generate(IMAGE)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BadRequestError);
    expect(failure).toMatchObject({ code: "content_policy_violation", message: "not this" });
  });

  test("lists by filters and in pages, cancels many, retries and removes", async () => {
    const { clock, client } = await connected();
    const { rest } = client;
    const ids: string[] = [];
    for (let made = 0; made < 5; made += 1)
      ids.push((await within(clock, rest.images.generateAsync(IMAGE))).taskId);
    const seen: string[] = [];
    const all = (async () => {
      for await (const { taskId } of await rest.tasks.list({ limit: 2 })) seen.push(taskId);
    })();
    await passing(clock, all, 0);
    expect(seen).toEqual([...ids].reverse());
    const [first = "", second = ""] = ids;
    await within(clock, rest.tasks.cancel(first));
    expect((await within(clock, rest.tasks.list({ status: "cancelled" }))).data).toHaveLength(1);
    expect(await within(clock, rest.tasks.cancelMany({ status: ["queued", "running"] }))).toMatchObject({
      cancelled: 4,
    });
    const again = await within(clock, rest.tasks.retry(second));
    expect(await within(clock, rest.tasks.get(again.taskId))).toMatchObject({ retryOf: second });
    expect(await within(clock, rest.tasks.purge(first))).toMatchObject({ purged: true });
    const gone = await within(clock, rest.tasks.get(first)).catch((error: unknown) => error);
    expect(gone).toBeInstanceOf(NotFoundError);
  });

  test("has batches, models, prices, usage, keys, and a stream of all tasks", async () => {
    const { clock, client } = await connected();
    client.setMockDelay(10);
    const { rest } = client;
    const watched: string[] = [];
    const leaving = new AbortController();
    const watch = rest.tasks
      .watch({
        signal: leaving.signal,
        onEvent: ({ type }) => watched.push(type),
        onReset: () => watched.push("reset"),
      })
      .catch((reason: unknown) => reason);
    await pass(clock, 0);
    const requests = [
      { type: "image" as const, ...IMAGE },
      { type: "video" as const, ...IMAGE },
    ];
    const { batchId } = await within(clock, rest.batches.create({ requests }));
    await pass(clock, 50);
    expect(await within(clock, rest.batches.get(batchId))).toMatchObject({
      status: "completed",
      counts: { completed: 2 },
    });
    expect((await within(clock, rest.batches.list())).data).toHaveLength(1);
    expect([watched[0], watched.filter((type) => type === "completed").length]).toEqual(["reset", 2]);
    leaving.abort("enough");
    expect(await watch).toBe("enough");
    expect((await within(clock, rest.models.list())).map(({ id }) => id)).toEqual([
      "mock/image",
      "mock/video",
    ]);
    expect(await within(clock, rest.models.get("mock/video"))).toMatchObject({ id: "mock/video" });
    expect(await within(clock, rest.estimate(IMAGE))).toMatchObject({ reserved: 0 });
    expect(await within(clock, rest.usage.get({ groupBy: "type" }))).toMatchObject({ totals: { items: 2 } });
    expect(await within(clock, rest.usage.csv())).toContain("requests,completed");
    expect(await within(clock, rest.ephemeralKeys.create({ subject: "u" }))).toMatchObject({ subject: "u" });
    expect(await within(clock, rest.key.get())).toMatchObject({ enabled: true });
  });

  test("has webhook endpoints, to which nothing is sent", async () => {
    const { clock, client } = await connected();
    const { webhookEndpoints } = client.rest;
    const { id, secret } = await within(clock, webhookEndpoints.create({ url: "https://example.com/hook" }));
    expect(secret).toMatch(/^whsec_/);
    const changed = await within(clock, webhookEndpoints.update(id, { description: "mine" }));
    expect(changed).toMatchObject({ url: "https://example.com/hook", description: "mine", enabled: true });
    expect(await within(clock, webhookEndpoints.ping(id))).toMatchObject({ httpStatus: 200 });
    expect(await within(clock, webhookEndpoints.rotateSecret(id))).toMatchObject({ id, secret });
    await within(clock, webhookEndpoints.remove(id));
    expect(await within(clock, webhookEndpoints.list())).toEqual([]);
  });

  test("makes a create that is repeated under one key once, and refuses what it is told to refuse", async () => {
    const { clock, client } = await connected();
    const { rest } = client;
    const make = () => within(clock, rest.images.generateAsync(IMAGE, { idempotencyKey: "order-7" }));
    expect((await make()).taskId).toBe((await make()).taskId);
    client.refuseNext("budget_exceeded");
    const refused = await within(clock, rest.images.generateAsync(IMAGE)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BudgetExceededError);
  });

  test("tells every step of many tasks at once", async () => {
    const { clock, client, seen } = await connected();
    for (let made = 0; made < 8; made += 1) await within(clock, client.generateImage(IMAGE));
    await pass(clock, 1_100);
    expect(seen.filter((said) => said === 60)).toHaveLength(8);
    expect(seen.filter((said) => typeof said === "object")).toHaveLength(8);
  });
});
