/** What processes that share a store tell each other about work. */

import { describe, expect, test } from "vitest";
import { BusWorkers } from "../../../../src/tasks/engine/other-workers.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";
import { MemoryBusHub } from "../../../fixture/memory-bus.ts";

async function pair() {
  const clock = new ManualClock();
  const hub = new MemoryBusHub();
  const [one, other] = [new BusWorkers(hub.instance(), clock), new BusWorkers(hub.instance(), clock)];
  const heard: string[] = [];
  await other.listen({
    wake: (lane) => heard.push(`wake ${lane}`),
    stopEnded: (taskId) => heard.push(`ended ${taskId}`),
  });
  return { clock, hub, one, heard };
}

describe("other workers over a bus", () => {
  test("hear of work that is left, and of tasks that were ended", async () => {
    const { one, heard } = await pair();
    one.workLeft("video");
    one.ended("task-1");
    expect(heard).toEqual(["wake video", "ended task-1"]);
  });

  test("hear of a burst of rings at its beginning and once more, not a thousand times", async () => {
    const { clock, one, heard } = await pair();
    for (let ring = 0; ring < 1_000; ring++) one.workLeft("image");
    one.workLeft("video");
    expect(heard).toEqual(["wake image", "wake video"]);
    await clock.advance(1_000);
    expect(heard).toEqual(["wake image", "wake video", "wake image"]);
    one.workLeft("image");
    expect(heard).toHaveLength(4);
  });

  test("take no notice of what another version may say", async () => {
    const { hub, heard } = await pair();
    const stranger = hub.instance();
    for (const message of ["", "ring", "ring audio", "dance image"]) stranger.publish("work", message);
    expect(heard).toEqual([]);
  });
});
