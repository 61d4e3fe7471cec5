/**
 * The doorbell over QStash: every ring is one published message, delivered back to the gateway's own step route when
 * it is due. A ring that cannot be sent fails nothing: it is counted, logged and shown in `/health`, and the sweep
 * finds the task.
 */

import { Client } from "@upstash/qstash";
import type { TaskType } from "../protocol/task.ts";
import type { RingOccasion } from "../tasks/engine/scheduling.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Doorbell, RungTask } from "../tasks/ports/doorbell.ts";
import { describeError, type Log } from "../tasks/ports/log.ts";
import { FAILED_PATH, queueAddress, type RingMessage, STEP_PATH } from "./qstash-message.ts";

export type QStashDoorbellOptions = {
  token: string;
  /** Where QStash is reached: its address differs by region. Null: `DEFAULT_QSTASH_URL`. */
  url: string | null;
  /** Scheme, host and path prefix under which QStash reaches this gateway; part of what is signed. */
  publicUrl: string;
  /** The longest a step may take, ms: how long QStash waits for the answer to a ring. */
  longestStepMs: number;
};

export type QStashDoorbellDependencies = {
  clock: Clock;
  log: Log;
  /**
   * Keeps the host from ending the work before the promise does (`waitUntil` on Workers). The promise never rejects.
   */
  keepAlive(pending: Promise<void>): void;
};

/** How the sending of rings goes, for `/health` and metrics. */
export type RingHealth = {
  status: "ok" | "degraded";
  /** When and why, while the last ring could not be sent. */
  detail?: string;
  ringsSent: number;
  /** Rings that could not be sent; the sweep finds their work. */
  ringsFailed: number;
};

/** Where QStash is reached unless the operator says otherwise. */
export const DEFAULT_QSTASH_URL = "https://qstash.upstash.io";

/**
 * Deliveries after the first. QStash's smallest plan allows no more, and the sweep is quicker than a fourth would be.
 */
const DELIVERY_RETRIES = 3;
/** How often a publish is tried: the deduplication id makes a repeated one harmless. */
const PUBLISH_TRIES = 3;
/** The wait before the second try, ms; doubles with each further one. */
const PUBLISH_RETRY_MS = 200;
/** One try may take this long, ms: three of them and their waits stay below the 30 s that Workers grant `waitUntil`. */
const PUBLISH_TIMEOUT_MS = 8_000;
/** Publishes under way at once: what comes beyond is left to the sweep instead of to memory. */
const MAX_PENDING = 1_000;
/** After this a publish is over, whatever became of it, ms: its three tries and their waits take less. */
const ABANDONED_MS = 60_000;
/**
 * The longest delay of QStash's smallest plan, seconds: a ring that comes early finds nothing due, which is no error.
 */
const MAX_DELAY_SECONDS = 7 * 86_400;
/** QStash waits this much longer than a step may take, seconds: the last write and the next ring need time too. */
const STEP_SLACK_SECONDS = 30;
/** The longest wait for an answer of QStash's smallest plan, seconds. */
const MAX_TIMEOUT_SECONDS = 900;
/** A reason from elsewhere is cut to this many characters before it reaches a log or `/health`. */
const MAX_REASON = 200;
const TOO_MANY_REQUESTS = 429;
const FIRST_SERVER_ERROR = 500;

export class QStashDoorbell implements Doorbell {
  readonly #client: Client;
  readonly #options: QStashDoorbellOptions;
  readonly #dependencies: QStashDoorbellDependencies;
  readonly #timeoutSeconds: number;
  /** When the publishes under way began, monotonic ms, oldest first. */
  readonly #pending = new Set<{ readonly since: number }>();
  #sent = 0;
  #failed = 0;
  #failure: { at: number; reason: string } | null = null;

