/** Registered endpoints of a key, as their owner handles them: make, list, read, change, delete, ping, rotate. */

import type { GuardedFetch } from "../fetch/guarded-fetch.ts";
import type { TargetPolicy } from "../fetch/target-guard.ts";
import { ApiError } from "../protocol/error.ts";
import { cryptoRandom, type RandomFill, randomToken } from "../tasks/ids.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { EndpointPatch, EndpointStore, WebhookEndpoint } from "./endpoint-store.ts";
import { messageText } from "./message.ts";
import { makeSecret, rotated, validSecrets } from "./secrets.ts";
import { type SendResult, sendMessage } from "./send-message.ts";
import { requireWebhookUrl } from "./target.ts";

export type EndpointDraft = Pick<WebhookEndpoint, "url" | "events" | "description">;
export type EndpointChange = Partial<Pick<WebhookEndpoint, "url" | "events" | "description" | "enabled">>;
/** An endpoint together with its current secret, which is shown this once. */
export type EndpointWithSecret = { endpoint: WebhookEndpoint; secret: string };

export type WebhookEndpointsDependencies = {
  store: EndpointStore;
  fetch: GuardedFetch;
  targets: TargetPolicy;
  clock: Pick<Clock, "now" | "monotonic">;
  random?: RandomFill;
};

export const MAX_ENDPOINTS_PER_KEY = 20;
const ID_CHARACTERS = 20;

export class WebhookEndpoints {
  readonly #dependencies: WebhookEndpointsDependencies;
  readonly #random: RandomFill;

  constructor(dependencies: WebhookEndpointsDependencies) {
    this.#dependencies = dependencies;
    this.#random = dependencies.random ?? cryptoRandom;
  }

  /** Rejects with `invalid_parameter` for an address that nothing is sent to, and where the key has as many as it may. */
  async create(keyId: string, draft: EndpointDraft): Promise<EndpointWithSecret> {
    const { store, targets, clock } = this.#dependencies;
    const secret = makeSecret(this.#random);
    const now = clock.now();
    const endpoint: WebhookEndpoint = {
      ...draft,
      id: `we_${randomToken(ID_CHARACTERS, this.#random)}`,
      keyId,
      url: requireWebhookUrl(draft.url, targets, "url"),
      enabled: true,
      secrets: [{ secret, validUntil: null }],
      createdAt: now,
      updatedAt: now,
    };
    if (await store.createEndpoint(endpoint, MAX_ENDPOINTS_PER_KEY)) return { endpoint, secret };
    throw new ApiError(
      "invalid_parameter",
      `This key has ${MAX_ENDPOINTS_PER_KEY} endpoints, which is as many as it may. Delete one it does not need, or change one.`,
      { param: "url" },
    );
  }

  /** All of the key, oldest first. */
  list(keyId: string): Promise<WebhookEndpoint[]> {
    return this.#dependencies.store.listEndpoints(keyId);
  }

  /** Rejects with `not_found`, also for endpoints of others. */
  async read(keyId: string, id: string): Promise<WebhookEndpoint> {
    return (await this.#dependencies.store.getEndpoint(keyId, id)) ?? missing();
  }

  /** Changes what is named and leaves the rest. Rejects with `not_found` or `invalid_parameter`. */
  async change(keyId: string, id: string, change: EndpointChange): Promise<WebhookEndpoint> {
    const { targets } = this.#dependencies;
    const { url } = change;
    return this.#update(keyId, id, {
      ...change,
      ...(url !== undefined && { url: requireWebhookUrl(url, targets, "url") }),
    });
  }

  /** Rejects with `not_found`. What is still to be sent there is given up. */
  async remove(keyId: string, id: string): Promise<void> {
    if (!(await this.#dependencies.store.deleteEndpoint(keyId, id))) missing();
  }

  /** Gives the endpoint a new secret; the one before signs beside it for `overlapMs`. Rejects with `not_found`. */
  async rotate(keyId: string, id: string, overlapMs: number): Promise<EndpointWithSecret> {
    const { secrets } = await this.read(keyId, id);
    const secret = makeSecret(this.#random);
    const now = this.#dependencies.clock.now();
    const endpoint = await this.#update(keyId, id, { secrets: rotated(secrets, secret, overlapMs, now) });
    return { endpoint, secret };
  }

  /** Sends an `endpoint.ping` now, also to one that is off, and answers what came of it. Rejects with `not_found`. */
  async ping(keyId: string, id: string, signal?: AbortSignal): Promise<SendResult> {
    const { clock } = this.#dependencies;
    const { url, secrets } = await this.read(keyId, id);
    const now = clock.now();
    const message = {
      id: `ping_${randomToken(ID_CHARACTERS, this.#random)}`,
      url,
      headers: {},
      secrets: validSecrets(secrets, now),
      text: messageText("endpoint.ping", now, { endpointId: id }),
    };
    return sendMessage(this.#dependencies, message, signal);
  }

  async #update(keyId: string, id: string, patch: EndpointPatch): Promise<WebhookEndpoint> {
    const { store, clock } = this.#dependencies;
    return (await store.updateEndpoint(keyId, id, patch, clock.now())) ?? missing();
  }
}

function missing(): never {
  throw new ApiError(
    "not_found",
    "There is no endpoint with that id. GET /v1/webhooks/endpoints lists the key's endpoints.",
    { param: "id" },
  );
}
