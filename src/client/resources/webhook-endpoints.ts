/** Registered webhook endpoints: where a key wants to hear of all its tasks. Ephemeral keys have none. */

import type {
  ChangeWebhookEndpointRequest,
  CreateWebhookEndpointRequest,
  RotateSecretRequest,
  WireNewWebhookEndpoint,
  WireWebhookEndpoint,
  WireWebhookEndpointList,
  WireWebhookPing,
} from "../../protocol/webhook.ts";
import type { CallOptions, Requester } from "../transport/requester.ts";

const LIST = "/v1/webhooks/endpoints";

export class WebhookEndpointsResource {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** All of the key, oldest first. */
  async list(options: CallOptions = {}): Promise<WireWebhookEndpoint[]> {
    return (await this.#requester.json<WireWebhookEndpointList>("GET", LIST, options)).data;
  }

  /** The answer alone shows the secret (`whsec_…`). Not repeated after a lost answer: it might make a second one. */
  create(body: CreateWebhookEndpointRequest, options: CallOptions = {}): Promise<WireNewWebhookEndpoint> {
    return this.#requester.json("POST", LIST, { ...options, body });
  }

  update(
    id: string,
    body: ChangeWebhookEndpointRequest,
    options: CallOptions = {},
  ): Promise<WireWebhookEndpoint> {
    return this.#requester.json("PATCH", pathOf(id), { ...options, body });
  }

  async remove(id: string, options: CallOptions = {}): Promise<void> {
    await this.#requester.json("DELETE", pathOf(id), options);
  }

  /** Sends a test message and says what came of it. */
  ping(id: string, options: CallOptions = {}): Promise<WireWebhookPing> {
    return this.#requester.json("POST", `${pathOf(id)}/ping`, { ...options, repeatable: true });
  }

  /** The answer alone shows the new secret; the old one goes on signing for a while. */
  rotateSecret(
    id: string,
    body: RotateSecretRequest = {},
    options: CallOptions = {},
  ): Promise<WireNewWebhookEndpoint> {
    return this.#requester.json("POST", `${pathOf(id)}/rotate`, { ...options, body });
  }
}

function pathOf(id: string): string {
  return `${LIST}/${encodeURIComponent(id)}`;
}
