/** The audit log on the wire: `GET /admin/v1/audit`. */

import type { Json } from "./task.ts";

/** A change that an administrator, or the gateway's own start, made. */
export type WireAuditEntry = {
  id: string;
  at: string;
  actor: {
    by: "admin" | "start";
    /** The first 8 hex digits of the admin key's SHA-256; null at a start. */
    fingerprint: string | null;
    requestId: string | null;
  };
  /** Such as `key.changed`. */
  action: string;
  /** The id of what was changed. */
  target: string;
  /** Which part of it, such as a customer of a key; null: the target itself. */
  part: string | null;
  /** The fields that changed, as they were; null when the target was made. Secrets are not in here. */
  before: Record<string, Json> | null;
  /** The same as they are; null when the target is gone. */
  after: Record<string, Json> | null;
};

/** A page of the log, newest first; `after` asks for the next one. */
export type WireAuditPage = { data: WireAuditEntry[]; hasMore: boolean; after: string | null };
