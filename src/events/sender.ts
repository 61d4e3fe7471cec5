/**
 * Sends what stands in the outbox to the sink: the oldest rows first, one batch at a time by whoever has the lease, so that the events
 * of a task arrive in order. A batch whose answer was lost is sent again, with the same ids. A sink that is down
 * delays nobody: its rows wait in the store, within their bound, and are sent when it is back.
 */

import type { Clock, TimerHandle } from "../tasks/ports/clock.ts";
import { describeError, type Log } from "../tasks/ports/log.ts";
import type { EventSink, SinkAnswer } from "./http-sink.ts";
import { lineOf } from "./lines.ts";
import type { EventOutbox, OutboxBatch } from "./outbox.ts";

/** Longer than a batch takes with its time-out: whoever takes over a lease finds its holder gone. */
const LEASE_MS = 30_000;
const MAX_ROWS = 500;
const MAX_BYTES = 1_000_000;
/** Waits after failures in a row: doubled each time, moved by at most a fifth in both directions. */
const RETRY_BASE_MS = 1_000;
const RETRY_CAP_MS = 60_000;
const JITTER = 0.2;
/** How long a stopping process lets a batch go on, ms. */
const STOP_GRACE_MS = 2_000;

export type EventSenderDependencies = {
  readonly store: Pick<EventOutbox, "claimEvents" | "finishEvents">;
  readonly sink: EventSink;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 ≤ n < 1, for jitter. */
  readonly random?: () => number;
};

export class EventSender {
  readonly #dependencies: EventSenderDependencies;
  readonly #stop = new AbortController();
  #timer: TimerHandle | null = null;
  #sending: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Less while the sink refuses larger batches. */
  #rows = MAX_ROWS;
  #sent = 0;

  constructor(dependencies: EventSenderDependencies) {
    this.#dependencies = dependencies;
  }

  /** Events that the sink has taken from this process. */
  get sent(): number {
    return this.#sent;
  }

  /** Looks for rows every `everyMs`, and sends what there is. */
  start(everyMs: number): void {
    this.#sending = this.drain().finally(() => {
      if (!this.#stopped) this.#timer = this.#dependencies.clock.after(everyMs, () => this.start(everyMs));
    });
  }

  /** Sends what is left, for a moment; a batch that takes longer is sent again by whoever comes next. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    const grace = this.#dependencies.clock.after(STOP_GRACE_MS, () =>
      this.#stop.abort(new Error("the process is shutting down")),
    );
    await this.#sending;
    await this.drain();
    grace.cancel();
  }

  /**
   * Sends what waits, until there is nothing more, the sink does not take it, or `enough` says so between two batches.
   * Never rejects.
   */
  async drain(enough: () => boolean = () => false): Promise<void> {
    try {
      while (!this.#stop.signal.aborted && !enough() && (await this.#sendBatch()));
    } catch (error) {
      this.#dependencies.log.error("the outbox of events cannot be used", { cause: describeError(error) });
    }
  }

  /** Whether a batch went out, so that another one may be there. */
  async #sendBatch(): Promise<boolean> {
    const { store, log } = this.#dependencies;
    const batch = await store.claimEvents({ leaseMs: LEASE_MS, maxRows: this.#rows, maxBytes: MAX_BYTES });
    if (batch === null) return false;
    const { rows, failures } = batch;
    const reason = await this.#send(batch);
    if (reason === null) {
      const held = await store.finishEvents(batch, { kind: "sent" });
      this.#sent += rows.length;
      this.#rows = Math.min(MAX_ROWS, this.#rows * 2);
      if (failures > 0) log.info("events are sent again", { afterFailures: failures });
      return held;
    }
    const delayMs = this.#stop.signal.aborted ? 0 : this.#delayAfter(failures);
    await store.finishEvents(batch, { kind: "failed", delayMs });
    log.warn("events could not be sent", { events: rows.length, failures: failures + 1, delayMs, reason });
    return false;
  }

  /** Null when the sink took it; else why not. */
  async #send({ rows }: OutboxBatch): Promise<string | null> {
    const { sink, log } = this.#dependencies;
    const lines = rows.map(lineOf).filter((line) => line !== null);
    // A row that cannot be read harms itself alone.
    if (lines.length < rows.length)
      log.error("events could not be read and are left out", { events: rows.length - lines.length });
    if (lines.length === 0) return null;
    let answer: SinkAnswer;
    try {
      answer = await sink.send(lines.join(""), this.#stop.signal);
    } catch (error) {
      return describeError(error);
    }
    switch (answer.kind) {
      case "taken":
        return null;
      case "refused":
        return answer.reason;
      case "too_large":
        this.#rows = Math.max(1, Math.floor(rows.length / 2));
        return `a batch of ${rows.length} is too large for it`;
    }
  }

  #delayAfter(failures: number): number {
    const { random = Math.random } = this.#dependencies;
    const delayMs = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.min(failures, 16));
    return Math.round(delayMs * (1 + JITTER * (2 * random() - 1)));
  }
}
