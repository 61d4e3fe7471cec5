/** What the engine relies on in every media provider, whatever it makes and however. */

import { describe, expect, test } from "vitest";
import type { Json } from "../../src/protocol/task.ts";
import type { MediaJob, MediaProvider, StepOutcome } from "../../src/tasks/ports/media-provider.ts";
import { RecordingIo } from "../fixture/recording-io.ts";

export type MediaProviderSubject = {
  name: string;
  provider(): MediaProvider;
  /** A job that succeeds, with `n` items. */
  job(n: number): MediaJob;
  /** A job that can never succeed. */
  hopelessJob: MediaJob;
};

/** A job that is polled more often than this does not end. */
const MAX_POLLS = 1000;

export function mediaProviderContract(subject: MediaProviderSubject): void {
  describe(`the media provider ${subject.name}`, () => {
    /** Drives a job as the engine does: every state goes through JSON, and the latest one counts. */
    const finish = async (job: MediaJob, io: RecordingIo, from: Json = null): Promise<StepOutcome> => {
      const provider = subject.provider();
      let state = from;
      for (let step = 0; step < MAX_POLLS; step++) {
        const outcome = state === null ? await provider.submit(job, io) : await provider.poll(job, state, io);
        if (outcome.kind !== "pending") return outcome;
        state = JSON.parse(JSON.stringify(outcome.state));
      }
      throw new Error("the job never ended");
    };

    test("makes every item asked for, stored before it is named", async () => {
      const io = new RecordingIo();
      const outcome = await finish(subject.job(3), io);
      if (outcome.kind !== "done") throw new Error(`expected done, got ${JSON.stringify(outcome)}`);
      expect(outcome.items.map((item) => item.index)).toEqual([0, 1, 2]);
      for (const item of outcome.items) {
        const bytes = io.files.get(item.media.path);
        expect(bytes?.length).toBe(item.media.bytes);
        expect(item.media.bytes).toBeGreaterThan(0);
      }
    });

    test("reports progress from 0 to 100 that never goes down", async () => {
      const io = new RecordingIo();
      await finish(subject.job(2), io);
      const percents = io.reports.map((report) => report.percent);
      expect(percents).toEqual([...percents].sort((one, other) => one - other));
      expect(percents.every((percent) => percent >= 0 && percent <= 100)).toBe(true);
    });

    test("goes on from any saved state and makes no item twice", async () => {
      const first = new RecordingIo();
      const whole = await finish(subject.job(3), first);
      for (const state of first.saved) {
        const io = new RecordingIo();
        const resumed = await finish(subject.job(3), io, state);
        if (resumed.kind !== "done" || whole.kind !== "done") throw new Error("expected done");
        expect(resumed.items.map((item) => item.index)).toEqual(whole.items.map((item) => item.index));
        const known = new Set([...first.files.keys()].filter((path) => JSON.stringify(state).includes(path)));
        expect(io.files.size).toBe(3 - known.size);
      }
    });

    test("keeps a state the store takes: JSON of at most 8 kB", async () => {
      const io = new RecordingIo();
      await finish(subject.job(10), io);
      for (const state of io.saved) {
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
        expect(JSON.stringify(state).length).toBeLessThanOrEqual(8192);
      }
    });

    test("says what will never work as a permanent failure, without a throw", async () => {
      const outcome = await finish(subject.hopelessJob, new RecordingIo());
      expect(outcome).toMatchObject({
        kind: "failed",
        failure: { kind: "permanent", code: "invalid_request" },
      });
    });

    test("stops soon after it is told to, and stores nothing afterwards", async () => {
      const io = new RecordingIo();
      io.abort();
      const outcome = await subject.provider().submit(subject.job(1), io);
      expect(outcome.kind).not.toBe("done");
      expect(io.files.size).toBe(0);
    });

    test("can be cancelled twice", async () => {
      const provider = subject.provider();
      const cancel = () => provider.cancel(subject.job(1), null, new AbortController().signal);
      expect(await cancel()).toEqual(await cancel());
    });
  });
}
