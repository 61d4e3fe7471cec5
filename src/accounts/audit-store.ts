/**
 * The audit log: who changed what about keys and money, with what was there before and after. Entries are written in the
 * step of the store that makes the change, and never changed; the retention removes them.
 */

import type { Json } from "../protocol/task.ts";

/** What is recorded. A route that changes something for an administrator has its action here. */
export const AUDIT_ACTIONS = [
  "key.created",
  "key.changed",
  "key.rotated",
  "key.deleted",
  "key.cancelled",
  "key.webhook_secret_rotated",
  "customer.changed",
  "delivery.replayed",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Who made a change. */
export type AuditActor = {
  /** `start`: the gateway itself, from its configuration. */
  readonly by: "admin" | "start";
  /** The first 8 hex digits of the admin key's SHA-256: it tells one admin key from the next, and opens nothing. */
  readonly fingerprint: string | null;
  /** Leads to the log of the request. */
  readonly requestId: string | null;
};

/** Fields as the API shows them; no secret and no hash. */
export type AuditFields = Readonly<Record<string, Json>>;

/** An entry as its writer knows it. */
export type AuditDraft = {
  readonly actor: AuditActor;
  readonly action: AuditAction;
  /** The id of the key or the delivery that was changed: 1 to 200 characters without spaces. */
  readonly target: string;
  /** Which part of the target: a customer of a key. Null: the target itself. */
  readonly part: string | null;
  /** What changed, as it was: null when the target was made. */
  readonly before: AuditFields | null;
  /** What changed, as it is: null when the target is gone. */
  readonly after: AuditFields | null;
};

export type AuditEntry = AuditDraft & {
  readonly id: string;
  /** The store's time. */
  readonly at: number;
};

export type AuditQuery = {
  readonly limit: number;
  /** The id of the last entry of the page before. */
  readonly after: string | null;
  readonly target: string | null;
  readonly action: AuditAction | null;
};

export interface AuditStore {
  /** Writes an entry alone, for what no single step of the store changes. */
  recordAudit(draft: AuditDraft): Promise<void>;
  /** Newest first. An `after` that is no id of an entry begins at the newest. */
  listAudit(query: AuditQuery): Promise<{ entries: AuditEntry[]; hasMore: boolean }>;
}
