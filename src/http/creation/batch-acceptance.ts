/** The way of a batch from its validated body to accepted tasks: all of them or none. */

import { ApiError } from "../../protocol/error.ts";
import type { Batch } from "../../tasks/batches/batch.ts";
import type { BatchService } from "../../tasks/batches/service.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { Submission } from "../../tasks/submission.ts";
import { type HttpContext, principalOfExchange } from "../exchange.ts";
import { baseUrl } from "../request/base-url.ts";
import { idempotencyClaim } from "../request/idempotency-claim.ts";
import { tellCost, tellRate } from "../response/cost-headers.ts";
import { type BatchItemOrder, errorOfItem, type ReadBatch } from "./batch-body.ts";
import { type AcceptanceDependencies, admitOrder } from "./task-acceptance.ts";
import { requireWebhook } from "./webhook-fields.ts";

export type BatchAcceptanceDependencies = Pick<
  AcceptanceDependencies,
  "tasks" | "models" | "inputs" | "host" | "isResting" | "urls" | "webhookTargets" | "idempotency"
> & {
  batches: Pick<BatchService, "submit" | "repeated" | "discardInputs">;
  clock: Pick<Clock, "after">;
};

export const BATCHES = "/v1/batches";
/** Requests whose pictures are copied at once; each copies a few of its own at once. */
const ITEMS_AT_ONCE = 3;
/** For all pictures of a batch together, ms: a client waits for its answer meanwhile. */
const INPUTS_MS = 300_000;

type Item = Submission & { id: string };

/** Submits a batch in the name of the caller; `body` is what repeats are compared by. Of one that is refused no files are left. */
export async function acceptBatch(
  c: HttpContext,
  { items: orders, metadata, webhook: named }: ReadBatch,
  body: unknown,
  dependencies: BatchAcceptanceDependencies,
): Promise<{ batch: Batch; base: string }> {
  const { tasks, batches, urls, idempotency } = dependencies;
  const exchange = c.get("exchange");
  const principal = principalOfExchange(c);
  const { tenant } = principal;
  const webhook = named === null ? null : requireWebhook(named, principal, dependencies.webhookTargets);
  const base = baseUrl(c.req.raw, urls);
  const items = await inOrder(orders, async (order): Promise<Item> => {
    const submission = await admitOrder(c, order, null, base, dependencies);
    return { ...submission, id: tasks.newId() };
  });
  const claim = await idempotencyClaim(c.req.raw, BATCHES, body, idempotency);
  const withInputs = orders.some(({ inputs }) => inputs.length > 0);
  const known = withInputs ? await batches.repeated(tenant, claim) : null;
  const accepted =
    known === null
      ? await batches.submit({
          tenant,
          metadata,
          webhook,
          idempotency: claim,
          tasks: withInputs ? await storeInputs(c, orders, items, dependencies) : items,
        })
      : { batch: known, replayed: true, rate: null };
  const { batch, replayed, rate } = accepted;
  exchange.accepted = true;
  const reservedMicros = items.reduce((sum, item) => sum + item.reservedMicros, 0);
  if (!replayed) tellCost(c, { reservedMicros, costMicros: 0, settled: false });
  tellRate(c, rate);
  if (replayed) c.header("idempotent-replayed", "true");
  return { batch, base };
}

/** One after the other; an error names the request. */
async function inOrder<T>(
  orders: readonly BatchItemOrder[],
  make: (order: BatchItemOrder) => Promise<T>,
): Promise<T[]> {
  const made: T[] = [];
  for (const [index, order] of orders.entries()) {
    try {
      made.push(await make(order));
    } catch (error) {
      throw errorOfItem(index, error);
    }
  }
  return made;
}

/** The items with their pictures copied. When one fails the others are given up and what was copied is removed. */
async function storeInputs(
  c: HttpContext,
  orders: readonly BatchItemOrder[],
  items: readonly Item[],
  { inputs, batches, clock, host }: BatchAcceptanceDependencies,
): Promise<Item[]> {
  const { scope } = principalOfExchange(c);
  const caller = c.req.raw.signal;
  const failed = new AbortController();
  const timer = clock.after(INPUTS_MS, () => failed.abort(tookTooLong()));
  const signal = AbortSignal.any([caller, failed.signal]);
  const stored = [...items];
  const rest = [...items.entries()].filter(([index]) => (orders[index]?.inputs.length ?? 0) > 0).values();
  const lane = async (): Promise<void> => {
    for (const [index, item] of rest) {
      try {
        signal.throwIfAborted();
        const given = orders[index]?.inputs ?? [];
        stored[index] = { ...item, inputs: await inputs.store(item.id, given, scope, signal) };
      } catch (error) {
        // Of several errors the first one is answered.
        failed.abort(errorOfItem(index, error));
        return;
      }
    }
  };
  host.keepOpen(c.req.raw);
  try {
    // All have to end before their files can be removed.
    await Promise.all(Array.from({ length: ITEMS_AT_ONCE }, lane));
  } finally {
    timer.cancel();
    host.limitIdle(c.req.raw);
  }
  if (!signal.aborted) return stored;
  await batches.discardInputs(items.map(({ id }, index) => ({ id, inputs: orders[index]?.inputs ?? [] })));
  // Nobody reads the answer, and it is no failure of the server.
  if (caller.aborted)
    throw new ApiError("invalid_parameter", "The caller went away while the inputs were fetched.");
  throw failed.signal.reason;
}

function tookTooLong(): ApiError {
  return new ApiError(
    "invalid_parameter",
    `The pictures of the batch took longer than ${INPUTS_MS / 1_000} s to fetch. Send smaller batches, or the pictures as data URLs.`,
    { param: "requests" },
  );
}
