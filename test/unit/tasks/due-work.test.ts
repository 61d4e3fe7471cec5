import { describe, expect, test } from "vitest";
import {
  type CleanupPayload,
  cleanupDraft,
  cleanupId,
  cleanupPayload,
  deliveryDraft,
  type LateReport,
  upstreamJobOf,
  withLateReport,
} from "../../../src/tasks/due-work.ts";
import { runningTask } from "../../fixture/task.ts";

const job = { provider: "x", model: "one", credential: "account", attempt: 2, fence: 1 };
const payload: CleanupPayload = { ...job, state: "job", reported: false, costMicros: 5 };
const report = (changes: Partial<LateReport>): LateReport => ({
  taskId: "t",
  fence: 1,
  job,
  state: null,
  costMicros: null,
  ...changes,
});

describe("a cleanup", () => {
  test("is one for each holder of a task", () => {
    const idOf = (taskId: string, fence: number) => cleanupId(taskId, { fence });
    const ids = [idOf("t", 1), idOf("t", 2), idOf("u", 1), idOf("t", 11)];
    expect(new Set(ids).size).toBe(ids.length);
    expect(cleanupDraft("t", payload).id).toBe(idOf("t", 1));
  });

  test("waits at the provider that runs the job, with all it takes to end it", () => {
    const draft = cleanupDraft("t", payload);
    expect(draft).toMatchObject({ kind: "cleanup", destination: "x", taskId: "t" });
    expect(cleanupPayload(draft)).toEqual(payload);
  });

  test("is about the job of the candidate that is tried now", () => {
    const task = runningTask({
      route: [
        { provider: "x", model: "one" },
        { provider: "y", model: "two" },
      ],
      candidate: 1,
      credential: "account",
      attempt: 3,
    });
    const job = { provider: "y", model: "two", credential: "account", attempt: 3 };
    expect(upstreamJobOf(task)).toEqual({ ...job, fence: task.fence });
    expect(upstreamJobOf({ ...task, state: "ref", jobFence: 7 })).toEqual({ ...job, fence: 7 });
  });
});

describe("a late report", () => {
  test("replaces what was known by what the holder knew", () => {
    expect(withLateReport(payload, report({ state: "newer", costMicros: 9 }))).toEqual({
      ...payload,
      state: "newer",
      costMicros: 9,
      reported: true,
    });
  });

  test("with nothing in it keeps what was known, and says that the call is over", () => {
    expect(withLateReport(payload, report({}))).toEqual({ ...payload, reported: true });
  });

  test("of a job that cost nothing is no report without a cost", () => {
    expect(withLateReport(payload, report({ costMicros: 0 })).costMicros).toBe(0);
  });

  test("leaves the job under the names it was submitted with", () => {
    const elsewhere = { provider: "y", model: "two", credential: null, attempt: 9, fence: 1 };
    expect(withLateReport(payload, report({ job: elsewhere, state: "newer" }))).toMatchObject(job);
  });
});

describe("a delivery", () => {
  const announcing = (url: string, seq = 3) =>
    deliveryDraft(runningTask({ seq, webhook: { url, headers: {}, events: [] } }), "task.completed");

  test("is none for a task without a webhook", () => {
    expect(deliveryDraft(runningTask(), "task.completed")).toBeNull();
  });

  test("says where to, of what, and of which place in the log", () => {
    expect(announcing("https://user.example/hook?tag=1")).toEqual({
      id: `${runningTask().id}/3`,
      kind: "delivery",
      destination: "https://user.example",
      taskId: runningTask().id,
      payload: { url: "https://user.example/hook?tag=1", type: "task.completed", seq: 3 },
    });
  });

  test.each([
    ["https://USER.example:443/a", "https://user.example"],
    ["https://user.example:8443/a", "https://user.example:8443"],
    ["http://user.example/a", "http://user.example"],
    ["https://ann:secret@user.example/a", "https://user.example"],
    ["https://[::1]:9/a", "https://[::1]:9"],
  ])("to %s waits in the line of %s", (url, origin) => {
    expect(announcing(url)?.destination).toBe(origin);
  });

  test("to what is no URL waits in a line of its own", () => {
    expect(announcing("not a url")?.destination).toBe("not a url");
  });

  test("of one place in the log is the same work however often it is made", () => {
    expect(announcing("https://user.example/hook")?.id).toBe(announcing("https://user.example/hook")?.id);
    expect(announcing("https://user.example/hook", 4)?.id).not.toBe(
      announcing("https://user.example/hook")?.id,
    );
  });
});
