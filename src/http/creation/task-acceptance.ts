/** The way of a create request from its validated body to an accepted task, the same for every creating route. */

import { admit, type Order } from "../../accounts/admission.ts";
import type { EphemeralKeys } from "../../accounts/ephemeral/ephemeral-keys.ts";
import { CUSTOMER_HEADER, customerOf } from "../../accounts/money/customer.ts";
import type { RestingCheck } from "../../accounts/route.ts";
import type { TargetPolicy } from "../../fetch/target-guard.ts";
import type { GivenInput } from "../../inputs/given-input.ts";
import type { InputStore } from "../../inputs/input-store.ts";
import type { AccessTokenField } from "../../protocol/create-request.ts";
import { ApiError } from "../../protocol/error.ts";
import type { ModelCatalogue } from "../../tasks/ports/model-catalogue.ts";
import type { IdempotencyClaim, TaskView } from "../../tasks/ports/task-store.ts";
import type { TaskService } from "../../tasks/service.ts";
import type { Submission, Submitted } from "../../tasks/submission.ts";
import type { TaskInput, TaskWebhook } from "../../tasks/task.ts";
import { type HttpContext, principalOfExchange } from "../exchange.ts";
import type { IdleLimit } from "../idle-limit.ts";
import { type BaseUrlOptions, baseUrl } from "../request/base-url.ts";
import { type IdempotencyOptions, idempotencyClaim } from "../request/idempotency-claim.ts";
import { tellCost, tellRate } from "../response/cost-headers.ts";
import { type AccessToken, type AccessTokenMaker, accessTokenMaker } from "./access-token.ts";
import { requireWebhook } from "./webhook-fields.ts";

export type AcceptanceDependencies = {
  tasks: Pick<TaskService, "submit" | "repeated" | "newId">;
  models: Pick<ModelCatalogue, "resolve" | "fallbacks">;
  inputs: InputStore;
  ephemeralKeys: Pick<EphemeralKeys, "makeForTask">;
  host: IdleLimit;
  isResting?: RestingCheck | undefined;
  urls: BaseUrlOptions;
  webhookTargets: TargetPolicy;
  idempotency: IdempotencyOptions;
};

export type Accepted = {
  view: TaskView;
  /** Base of the URLs in the answer. */
  base: string;
  /** Empty where none was asked for. */
  token: AccessToken;
};

/** A request with its inputs as the caller gave them. */
export type GivenOrder = Omit<Order, "baseUrl" | "inputs" | "customer" | "webhook"> & {
  /** Not judged yet. */
  webhook: TaskWebhook | null;
  inputs: readonly GivenInput[];
  /** Under which uploads are stored; null where there are none. */
  id: string | null;
  /** Asks for a key that comes with the task. */
  accessToken?: AccessTokenField | undefined;
  /** The customer of the task that is repeated, whoever asks. Absent: the request says. */
  customer?: string | null;
};

/** OpenAI's later name for its `user`. */
const SAFETY_IDENTIFIER = "safety_identifier";

/**
 * Submits an order in the name of the caller. `route` scopes idempotency keys, `body` is what repeats are compared by.
 * Its inputs are stored first, once it is admitted; of one that comes to nothing they are removed.
 * From here on errors tell clients not to send the request again.
 */
export async function acceptTask(
  c: HttpContext,
  route: string,
  body: unknown,
  { inputs: given, id, accessToken, ...order }: GivenOrder,
  dependencies: AcceptanceDependencies,
): Promise<Accepted> {
  const { tasks, urls, idempotency } = dependencies;
  const exchange = c.get("exchange");
  const base = baseUrl(c.req.raw, urls);
  let submission: Submission;
  let tokenOf: AccessTokenMaker;
  try {
    tokenOf = accessTokenMaker(c, accessToken, dependencies.ephemeralKeys);
    const claim = idempotencyClaim(c.req.raw, route, body, idempotency);
    submission = await admitOrder(c, { ...order, inputs: given }, claim, base, dependencies);
  } catch (error) {
    if (id !== null) await dependencies.inputs.discard(id);
    throw error;
  }
  const named = { ...submission, id: id ?? tasks.newId() };
  const { view, replayed, rate } =
    given.length === 0
      ? await submitAlone(named, tokenOf, dependencies)
      : await submitWithInputs(c, named, given, tokenOf, dependencies);
  // A repeat gets a key of its own for the first one's task.
  const token = await tokenOf(view.task.id);
  exchange.taskId = view.task.id;
  exchange.accepted = true;
  tellCost(c, view.task);
  tellRate(c, rate);
  if (replayed) c.header("idempotent-replayed", "true");
  return { view, base, token };
}

/** The submission of an order in the name of the caller; a batch has one for each of its items. Rejects as `admit` throws. */
export async function admitOrder(
  c: HttpContext,
  { customer: repeated, webhook: named, ...order }: Omit<GivenOrder, "id" | "accessToken">,
  claim: Promise<IdempotencyClaim> | null,
  base: string,
  {
    models,
    isResting,
    webhookTargets,
  }: Pick<AcceptanceDependencies, "models" | "isResting" | "webhookTargets">,
): Promise<Submission> {
  const principal = principalOfExchange(c);
  const customer = await customerOf(principal.tenant, [
    repeated,
    order.request.user,
    order.request.further?.[SAFETY_IDENTIFIER],
    c.req.header(CUSTOMER_HEADER),
  ]);
  const webhook = named === null ? null : requireWebhook(named, principal, webhookTargets);
  const { submission } = admit(
    principal,
    { ...order, customer, webhook, baseUrl: base },
    models,
    claim === null ? null : await claim,
    isResting,
  );
  return submission;
}

type NamedSubmission = Submission & { id: string };

/** The key first: when it cannot be made, nothing was accepted. */
async function submitAlone(
  submission: NamedSubmission,
  tokenOf: AccessTokenMaker,
  { tasks }: AcceptanceDependencies,
): Promise<Submitted> {
  await tokenOf(submission.id);
  return tasks.submit(submission);
}

/** Stores the inputs first, unless the request is a repeat; a slow address of one may take a minute. */
async function submitWithInputs(
  c: HttpContext,
  submission: NamedSubmission,
  given: readonly GivenInput[],
  tokenOf: AccessTokenMaker,
  { tasks, inputs, host }: AcceptanceDependencies,
): Promise<Submitted> {
  const { id } = submission;
  let stored: TaskInput[];
  host.keepOpen(c.req.raw);
  try {
    const repeated = await tasks.repeated(submission);
    if (repeated !== null) {
      await inputs.discard(id);
      return { view: repeated, replayed: true, rate: null };
    }
    stored = await inputs.store(id, given, principalOfExchange(c).scope, c.req.raw.signal);
    await tokenOf(id);
  } catch (error) {
    await inputs.discard(id);
    if (!c.req.raw.signal.aborted) throw error;
    // Nobody reads the answer, and it is no failure of the server.
    throw new ApiError("invalid_parameter", "The caller went away while the inputs were fetched.");
  } finally {
    host.limitIdle(c.req.raw);
  }
  return tasks.submit({ ...submission, inputs: stored });
}
