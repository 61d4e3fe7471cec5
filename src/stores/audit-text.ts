/** Entries of the audit log as stores keep them: a text, found by its number, its action and its target. */

import type { AuditDraft, AuditEntry } from "../accounts/audit-store.ts";

/** What stands in the text; the store has the rest beside it. */
type AuditDetails = Pick<AuditDraft, "actor" | "part" | "before" | "after">;

const ID = /^aud_([1-9]\d{0,14})$/;
/** Redis keeps the target between spaces. */
const TARGET = /^[^\s]{1,200}$/;

/** Throws `TypeError` for a target that cannot be kept: a mistake of the caller's. */
export function auditText({ actor, target, part, before, after }: AuditDraft): string {
  if (!TARGET.test(target))
    throw new TypeError(
      `An audit target is 1 to 200 characters without spaces, not ${JSON.stringify(target)}`,
    );
  return JSON.stringify({ actor, part, before, after } satisfies AuditDetails);
}

/** The entry with this number. Throws when the text cannot be read. */
export function auditEntry(
  no: number,
  stored: { at: number; action: string; target: string; text: string },
): AuditEntry {
  const { at, action, target, text } = stored;
  const { actor, part, before, after } = JSON.parse(text) as AuditDetails;
  return { id: `aud_${no}`, at, action: action as AuditDraft["action"], target, actor, part, before, after };
}

/** The number of an entry by its id; null for what is no id. */
export function auditNumber(id: string | null): number | null {
  const digits = id === null ? undefined : ID.exec(id)?.[1];
  return digits === undefined ? null : Number(digits);
}
