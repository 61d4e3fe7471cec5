/**
 * `/v1/queue/*`: where QStash delivers its rings. The signature comes first, over the bytes that came; then one
 * step of the fairest due task runs, and the next ring is sent. What QStash is answered decides what it does next:
 * 2xx ends the message, 489 with its header ends it as refused, anything else is delivered again later.
 */

import type { Hono } from "hono";
import { z } from "zod";
import type { HttpContext, HttpEnv } from "../http/exchange.ts";
import type { IdleLimit } from "../http/idle-limit.ts";
import { boundedBytes } from "../http/request/body.ts";
import { envelope } from "../http/response/error-response.ts";
import { ApiError } from "../protocol/error.ts";
import { TASK_TYPES, type TaskType } from "../protocol/task.ts";
import { afterDelivery, DELIVERY, ringRetryAt } from "../tasks/engine/scheduling.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { RungTask } from "../tasks/ports/doorbell.ts";
import { describeError, type Log } from "../tasks/ports/log.ts";
import { StoreUnavailableError } from "../tasks/ports/store-error.ts";
import type { QStashDoorbell } from "./qstash-doorbell.ts";
import {
  FAILED_PATH,
  type QueuePath,
  type RingMessage,
  SIGNATURE_HEADER,
  STEP_PATH,
} from "./qstash-message.ts";
import type { QStashSignatures } from "./qstash-signatures.ts";

/** Runs steps, one at a time. */
export interface QueueWorker {
  /** One step of the fairest due task of the lane; null when nothing could be claimed. */
  runNext(lane: TaskType): Promise<{ task: RungTask; dueAt: number | null; leftDelivery: boolean } | null>;
  /** Wall clock, ms: when the lane's next work is due, 0 when now; null when nothing waits. */
  nextDueAt(lane: TaskType): Promise<number | null>;
  /**
   * Does the due work there is, such as telling webhooks of an end, for a bounded time. Answers when more has to be looked for, wall
   * clock in ms; null when it need not. Never rejects.
   */
  clean(): Promise<number | null>;
}

export type QStashRouteDependencies = {
  signatures: Pick<QStashSignatures, "judge" | "release">;
  doorbell: Pick<QStashDoorbell, "ringFor" | "ringForWork" | "ringAgain">;
  worker: QueueWorker;
  host: Pick<IdleLimit, "keepOpen">;
  clock: Pick<Clock, "now">;
  log: Log;
};

/** Our own ring is some 120 bytes. */
const MAX_RING_BYTES = 4_096;
/** Word of a failure quotes the message, its headers and the answer it got. */
const MAX_FAILURE_BYTES = 65_536;
/** The status by which QStash learns, with the header, that no retry can help. */
const FINAL_STATUS = 489;
const FINAL_HEADER = "upstash-nonretryable-error";
const LONGEST_ID = 100;
const SECOND_MS = 1_000;

const ring = z.object({
  lane: z.enum(TASK_TYPES),
  taskId: z.string().min(1).max(LONGEST_ID),
  step: z.int().min(0),
  again: z.int().min(0).default(0),
  work: z.literal(true).optional(),
});

/** What QStash tells a failure callback, as far as it matters here. */
const failure = z.object({
  /** What the last delivery was answered; 0 when there was no answer. */
  status: z.int().catch(0),
  retried: z.int().catch(0),
  sourceMessageId: z.string().max(LONGEST_ID).optional().catch(undefined),
  dlqId: z.string().max(LONGEST_ID).optional().catch(undefined),
  /** The message that was given up, base64. */
  sourceBody: z.string(),
});

/** Mounts the routes. They take no key: who may call them is decided by the signature. */
export function mountQStash(app: Hono<HttpEnv>, dependencies: QStashRouteDependencies): void {
  app.post(STEP_PATH, (c) => takeRing(c, dependencies));
  app.post(FAILED_PATH, (c) => takeFailure(c, dependencies));
}

async function takeRing(c: HttpContext, dependencies: QStashRouteDependencies): Promise<Response> {
  const { signature, body } = await genuineBody(c, dependencies, STEP_PATH, MAX_RING_BYTES);
  const message = ring.safeParse(json(body));
  if (!message.success) {
    return refuseForGood(
      c,
      `The body must be a ring such as {"lane":"image","taskId":"…","step":0}, with lane one of ${TASK_TYPES.join(", ")}.`,
    );
  }
  dependencies.host.keepOpen(c.req.raw);
  try {
    if (message.data.work === true) {
      await doDueWork(dependencies);
      return c.body(null, 204);
    }
    return await runStep(c, message.data, dependencies);
  } catch (error) {
    dependencies.signatures.release(signature);
    if (!(error instanceof StoreUnavailableError)) throw error;
    throw new ApiError("overloaded", "The store cannot be reached right now. Deliver this again later.", {
      retryAfterSeconds: DELIVERY.storeRetryMs / SECOND_MS,
      cause: error,
    });
  }
}

