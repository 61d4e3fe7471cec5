import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { QStashDoorbell, type QStashDoorbellOptions } from "../../../src/queues/qstash-doorbell.ts";
import type { Clock } from "../../../src/tasks/ports/clock.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { type QStashServer, startQStash } from "../../fixture/qstash/server.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

const TOKEN = "token-of-the-tests-0123456789";
const PUBLIC_URL = "https://gateway.example";
const TASK = { id: "019aa7f3-1c2d-7abc-8def-0123456789ab", fence: 4 };
/** Waits of the doorbell between two tries are shorter than this, its time limit is longer; ms. */
const SHORT_MS = 5_000;

describe("the QStash doorbell", () => {
  let qstash: QStashServer;
  let time: ManualClock;
  let said: string[];

  beforeEach(() => {
    time = new ManualClock();
    qstash = startQStash({
      token: TOKEN,
      keys: { current: "current", next: "next" },
      clock: time,
      deliver: async () => new Response(),
    });
    said = [];
    // The client speaks to the console when a call fails.
    for (const method of ["error", "warn"] as const) {
      vi.spyOn(console, method).mockImplementation((...words) => said.push(words.join(" ")));
    }
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
    await qstash.stop();
  });

  test("publishes a ring to the step route, to be delivered at once", async () => {
    const { doorbell, sent } = make();
    doorbell.ring("image", time.now(), TASK);
    await sent();
    expect(qstash.api.publications).toEqual([
      {
        url: "https://gateway.example/v1/queue/step",
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ lane: "image", taskId: TASK.id, step: 4, again: 0 }),
        delayMs: 0,
        retries: 3,
        timeoutMs: 330_000,
        deduplicationId: `${TASK.id}-4`,
        failureCallback: "https://gateway.example/v1/queue/failed",
      },
    ]);
    expect(doorbell.health()).toEqual({ status: "ok", ringsSent: 1, ringsFailed: 0 });
  });

  test.each([
    { dueInMs: 1, delayMs: 1_000 },
    { dueInMs: 2_000, delayMs: 2_000 },
    { dueInMs: 2_001, delayMs: 3_000 },
    { dueInMs: -5_000, delayMs: 0 },
    { dueInMs: 30 * 86_400_000, delayMs: 7 * 86_400_000 },
  ])("asks for whole seconds of delay, rounded up: $dueInMs ms is $delayMs ms", async (times) => {
    const { doorbell, sent } = make();
    doorbell.ring("video", time.now() + times.dueInMs, TASK);
    await sent();
    expect(qstash.api.publications[0]?.delayMs).toBe(times.delayMs);
  });

  test("asks QStash to wait as long as its smallest plan allows when a step may take longer", async () => {
    const { doorbell, sent } = make({ longestStepMs: 7_200_000 });
    doorbell.ring("video", time.now(), TASK);
    await sent();
    expect(qstash.api.publications[0]?.timeoutMs).toBe(900_000);
  });

  test("rings once for one step of one task, and again for its next step and for another occasion", async () => {
    const { doorbell, sent } = make();
    const steps = [
      () => doorbell.ring("image", time.now(), TASK),
      () => doorbell.ring("image", time.now() + 5_000, TASK),
      () => doorbell.ring("image", time.now(), { ...TASK, fence: 5 }),
      () => doorbell.ringFor("more", "image", time.now(), TASK),
      () => doorbell.ringFor("more", "image", time.now(), TASK),
      () => doorbell.ringFor("early", "image", time.now(), TASK),
      () => doorbell.ringAgain({ lane: "image", taskId: TASK.id, step: 4, again: 1 }, time.now()),
    ];
    for (const step of steps) {
      step();
      await sent();
    }
    expect(qstash.emulator.counts).toMatchObject({ published: 5, deduplicated: 2 });
    const ids = qstash.api.publications.map(({ deduplicationId }) => deduplicationId ?? "");
    // QStash refuses a colon; letters, digits and dashes are safe everywhere.
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9-]+$/);
  });

  test("publishes again when the answer was lost, and still rings once", async () => {
    const { doorbell, sent } = make();
    qstash.api.trouble = { kind: "lose-answer", times: 2 };
    doorbell.ring("image", time.now(), TASK);
    await sent();
    expect(qstash.emulator.counts).toMatchObject({ published: 1, deduplicated: 2 });
    expect(doorbell.health()).toMatchObject({ status: "ok", ringsSent: 1 });
  });

  test.each([429, 500, 503])("tries %s three times, then leaves the task to the sweep", async (status) => {
    const { doorbell, sent, log } = make();
    qstash.api.trouble = { kind: "refuse", status, times: 100 };
    doorbell.ring("image", time.now(), TASK);
    await sent();
    expect(qstash.api.trouble.times).toBe(97);
    expect(log.lines).toMatchObject([
      { level: "warn", message: "ring could not be sent", fields: { taskId: TASK.id } },
    ]);
  });

  test("says in its health when and why rings cannot be sent, and that they can again", async () => {
    const { doorbell, sent } = make();
    qstash.api.trouble = { kind: "refuse", status: 500, times: 6 };
    const since = new Date(time.now()).toISOString();
    doorbell.ring("image", time.now(), TASK);
    await sent();
    await time.advance(60_000);
    doorbell.ring("image", time.now(), { ...TASK, fence: 5 });
    await sent();
    const health = doorbell.health();
    expect(health).toMatchObject({ status: "degraded", ringsSent: 0, ringsFailed: 2 });
    expect(health.detail).toContain(since);
    expect(health.detail).toContain("status 500");
    doorbell.ring("image", time.now(), { ...TASK, fence: 6 });
    await sent();
    expect(doorbell.health()).toEqual({ status: "ok", ringsSent: 1, ringsFailed: 2 });
  });

  test("does not insist when QStash refuses its token, and repeats the token nowhere", async () => {
    const wrong = "a-token-that-is-not-known";
    const { doorbell, sent, log } = make({ token: wrong });
    doorbell.ring("image", time.now(), TASK);
    await sent();
    expect(doorbell.health()).toMatchObject({ status: "degraded", ringsFailed: 1 });
    expect(doorbell.health().detail).toContain("status 401");
    expect(JSON.stringify([log.lines, said, doorbell.health()])).not.toContain(wrong);
  });

  test("takes a token out of whatever QStash answers", async () => {
    vi.stubGlobal("fetch", async () => new Response(`the token ${TOKEN} is not good`, { status: 403 }));
    const { doorbell, sent, log } = make();
    doorbell.ring("image", time.now(), TASK);
    await sent();
    expect(doorbell.health().detail).toContain("the token [redacted] is not good");
    expect(JSON.stringify([log.lines, said])).not.toContain(TOKEN);
  });

  test("fails nothing when QStash cannot be reached at all", async () => {
    const { doorbell, sent } = make({ url: "http://127.0.0.1:1" });
    expect(() => doorbell.ring("image", time.now(), TASK)).not.toThrow();
    await sent();
    expect(doorbell.health()).toMatchObject({ status: "degraded", ringsFailed: 1 });
  });

  test("gives up on a QStash that never answers", async () => {
    const { doorbell, sent } = make({}, time);
    qstash.api.trouble = { kind: "hang", times: 100 };
    doorbell.ring("image", time.now(), TASK);
    await time.advance(30_000);
    await sent();
    expect(doorbell.health().detail).toContain("did not answer within 8000 ms");
  });

  test("is not stopped by a host that cannot hold work open", async () => {
    const pending: Promise<void>[] = [];
    const { doorbell, log } = make({}, hasty(time), (promise) => {
      pending.push(promise);
      throw new Error("no request is under way");
    });
    expect(() => doorbell.ring("image", time.now(), TASK)).not.toThrow();
    await Promise.all(pending);
    expect(log.lines).toMatchObject([{ message: "ring is not held open" }]);
    expect(qstash.emulator.counts.published).toBe(1);
  });

  test("keeps a thousand rings under way and leaves what is beyond to the sweep", async () => {
    vi.stubGlobal("fetch", () => new Promise(() => {}));
    const { doorbell } = make({}, time);
    for (let fence = 0; fence < 1_001; fence += 1) doorbell.ring("image", time.now(), { ...TASK, fence });
    expect(doorbell.health()).toMatchObject({ status: "degraded", ringsFailed: 1 });
    expect(doorbell.health().detail).toContain("more than 1000 rings");
    await settled();
  });

  test("forgets rings whose request the host has ended, so that there is room for others", async () => {
    vi.stubGlobal("fetch", () => new Promise(() => {}));
    const deaf: Clock = {
      now: () => time.now(),
      monotonic: () => time.monotonic(),
      after: () => ({ cancel() {} }),
    };
    const { doorbell } = make({}, deaf);
    for (let fence = 0; fence < 1_000; fence += 1) doorbell.ring("image", time.now(), { ...TASK, fence });
    await time.advance(60_000);
    doorbell.ring("image", time.now(), { ...TASK, fence: 1_000 });
    expect(doorbell.health()).toMatchObject({ status: "ok", ringsFailed: 0 });
  });

  function make(
    changes: Partial<QStashDoorbellOptions> = {},
    clock: Clock = hasty(time),
    keepAlive?: (pending: Promise<void>) => void,
  ) {
    const pending: Promise<void>[] = [];
    const log = recordingLog();
    const doorbell = new QStashDoorbell(
      { token: TOKEN, url: qstash.url, publicUrl: PUBLIC_URL, longestStepMs: 300_000, ...changes },
      { clock, log, keepAlive: keepAlive ?? ((promise) => pending.push(promise)) },
    );
    return {
      doorbell,
      log,
      /** Waits for every ring so far. */
      sent: async () => {
        await Promise.all(pending.splice(0));
      },
    };
  }
});

/** A clock whose short waits are over at once and whose long ones never are. */
function hasty(clock: ManualClock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after(ms, callback) {
      if (ms < SHORT_MS) queueMicrotask(callback);
      return { cancel: () => {} };
    },
  };
}
