/** Items that are made by upstream jobs: what is remembered, what is begun anew, and how it ends. */

import { describe, expect, test } from "vitest";
import { permanent } from "../../../../src/providers/upstream/calls/failures.ts";
import { UpstreamError } from "../../../../src/providers/upstream/calls/upstream-error.ts";
import {
  billOf,
  cancelJobs,
  type JobReport,
  type JobsOrder,
  stepJobs,
} from "../../../../src/providers/upstream/jobs/jobs.ts";
import type { Failure } from "../../../../src/tasks/ports/media-provider.ts";
import { failureOf } from "../../../fixture/providers/upstream-errors.ts";
import { RecordingIo } from "../../../fixture/recording-io.ts";

const AWAY: Failure = { kind: "transient", code: "provider_unavailable", message: "away" };
const RUNNING: JobReport = { kind: "running", progress: 40, message: "painting" };
const made = (count: number): JobReport => ({
  kind: "made",
  made: {
    items: Array.from({ length: count }, (_, place) => ({
      media: { path: `p${place}`, contentType: "image/png", bytes: 1 },
    })),
    usage: { images: count },
  },
});

/** Jobs whose reports a test writes down, by reference; each begin takes the next of `begins`. */
function world(
  order: Partial<JobsOrder>,
  begins: (JobReport | Failure)[],
  reports: Record<string, JobReport | Failure> = {},
) {
  const begun: { count: number; index: number }[] = [];
  const io = new RecordingIo();
  const answer = <T>(report: T | Failure | undefined): T => {
    if (report === undefined) throw new Error("the test's script has no further answer");
    const isFailure =
      typeof report === "object" && report !== null && "message" in report && !("progress" in report);
    if (isFailure && "code" in report) throw new UpstreamError(report as Failure);
    return report as T;
  };
  const step = (state: JobsOrder["state"] = null) =>
    stepJobs({
      n: 3,
      perJob: 1,
      provider: "Painters",
      state,
      io,
      now: () => 1_000,
      pollAfterMs: () => 5_000,
      begin: async (count, index) => {
        begun.push({ count, index });
        return { ref: `job ${index}`, report: answer<JobReport>(begins.shift()) };
      },
      ask: async ({ ref }) => answer<JobReport>(reports[String(ref)]),
      ...order,
    });
  return { step, begun, io };
}

const job = (index: number) => ({ index, count: 1, ref: `job ${index}`, since: 0 });
const item = (index: number) => ({ index, media: { path: `p${index}`, contentType: "image/png", bytes: 1 } });
const state = (jobs: number[], items: number[] = [], errors: object[] = []) =>
  ({ items: items.map(item), errors, usage: { images: items.length }, jobs: jobs.map(job) }) as never;

test("as many jobs are begun as the items take, and their progress is the whole's", async () => {
  const { step, begun } = world({ n: 7, perJob: 3 }, [RUNNING, made(3), RUNNING]);
  const outcome = await step();
  expect(begun).toEqual([
    { count: 3, index: 0 },
    { count: 3, index: 3 },
    { count: 1, index: 6 },
  ]);
  // Three of seven are there; of the other four 40 %.
  expect(outcome).toMatchObject({ kind: "pending", progress: 65, message: "painting", pollAfterMs: 5_000 });
});

test("nothing is said of the whole while one job does not say how far it is", async () => {
  const silent = { kind: "running", message: "painting" } as const;
  const { step } = world({ n: 3, perJob: 1 }, [made(1), RUNNING, silent]);
  expect(await step()).not.toHaveProperty("progress");
});

test("what runs is asked for, what came is kept, and only what is missing is begun", async () => {
  const { step, begun } = world({}, [RUNNING], { "job 0": made(1), "job 2": RUNNING });
  const outcome = await step(state([0, 2]));
  expect(begun).toEqual([{ count: 1, index: 1 }]);
  expect(outcome).toMatchObject({
    kind: "pending",
    state: { items: [{ index: 0 }], jobs: [{ ref: "job 2" }, { ref: "job 1" }] },
  });
});

describe("a call that fails for now", () => {
  test("of the first submit is that of the submit, and stores nothing", async () => {
    const { step, io } = world({}, [{ ...AWAY, mayHaveStarted: true } as Failure]);
    expect(await failureOf(step())).toEqual({ ...AWAY, mayHaveStarted: true });
    expect(io.saved).toEqual([]);
  });

  test("while other jobs run uses no attempt, and what came meanwhile is stored", async () => {
    const { step, io } = world({}, [], { "job 0": made(1), "job 1": AWAY, "job 2": RUNNING });
    expect(await failureOf(step(state([0, 1, 2])))).toEqual(AWAY);
    expect(io.saved).toMatchObject([{ items: [{ index: 0 }], jobs: [{ index: 1 }, { index: 2 }] }]);
  });

  test("while nothing runs is a failure of the job, and at the last attempt an error of the missing items", async () => {
    expect(await failureOf(world({}, [AWAY]).step(state([], [0])))).toEqual({ ...AWAY, jobFailed: true });
    expect(await world({ lastAttempt: true }, [AWAY]).step(state([], [0]))).toMatchObject({
      kind: "done",
      items: [{ index: 0 }],
      errors: [
        { index: 1, code: "provider_unavailable" },
        { index: 2, code: "provider_unavailable" },
      ],
    });
  });
});

