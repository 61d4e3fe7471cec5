import { describe, expect, test } from "vitest";
import { mcpTaskOf } from "../../../../src/http/mcp/mcp-task.ts";
import type { WireTask } from "../../../../src/protocol/task.ts";

const DAY_MS = 86_400_000;
const KEPT_MS = 30 * DAY_MS;
const QUEUED: WireTask = {
  taskId: "01900000-0000-7000-8000-000000000001",
  task_id: "01900000-0000-7000-8000-000000000001",
  type: "video",
  status: "queued",
  created: "2026-11-21T10:30:00.000Z",
  updated: "2026-11-21T10:30:01.000Z",
  progress: 0,
  message: null,
  queuePosition: 3,
  estimatedSecondsRemaining: null,
  attempt: 0,
  maxAttempts: 3,
  nextAttemptAt: null,
  model: "local/motion",
  priority: "normal",
  metadata: {},
};
const RUNNING: WireTask = {
  ...QUEUED,
  status: "running",
  queuePosition: null,
  progress: 40,
  message: "painting",
};
const ENDED = { finished: "2026-11-22T10:30:00.000Z", expiresAt: "2026-12-22T10:30:00.000Z" };

describe("a task of the extension", () => {
  test("is at work while ours is queued, and says where it stands", () => {
    expect(mcpTaskOf(QUEUED, KEPT_MS)).toEqual({
      taskId: QUEUED.taskId,
      status: "working",
      statusMessage: "Queued, at position 3.",
      createdAt: QUEUED.created,
      lastUpdatedAt: QUEUED.updated,
      ttlMs: KEPT_MS,
      pollIntervalMs: 2_000,
    });
    expect(mcpTaskOf({ ...QUEUED, queuePosition: null }, KEPT_MS).statusMessage).toBe("Queued.");
  });

  test.each([
    [null, 1_000],
    [2, 1_000],
    [20, 4_000],
    [600, 10_000],
  ])("with %s seconds to go is asked every %i ms", (estimatedSecondsRemaining, pollIntervalMs) => {
    const task = mcpTaskOf({ ...RUNNING, estimatedSecondsRemaining }, KEPT_MS);
    expect(task).toMatchObject({ status: "working", statusMessage: "painting, 40 %.", pollIntervalMs });
  });

  test.each([
    ["completed", "completed", "Completed."],
    ["failed", "completed", "Failed: no paint"],
    ["cancelled", "cancelled", "Cancelled."],
  ] as const)("that is %s is %s, and kept from its end on", (status, shown, statusMessage) => {
    const task = mcpTaskOf({ ...RUNNING, ...ENDED, status, error: "no paint" }, KEPT_MS);
    expect(task).toMatchObject({ status: shown, statusMessage, ttlMs: 31 * DAY_MS });
    expect(task).not.toHaveProperty("pollIntervalMs");
  });
});
