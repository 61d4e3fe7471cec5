/** The port of registered webhook endpoints: where a key wants to hear of all its tasks. Lives in the same store as they. */

import type { SigningSecret } from "./secret-store.ts";

export type WebhookEndpoint = {
  readonly id: string;
  readonly keyId: string;
  readonly url: string;
  /** Event types, such as `task.completed`; empty: the three ends. */
  readonly events: readonly string[];
  readonly description: string;
  readonly enabled: boolean;
  /** Signing secrets (`whsec_…`), the current one first; a second one while it is rotated. */
  readonly secrets: readonly SigningSecret[];
  readonly createdAt: number;
  readonly updatedAt: number;
};

/** What an endpoint has that was written without the field. */
export const MISSING_ENDPOINT_FIELDS: Omit<WebhookEndpoint, "id" | "keyId" | "url"> = {
  events: [],
  description: "",
  enabled: true,
  secrets: [],
  createdAt: 0,
  updatedAt: 0,
};

export type EndpointPatch = Partial<
  Pick<WebhookEndpoint, "url" | "events" | "description" | "enabled" | "secrets">
>;

export interface EndpointStore {
  /** False, and nothing is written, when the key has `maxPerKey` already. The same id again changes nothing and is true. */
  createEndpoint(endpoint: WebhookEndpoint, maxPerKey: number): Promise<boolean>;
  /** Null when the key has no such endpoint. */
  getEndpoint(keyId: string, id: string): Promise<WebhookEndpoint | null>;
  /** All of a key, oldest first. */
  listEndpoints(keyId: string): Promise<WebhookEndpoint[]>;
  /** Null when the key has no such endpoint. Fields that this release does not know stay as they are. */
  updateEndpoint(
    keyId: string,
    id: string,
    patch: EndpointPatch,
    updatedAt: number,
  ): Promise<WebhookEndpoint | null>;
  /** False when the key has no such endpoint. */
  deleteEndpoint(keyId: string, id: string): Promise<boolean>;
}
