/** Due work of the kind `delivery`: sends to webhooks, tries again while it may help, and says what came of it. */

import type { GuardedFetch } from "../fetch/guarded-fetch.ts";
import type { DeliveryPayload, DeliveryReport, WorkItem } from "../tasks/due-work.ts";
import type { WorkHandler } from "../tasks/engine/due-work/runner.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";
import type { ClaimedWork, WorkOutcome } from "../tasks/ports/task-store.ts";
import { backoffMs, type RetryPolicy } from "../tasks/retry-policy.ts";
import type { WireContext } from "../tasks/wire.ts";
import { Breaker } from "./breaker.ts";
import type { Delivery, DeliveryStore, OpenDelivery } from "./delivery-store.ts";
import { dataOf, messageText } from "./message.ts";
import { type KeySecrets, validSecrets } from "./secrets.ts";
import { SEND_TIMEOUT_MS, type SendResult, sendMessage } from "./send-message.ts";

export type DeliveryWorkDependencies = {
  store: Pick<DeliveryStore, "openDelivery">;
  secrets: Pick<KeySecrets, "ensure">;
  fetch: GuardedFetch;
  wireContext: WireContext;
  clock: Clock;
  log: Pick<Log, "warn">;
  /** Deliveries that this process sends at once. */
  maxOpen: number;
  /** Told of every try. */
  tried?: (outcome: SendResult["outcome"] | "given_up") => void;
  /** 0 ≤ n < 1, for jitter. */
  random?: () => number;
};

/** To one origin at once, by all processes together. */
const MAX_PER_ORIGIN = 8;
/** What is left to store what came of a try that took all its time, ms. */
const MARGIN_MS = 2_000;
/** 5 s, then twice as long each time, at most four hours: about seventeen tries in the day that a delivery is tried. */
const TRY_AGAIN: RetryPolicy = { baseMs: 5_000, capMs: 4 * 3_600_000, jitter: 0.2 };
/** Answers after which another try may go better, besides 5xx. */
const PASSING = new Set([408, 425, 429]);
/** Answers that say that nobody is behind the address now, whatever is asked of it. */
const AWAY = new Set([502, 503, 504]);
const GONE = 410;

const DONE: WorkOutcome = { kind: "done" };

export function createDeliveryWork(dependencies: DeliveryWorkDependencies): WorkHandler {
  const { store, secrets, wireContext, clock, log, maxOpen, random = Math.random } = dependencies;
  const { tried = () => {} } = dependencies;
  const breaker = new Breaker(() => clock.monotonic(), random);

  const dead = (item: WorkItem, delivery: Delivery | null, report: Omit<DeliveryReport, "status">) => {
    tried("given_up");
    const { id, destination } = item;
    const { keyId, endpointId, type } = delivery ?? {};
    const { httpStatus = null, error = null } = report.attempt ?? {};
    log.warn("a webhook delivery was given up", {
      delivery: id,
      destination,
      keyId,
      endpointId,
      type,
      tries: item.tries + 1,
      httpStatus,
      cause: error,
    });
    return { kind: "done", delivery: { status: "dead", ...report } } as const;
  };
  const again = (
    { item, overdue }: ClaimedWork,
    delivery: Delivery | null,
    attempt: DeliveryReport["attempt"],
    wait: { retryAfterMs?: number | null; restMs?: number | null } = {},
  ): WorkOutcome => {
    if (overdue) return dead(item, delivery, { attempt });
    const { retryAfterMs, restMs = null } = wait;
    return {
      kind: "again",
      delayMs: Math.max(backoffMs(item.tries + 1, TRY_AGAIN, random()), retryAfterMs ?? 0),
      ...(restMs !== null && { pauseMs: restMs }),
      delivery: { status: "pending", attempt },
    };
  };

  const send = async (work: ClaimedWork, open: OpenDelivery, signal: AbortSignal): Promise<WorkOutcome> => {
    const { item } = work;
    const { delivery } = open;
    const untried = (error: string) => dead(item, delivery, { attempt: { ms: 0, httpStatus: null, error } });
    if (!open.enabled) return untried("The endpoint is switched off, or was deleted");
    const data = dataOf(delivery, work.task, wireContext);
    if (data === null) return untried("The task that it tells of cannot be read");
    const known = open.secrets.length > 0 ? open.secrets : await secrets.ensure(delivery.keyId);
    const message = {
      id: delivery.id,
      url: delivery.url,
      headers: delivery.headers,
      secrets: validSecrets(known, clock.now()),
      text: messageText(delivery.type, delivery.at, data),
    };
    const result = await sendMessage(dependencies, message, signal);
    const { outcome, ms, httpStatus, error, retryAfterMs } = result;
    const attempt = { ms, httpStatus, error };
    tried(outcome);
    const away = outcome === "unreachable" || (httpStatus !== null && AWAY.has(httpStatus));
    const restMs = away ? breaker.failed(item.destination) : null;
    if (!away) breaker.answered(item.destination);
    if (outcome === "arrived") return { kind: "done", delivery: { status: "delivered", attempt } };
    if (httpStatus === GONE) return dead(item, delivery, { attempt, disable: true });
    const passing = away || (httpStatus !== null && (httpStatus >= 500 || PASSING.has(httpStatus)));
    return passing
      ? again(work, delivery, attempt, { retryAfterMs, restMs })
      : dead(item, delivery, { attempt });
  };

  return {
    kind: "delivery",
    timeoutMs: SEND_TIMEOUT_MS + MARGIN_MS,
    maxOpen,
    maxPerDestination: MAX_PER_ORIGIN,
    destinations: () => undefined,
    async run(work, signal) {
      const open = (await store.openDelivery(work.item.id)) ?? unrecorded(work);
      // Removed meanwhile.
      if (open === null) return DONE;
      // Nothing is given up before it was tried.
      if (work.overdue && work.item.tries > 0) return dead(work.item, open.delivery, { attempt: null });
      return send(work, open, signal);
    },
    // Stopped, or the store could not be asked.
    failed: (work) =>
      work.overdue && work.item.tries > 0
        ? dead(work.item, null, { attempt: null })
        : { kind: "again", delayMs: backoffMs(work.item.tries + 1, TRY_AGAIN, random()) },
  };
}

/** What work of an earlier release stands for, of which there is no record; null where its task is gone. */
function unrecorded({ item, task }: ClaimedWork): OpenDelivery | null {
  const payload = item.payload as DeliveryPayload | null;
  if (payload === null || task === null) return null;
  const { status, progress, message, attempt, costMicros, settled, cancellation } = task;
  const { keyId, subject } = task.tenant;
  const delivery: Delivery = {
    // Ids stand in paths.
    id: item.id.replace("/", "-"),
    keyId,
    subject,
    taskId: task.id,
    endpointId: null,
    url: payload.url,
    headers: task.webhook?.headers ?? {},
    type: payload.type,
    seq: payload.seq,
    at: task.finishedAt ?? task.updatedAt,
    body: { task: { status, progress, message, attempt, costMicros, settled, cancellation } },
    status: "pending",
    attempts: [],
    nextAttemptAt: null,
  };
  return { delivery, enabled: true, secrets: [] };
}
