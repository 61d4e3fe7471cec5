/** The price that is kept with a task's hold: what each way of its route costs, and what was held back for it. */

import type { Json } from "../../protocol/task.ts";
import type { Bill, Billing, DoneOutcome } from "../../tasks/ports/billing.ts";
import type { OfferedModel } from "../../tasks/ports/model-catalogue.ts";
import type { JobRequest, Task } from "../../tasks/task.ts";
import { reservationFor } from "./dearest-price.ts";
import { isPricedAlike, type PricedRequest, pricedRequest } from "./priced-request.ts";
import { settledBill, shareOf, type Terms } from "./settle.ts";

/** What stands for one way of a route. The request is kept as it was priced: what a model takes may change meanwhile. */
type HeldTerms = Terms & { readonly request: PricedRequest };

/** What is held back for a task, and the price it is settled by. */
export type TaskPrice = {
  /** For the dearest of the models. */
  readonly reservedMicros: number;
  /** As it is stored; null where nothing is held back. */
  readonly held: Json;
  /** The model that `reservedMicros` is for; the first of several. */
  readonly dearest: OfferedModel;
};

type Reckoned = {
  readonly models: readonly OfferedModel[];
  readonly requests: readonly PricedRequest[];
  readonly price: TaskPrice;
};

/** What was reckoned last, by the first model of the route: most requests to a model are priced alike. */
const reckonedLast = new WeakMap<OfferedModel, Reckoned>();

/**
 * Prices a request to the models of a route, in their order; there is at least one. `inputs` counts the input pictures.
 * Requests that are priced alike may be given one and the same object, which nobody changes.
 */
export function priceTask(models: readonly OfferedModel[], request: JobRequest, inputs: number): TaskPrice {
  const [first] = models;
  if (first === undefined) throw new Error("A route has at least one model");
  if (models.every(({ pricing }) => pricing.kind === "free"))
    return { reservedMicros: 0, held: null, dearest: first };
  const requests = models.map(({ capabilities, pricing }) =>
    pricedRequest(request, inputs, capabilities, pricing.kind === "per_token"),
  );
  const before = reckonedLast.get(first);
  if (before !== undefined && isReckonedFor(before, models, requests)) return before.price;
  const price = reckon(first, models, requests);
  reckonedLast.set(first, { models, requests, price });
  return price;
}

function isReckonedFor(
  before: Reckoned,
  models: readonly OfferedModel[],
  requests: readonly PricedRequest[],
): boolean {
  if (before.models.length !== models.length) return false;
  return requests.every(
    (request, index) =>
      before.models[index] === models[index] &&
      isPricedAlike(request, before.requests[index] as PricedRequest),
  );
}

function reckon(
  first: OfferedModel,
  models: readonly OfferedModel[],
  requests: readonly PricedRequest[],
): TaskPrice {
  let dearest = { model: first, micros: 0 };
  const candidates = models.map((model, index) => {
    const priced = requests[index] as PricedRequest;
    const micros = reservationFor(model.pricing, priced);
    if (micros > dearest.micros) dearest = { model, micros };
    const terms = { price: model.pricing, reservedMicros: micros, own: model.ownPrice };
    return { ...terms, request: priced } satisfies HeldTerms;
  });
  const { model, micros } = dearest;
  return {
    reservedMicros: micros,
    held: micros === 0 ? null : ({ candidates } as unknown as Json),
    dearest: model,
  };
}

/**
 * Settles a task by the price of the way that made it. What was held by a price that cannot be read, of another release or a
 * damaged one, is charged by the share of the results that came: to fail here would make and pay the same again.
 */
export const billTask: Billing = (task, outcome) => {
  const { reservedMicros } = task;
  const bill = billByTerms(task, outcome) ?? billByShare(task, outcome);
  return { ...bill, chargedMicros: Math.min(reservedMicros, bill.chargedMicros) };
};

function billByTerms({ price, candidate, reservedMicros }: Task, outcome: DoneOutcome): Bill | null {
  try {
    const terms = termsOf(price, candidate);
    return terms === null ? null : settledBill(terms, terms.request, outcome, reservedMicros);
  } catch {
    return null;
  }
}

function billByShare({ reservedMicros, request }: Task, { costMicros, items }: DoneOutcome): Bill {
  const came = costMicros ?? shareOf(reservedMicros, items.length, request.n);
  return { chargedMicros: came, upstreamMicros: came };
}

const KINDS = ["free", "per_image", "per_token", "per_megapixel", "per_second", "per_video"] as const;

function termsOf(held: Json, candidate: number): HeldTerms | null {
  const { candidates } = (held ?? {}) as { candidates?: readonly (Partial<HeldTerms> | undefined)[] };
  const terms = Array.isArray(candidates) ? candidates[candidate] : undefined;
  const readable = terms?.request !== undefined && KINDS.some((kind) => kind === terms.price?.kind);
  return readable ? (terms as HeldTerms) : null;
}