async function doDueWork({ worker, doorbell }: QStashRouteDependencies): Promise<void> {
  const at = await worker.clean();
  if (at !== null) doorbell.ringForWork(at);
}

async function runStep(
  c: HttpContext,
  message: RingMessage,
  dependencies: QStashRouteDependencies,
): Promise<Response> {
  const { worker, doorbell, clock, log } = dependencies;
  const { lane } = message;
  const report = await worker.runNext(lane);
  if (report !== null) {
    c.get("exchange").taskId = report.task.id;
    // The next step's own ring first: it needs nothing that could still fail.
    if (report.dueAt !== null) doorbell.ringFor("step", lane, report.dueAt, report.task);
  }
  const dueAt = await worker.nextDueAt(lane).catch((error: unknown) => {
    // The step is done and stored. What else is due is the sweep's to find.
    log.error("store could not be read", { lane, cause: describeError(error) });
    return null;
  });
  const next = afterDelivery(report !== null, dueAt, clock.now());
  const because = report?.task ?? { id: message.taskId, fence: message.step };
  if (next !== null) doorbell.ringFor(next.occasion, lane, next.at, because);
  // Webhooks are to hear of it; where nothing was claimed a cancel may have rung, which left an upstream job to end. What
  // rings for more steps has been sent before.
  if (report === null || report.leftDelivery) await doDueWork(dependencies);
  return report === null ? c.body(null, 204) : c.json({ ran: report.task.id, step: report.task.fence });
}

async function takeFailure(c: HttpContext, dependencies: QStashRouteDependencies): Promise<Response> {
  const { doorbell, clock, log } = dependencies;
  const { body } = await genuineBody(c, dependencies, FAILED_PATH, MAX_FAILURE_BYTES);
  const word = failure.safeParse(json(body));
  if (!word.success) return refuseForGood(c, "The body must be what QStash tells a failure callback.");
  const { status, retried, sourceMessageId, dlqId } = word.data;
  const message = ring.safeParse(json(fromBase64(word.data.sourceBody)));
  const taskId = message.data?.taskId;
  c.get("exchange").taskId = taskId ?? null;
  // A refusal for good, or a ring given up twice, stays with the queue's dead letters; the task itself is the sweep's.
  const again = message.success ? { ...message.data, again: message.data.again + 1 } : null;
  const againAt = again === null ? null : ringRetryAt(again.again - 1, status === FINAL_STATUS, clock.now());
  log.error("queue gave up on a ring", {
    taskId,
    lane: message.data?.lane,
    step: message.data?.step,
    status,
    retried,
    messageId: sourceMessageId,
    deadLetter: dlqId,
    rungAgain: againAt !== null,
  });
  if (again !== null && againAt !== null) doorbell.ringAgain(again, againAt);
  return c.body(null, 204);
}

/** The bytes of a delivery, once it has proved to be the queue's. Throws `invalid_signature` or `payload_too_large`. */
async function genuineBody(
  c: HttpContext,
  { signatures, log }: Pick<QStashRouteDependencies, "signatures" | "log">,
  path: QueuePath,
  maxBytes: number,
): Promise<{ signature: string; body: Uint8Array }> {
  const signature = c.req.raw.headers.get(SIGNATURE_HEADER);
  if (signature === null || signature === "") {
    throw new ApiError("invalid_signature", "This address is for QStash: no Upstash-Signature came.");
  }
  const body = await boundedBytes(c.req.raw, maxBytes);
  if (body === null) throw new ApiError("invalid_json", "The body broke off before its end.");
  const verdict = await signatures.judge(signature, body, path);
  if (!verdict.genuine) {
    // When it is our own queue whose keys or address are not those configured here, this is where it shows.
    log.warn("a delivery was refused", { path, reason: verdict.reason });
    throw new ApiError(
      "invalid_signature",
      `The Upstash-Signature does not hold for this delivery: ${verdict.reason}. Signing keys, region and public URL must be those the message was published with.`,
    );
  }
  return { signature, body };
}

/** An answer after which QStash tries no more, and keeps the message with its dead letters. */
function refuseForGood(c: HttpContext, message: string): Response {
  const error = new ApiError("invalid_json", message);
  return new Response(JSON.stringify(envelope(error, c.get("exchange").requestId)), {
    status: FINAL_STATUS,
    headers: { "content-type": "application/json", [FINAL_HEADER]: "true" },
  });
}

function json(bytes: Uint8Array | null): unknown {
  if (bytes === null) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
