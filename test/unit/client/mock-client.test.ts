/** The mock client: what programs that are tested with it see, on a clock that stands still. */

import { describe, expect, test } from "vitest";
import { MockConduitClient } from "../../../src/client/testing/index.ts";
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
  void promise.finally(() => {
    over = true;
  });
  for (let turn = 0; turn < 20 && !over; turn += 1) {
    await settled();
    await clock.advance(0);
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
