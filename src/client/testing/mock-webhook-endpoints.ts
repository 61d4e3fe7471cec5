/** Webhook endpoints of the mock gateway, which sends nothing to any. */

import { ApiError } from "../../protocol/error.ts";
import type {
  ChangeWebhookEndpointRequest,
  CreateWebhookEndpointRequest,
  WireNewWebhookEndpoint,
  WireWebhookEndpoint,
} from "../../protocol/webhook.ts";

const SECRET = `whsec_${btoa("a secret of a mock gateway")}`;

export class MockWebhookEndpoints {
  readonly #endpoints = new Map<string, WireWebhookEndpoint>();
  #made = 0;

  /** Oldest first. */
  all(): WireWebhookEndpoint[] {
    return [...this.#endpoints.values()];
  }

  make(
    { url, events = [], description = "" }: CreateWebhookEndpointRequest,
    now: number,
  ): WireNewWebhookEndpoint {
    this.#made += 1;
    const created = new Date(now).toISOString();
    const endpoint = { id: `ep_mock_${this.#made}`, url, events, description, enabled: true, created };
    this.#endpoints.set(endpoint.id, endpoint);
    return { ...endpoint, secret: SECRET };
  }

  get(id: string): WireWebhookEndpoint {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) throw new ApiError("not_found", `This mock gateway has no endpoint ${id}.`);
    return endpoint;
  }

  change(id: string, changes: ChangeWebhookEndpointRequest): WireWebhookEndpoint {
    const named = Object.entries(changes).filter(([, value]) => value !== undefined);
    const changed = { ...this.get(id), ...Object.fromEntries(named) };
    this.#endpoints.set(id, changed);
    return changed;
  }

  remove(id: string): void {
    this.get(id);
    this.#endpoints.delete(id);
  }

  rotate(id: string): WireNewWebhookEndpoint {
    return { ...this.get(id), secret: SECRET };
  }
}