describe("a final failure", () => {
  test("of the account is one of all that were not begun, and the running ones go on", async () => {
    const { step, begun } = world({ n: 4 }, [permanent("provider_quota", "no money")], { "job 0": RUNNING });
    const outcome = await step(state([0]));
    expect(begun).toHaveLength(1);
    expect(outcome).toMatchObject({
      kind: "pending",
      state: { jobs: [{ index: 0 }], errors: [{ index: 1 }, { index: 2 }, { index: 3 }] },
    });
  });

  test("of every item is the task's, also when it was found in an earlier step", async () => {
    const errors = [{ index: 0, code: "content_policy_violation", message: "no" }];
    const { step } = world({ n: 2 }, [], {
      "job 1": { ...permanent("provider_error", "broke"), jobOver: true } as Failure,
    });
    expect(await step(state([1], [], errors))).toEqual({
      kind: "failed",
      failure: { kind: "permanent", code: "provider_error", message: "broke", jobOver: true },
    });
    expect(await world({ n: 1 }, []).step(state([], [], errors))).toEqual({
      kind: "failed",
      failure: { kind: "content_policy", message: "no", jobOver: true },
    });
  });
});

test("a job that cannot be asked for any more is left to be cancelled, and does not spoil the others", async () => {
  const gone = permanent("provider_auth", "revoked");
  expect(await world({ n: 1 }, [], { "job 0": gone }).step(state([0]))).toEqual({
    kind: "failed",
    failure: gone,
  });
  const outcome = await world({ n: 2 }, [], { "job 1": gone }).step(state([1], [0]));
  expect(outcome).toMatchObject({
    kind: "done",
    items: [{ index: 0 }],
    errors: [{ index: 1, code: "provider_auth" }],
  });
});

test("a state that cannot be read begins nothing", async () => {
  for (const odd of [7, "x", [], { jobs: [] }, { items: {}, errors: [], jobs: [], usage: {} }]) {
    const { step, begun } = world({}, [RUNNING, RUNNING, RUNNING]);
    expect(await failureOf(step(odd as never))).toMatchObject({ kind: "permanent", code: "provider_error" });
    expect(begun).toEqual([]);
  }
});

describe("a job that is lost", () => {
  const lost: JobReport = { kind: "lost", failure: AWAY as Extract<JobReport, { kind: "lost" }>["failure"] };
  const begins = () => [RUNNING, RUNNING, RUNNING];

  test("is begun again by the next attempt, and the others go on", async () => {
    const first = world({}, begins());
    const { state } = (await first.step()) as { state: JobsOrder["state"] };
    const second = world({}, [], { "job 0": made(1), "job 1": lost, "job 2": RUNNING });
    expect(await failureOf(second.step(state))).toEqual({ ...AWAY, jobFailed: true });
    const kept = second.io.saved.at(-1) ?? null;
    expect(kept).toMatchObject({ items: [{ index: 0 }], jobs: [{ index: 2 }] });
    const third = world({}, [RUNNING], { "job 2": made(1) });
    await third.step(kept);
    expect(third.begun).toEqual([{ count: 1, index: 1 }]);
  });

  test("that is alone leaves a state without it, and one that then cannot be begun uses an attempt", async () => {
    const first = world({ n: 1 }, [RUNNING]);
    const { state } = (await first.step()) as { state: JobsOrder["state"] };
    const second = world({ n: 1 }, [], { "job 0": lost });
    await failureOf(second.step(state));
    const kept = second.io.saved.at(-1) ?? null;
    expect(kept).toMatchObject({ items: [], jobs: [] });
    expect(await failureOf(world({ n: 1 }, [AWAY as never]).step(kept))).toEqual({
      ...AWAY,
      jobFailed: true,
    });
  });

  test("at the last attempt is an error of its items, and the end where nothing else came", async () => {
    const first = world({}, begins());
    const { state } = (await first.step()) as { state: JobsOrder["state"] };
    const last = { lastAttempt: true };
    const some = world(last, [], { "job 0": lost, "job 1": made(1), "job 2": made(1) });
    expect(await some.step(state)).toMatchObject({
      kind: "done",
      items: [{ index: 1 }, { index: 2 }],
      errors: [{ index: 0, code: "provider_unavailable", message: "away" }],
    });
    const none = world(last, [], { "job 0": lost, "job 1": lost, "job 2": lost });
    expect(await none.step(state)).toEqual({ kind: "failed", failure: { ...AWAY, jobFailed: true } });
  });
});

describe("what jobs cost", () => {
  const priced = (costMicros?: number) => ({
    begin: async () => ({ ref: "job", report: RUNNING, ...(costMicros !== undefined && { costMicros }) }),
  });

  test("is added up, and known from their begin on", async () => {
    const { state } = (await world({ n: 2, ...priced(10) }, []).step()) as { state: JobsOrder["state"] };
    expect(billOf(state)).toBe(20);
    const ended = await world({ n: 2, ask: async () => made(1) }, []).step(state);
    expect(ended).toMatchObject({ kind: "done", costMicros: 20 });
  });

  test("may be said at their end, and is not known where one does not say", async () => {
    const { state } = (await world({ n: 2, ...priced() }, []).step()) as { state: JobsOrder["state"] };
    expect(billOf(state)).toBe(null);
    const said = await world(
      { n: 2, ask: async () => ({ ...made(1), costMicros: 7 }) as JobReport },
      [],
    ).step(state);
    expect(said).toMatchObject({ kind: "done", costMicros: 14 });
    expect(await world({ n: 2, ask: async () => made(1) }, []).step(state)).not.toHaveProperty("costMicros");
  });
});

test("cancelling ends every job, and the least sure answer counts", async () => {
  const cancelled: unknown[] = [];
  const answers = ["immediate", "requested"] as const;
  const result = await cancelJobs(state([0, 1]), async ({ ref, index }) => {
    cancelled.push(ref);
    return answers[index] ?? "immediate";
  });
  expect([cancelled, result.cancellation]).toEqual([["job 0", "job 1"], "requested"]);
});
