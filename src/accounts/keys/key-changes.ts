/** What comes with a change of a key: who asks, on which version it was decided, what is told of it. */

import type { Json } from "../../protocol/task.ts";
import type { AuditAction, AuditActor, AuditDraft, AuditFields } from "../audit-store.ts";
import type { KeyStep, KeyVersion, StoredAnswer } from "./account-store.ts";
import type { VirtualKey } from "./virtual-key.ts";
import { wireKey } from "./wire-key.ts";

/** A key together with its plain form, which is shown this once. */
export type MadeKey = { key: VirtualKey; plain: string };

/** A request that is answered again as it was, when it comes again. */
export type OnceRequest = {
  /** Stands for its idempotency key. */
  readonly id: string;
  /** Of its body. */
  readonly fingerprint: string;
  readonly ttlMs: number;
  /** The answer as it is kept: sealed, because it holds the plain key. */
  seal(made: MadeKey): Promise<string>;
};

/** Who asks for a change, and under which condition. */
export type KeyOrder = {
  readonly actor: AuditActor;
  /** Whether the change may be made of the key as it is; absent: whatever it is. */
  readonly matches?: ((key: KeyVersion) => boolean) | undefined;
};

/** The same of a request that may come again. */
export type OnceOrder = KeyOrder & { readonly once: OnceRequest };

/** The answer that was kept of the same request. */
export type KeptAnswer = { readonly answer: StoredAnswer };

/** The gateway itself, from its configuration. */
export const OWN_DOING: KeyOrder = { actor: { by: "start", fingerprint: null, requestId: null } };

/** Fields that stay out of the audit log: that they changed is told, not what to. */
const SECRET: ReadonlySet<string> = new Set(["webhookSecret"]);
/** Change with every change. */
const UNTOLD: ReadonlySet<string> = new Set(["updatedAt"]);
/** A longer field, as JSON, is told by its length: entries are kept for a year and more. */
const MAX_FIELD_CHARACTERS = 4_096;

/** The entry of a change: the fields that differ, before and after it. Undefined when none does. */
export function keyAudit(
  { actor }: KeyOrder,
  action: AuditAction,
  { before, after }: { before: VirtualKey | null; after: VirtualKey | null },
): AuditDraft | undefined {
  const was = before === null ? {} : shownFields(before);
  const is = after === null ? {} : shownFields(after);
  const names = Object.keys({ ...was, ...is });
  const changed = names.filter((name) => JSON.stringify(was[name]) !== JSON.stringify(is[name]));
  if (changed.length === 0) return undefined;
  return {
    actor,
    action,
    target: (after ?? before)?.id ?? "",
    part: null,
    before: before && told(was, changed),
    after: after && told(is, changed),
  };
}

/** The step of a request that may come again, once its answer is known. */
export async function onceStep(once: OnceRequest | undefined, made: MadeKey): Promise<Pick<KeyStep, "once">> {
  if (once === undefined) return {};
  const { id, fingerprint, ttlMs } = once;
  return { once: { id, fingerprint, ttlMs, text: await once.seal(made) } };
}

function shownFields(key: VirtualKey): AuditFields {
  return Object.fromEntries(
    Object.entries(wireKey(key)).filter(([name]) => !UNTOLD.has(name)),
  ) as AuditFields;
}

function told(fields: AuditFields, names: readonly string[]): AuditFields {
  return Object.fromEntries(names.map((name) => [name, toldField(name, fields[name] ?? null)]));
}

function toldField(name: string, value: Json): Json {
  if (SECRET.has(name)) return value === null ? null : "(secret)";
  const characters = JSON.stringify(value).length;
  return characters > MAX_FIELD_CHARACTERS ? `(${characters} characters)` : value;
}
