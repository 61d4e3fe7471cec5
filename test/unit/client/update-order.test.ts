/** Updates that come by several ways, doubled and late, are shown once and in order. */

import { describe, expect, test } from "vitest";
import { UpdateOrder } from "../../../src/client/following/update-order.ts";
import type { TaskEventType, TaskStatus, WireEvent, WireTask } from "../../../src/protocol/task.ts";

function event(seq: number, type: TaskEventType, progress = 0): WireEvent {
  const status: TaskStatus =
    type === "queued" || type === "retrying"
      ? "queued"
      : type === "started" || type === "progress"
        ? "running"
        : type;
  return { id: `e.${seq}`, taskId: "t", seq, type, status, progress, message: null, at: "" };
}

function task(status: TaskStatus, progress: number): WireTask {
  return { taskId: "t", status, progress, message: null } as WireTask;
}
const polled = (status: TaskStatus, progress: number) =>
  ({ type: "snapshot", id: null, seq: null, task: task(status, progress) }) as const;
const streamed = (seq: number, status: TaskStatus, progress: number) =>
  ({ type: "snapshot", id: `e.${seq}`, seq, task: task(status, progress) }) as const;

describe("the order of updates", () => {
  test("shows each event once, however often it comes", () => {
    const order = new UpdateOrder();
    const updates = [event(1, "queued"), event(2, "started"), event(1, "queued"), event(2, "started")];
    expect(updates.map((update) => order.accept(update)?.type ?? null)).toEqual([
      "queued",
      "started",
      null,
      null,
    ]);
    expect(order.lastId).toBe("e.2");
  });

  test("never lowers progress, whichever way it came by", () => {
    const order = new UpdateOrder();
    expect(order.accept(polled("running", 60))).toMatchObject({ task: { progress: 60 } });
    expect(order.accept(event(3, "progress", 40))).toBeNull();
    expect(order.accept(event(4, "retrying", 40))).toMatchObject({ type: "retrying", progress: 60 });
    expect(order.accept(polled("running", 10))).toMatchObject({ task: { progress: 60 } });
    expect(order.accept(event(5, "progress", 70))).toMatchObject({ progress: 70 });
  });

  test("shows one end, and nothing behind it", () => {
    const order = new UpdateOrder();
    expect(order.accept(polled("completed", 100))).not.toBeNull();
    expect(order.over).toBe(true);
    expect(order.accept(event(9, "completed", 100))).toBeNull();
    expect(order.accept(streamed(9, "completed", 100))).toBeNull();
  });

  test("takes a snapshot that begins a stream and none that repeats an older one", () => {
    const order = new UpdateOrder();
    expect(order.accept(streamed(3, "running", 20))).not.toBeNull();
    order.accept(event(4, "progress", 30));
    expect(order.accept(streamed(3, "running", 20))).toBeNull();
    expect(order.lastId).toBe("e.4");
  });

  test("begins anew where events were lost, also with lower numbers", () => {
    const order = new UpdateOrder();
    order.accept(streamed(30, "running", 20));
    expect(order.accept({ type: "reset" })).toBeNull();
    expect(order.accept({ ...streamed(2, "running", 50), id: "f.2" })).not.toBeNull();
    expect(order.accept(event(3, "progress", 60))).not.toBeNull();
  });

  test("reading what is known is no news", () => {
    const order = new UpdateOrder();
    order.accept(event(2, "progress", 20));
    expect(order.accept(polled("running", 20))).toBeNull();
    expect(order.accept(polled("running", 21))).not.toBeNull();
  });
});