  constructor(options: QStashDoorbellOptions, dependencies: QStashDoorbellDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#client = new Client({
      token: options.token,
      baseUrl: options.url ?? DEFAULT_QSTASH_URL,
      // All options are set: the client would read the environment for missing ones, and retries are counted below.
      devMode: false,
      enableTelemetry: false,
      retry: false,
    });
    const stepSeconds = Math.ceil(options.longestStepMs / 1000) + STEP_SLACK_SECONDS;
    this.#timeoutSeconds = Math.min(MAX_TIMEOUT_SECONDS, stepSeconds);
  }

  ring(lane: TaskType, atMs: number, task: RungTask): void {
    this.ringFor("step", lane, atMs, task);
  }

  /** Rings because of something that happened at a step; each step has one ring per occasion, however often it is asked for. */
  ringFor(occasion: RingOccasion, lane: TaskType, atMs: number, task: RungTask): void {
    const id = `${task.id}-${task.fence}`;
    this.#send(
      { lane, taskId: task.id, step: task.fence, again: 0 },
      atMs,
      occasion === "step" ? id : `${id}-${occasion}`,
    );
  }

  /** Rings for due work, such as a webhook that is to be tried again: once for each second, however often it is asked for. */
  ringForWork(atMs: number): void {
    const taskId = `work-${Math.ceil(atMs / 1000)}`;
    this.#send({ lane: "image", taskId, step: 0, again: 0, work: true }, atMs, taskId);
  }

  /** Rings once more for a step whose ring was given up; `message.again` counts how often. */
  ringAgain(message: RingMessage, atMs: number): void {
    this.#send(message, atMs, `${message.taskId}-${message.step}-again${message.again}`);
  }

  /** How the sending goes. */
  health(): RingHealth {
    const figures = { ringsSent: this.#sent, ringsFailed: this.#failed };
    const failure = this.#failure;
    if (failure === null) return { status: "ok", ...figures };
    const at = new Date(failure.at).toISOString();
    return {
      status: "degraded",
      detail: `rings cannot be sent since ${at} (${failure.reason}); tasks wait for the sweep`,
      ...figures,
    };
  }

  #send(message: RingMessage, atMs: number, deduplicationId: string): void {
    this.#forgetAbandoned();
    if (this.#pending.size >= MAX_PENDING) {
      this.#noteFailure(message, `more than ${MAX_PENDING} rings are being sent`);
      return;
    }
    const begun = { since: this.#dependencies.clock.monotonic() };
    this.#pending.add(begun);
    const sending = this.#publish(message, atMs, deduplicationId)
      .then(
        () => {
          this.#sent += 1;
          this.#failure = null;
        },
        (error: unknown) => this.#noteFailure(message, this.#reason(error)),
      )
      .finally(() => {
        this.#pending.delete(begun);
      });
    try {
      this.#dependencies.keepAlive(sending);
    } catch (error) {
      // Outside of any request there is nothing to hold open; the message may still arrive.
      this.#dependencies.log.warn("ring is not held open", { cause: describeError(error) });
    }
  }

  /** A host may end a request, and with it a publish that never settles. */
  #forgetAbandoned(): void {
    const since = this.#dependencies.clock.monotonic() - ABANDONED_MS;
    for (const begun of this.#pending) {
      if (begun.since > since) return;
      this.#pending.delete(begun);
    }
  }

  async #publish(message: RingMessage, atMs: number, deduplicationId: string): Promise<void> {
    const { clock } = this.#dependencies;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#publishOnce(message, atMs, deduplicationId);
        return;
      } catch (error) {
        if (attempt >= PUBLISH_TRIES || !mayPass(error)) throw error;
        await new Promise<void>((resolve) => clock.after(PUBLISH_RETRY_MS * 2 ** (attempt - 1), resolve));
      }
    }
  }

  /** One try. The client has no time limit of its own: an answer after ours is ignored. */
  #publishOnce(message: RingMessage, atMs: number, deduplicationId: string): Promise<void> {
    const { clock } = this.#dependencies;
    const { publicUrl } = this.#options;
    // Rounded up: a ring that comes too early finds nothing due.
    const delay = Math.min(MAX_DELAY_SECONDS, Math.ceil((atMs - clock.now()) / 1000));
    return new Promise<void>((resolve, reject) => {
      const timer = clock.after(PUBLISH_TIMEOUT_MS, () => {
        reject(new Error(`QStash did not answer within ${PUBLISH_TIMEOUT_MS} ms`));
      });
      this.#client
        .publishJSON({
          url: queueAddress(publicUrl, STEP_PATH),
          body: message,
          deduplicationId,
          retries: DELIVERY_RETRIES,
          failureCallback: queueAddress(publicUrl, FAILED_PATH),
          timeout: this.#timeoutSeconds,
          ...(delay > 0 ? { delay } : {}),
        })
        .then(() => resolve(), reject)
        .finally(() => timer.cancel());
    });
  }

  #noteFailure(message: RingMessage, reason: string): void {
    const { clock, log } = this.#dependencies;
    this.#failed += 1;
    this.#failure = { at: this.#failure?.at ?? clock.now(), reason };
    log.warn("ring could not be sent", { lane: message.lane, taskId: message.taskId, reason });
  }

  /** QStash's error text, with our token removed. */
  #reason(error: unknown): string {
    const status = statusOf(error);
    const text = describeError(error).replaceAll(this.#options.token, "[redacted]").slice(0, MAX_REASON);
    return status === null ? text : `status ${status}: ${text}`;
  }
}

/** Whether trying again soon may help: the network, a busy or a failing QStash. */
function mayPass(error: unknown): boolean {
  const status = statusOf(error);
  return status === null || status === TOO_MANY_REQUESTS || status >= FIRST_SERVER_ERROR;
}

function statusOf(error: unknown): number | null {
  if (typeof error !== "object" || error === null || !("status" in error)) return null;
  return typeof error.status === "number" ? error.status : null;
}
