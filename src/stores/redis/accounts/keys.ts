/** Virtual keys as fields: each a JSON text, but for the hash, by which keys are found. */

import {
  type AccountStore,
  type DeletedKey,
  DuplicateKeyError,
  type KeyOutcome,
  type KeyStep,
  type StoredAnswer,
} from "../../../accounts/keys/account-store.ts";
import type { KeyPatch, VirtualKey } from "../../../accounts/keys/virtual-key.ts";
import type { Reply } from "../server/replies.ts";
import { listReply, readable, textOf } from "../server/replies.ts";
import type { ScriptRunner } from "../server/script-runner.ts";
import { auditArguments } from "./audit.ts";

/** Says that a field which tasks are checked against stays as it is. */
const AS_IT_IS = "=";

export class RedisAccounts implements AccountStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async findKeyByHash(hash: string): Promise<VirtualKey | null> {
    return readKey(await this.#scripts.run("getKey", "", hash));
  }

  async getKey(id: string): Promise<VirtualKey | null> {
    return readKey(await this.#scripts.run("getKey", id));
  }

  async listKeys(limit: number, after: string | null): Promise<{ keys: VirtualKey[]; hasMore: boolean }> {
    const replies = listReply(await this.#scripts.run("listKeys", String(limit + 1), after ?? ""));
    const keys = replies.map(readKey).filter((key) => key !== null);
    return { keys: keys.slice(0, limit), hasMore: keys.length > limit };
  }

  async createKey(key: VirtualKey, step: KeyStep = {}): Promise<KeyOutcome> {
    const stored = [...checked(key), ...fieldsOf(key)];
    const reply = await this.#scripts.run("createKey", key.id, stepText(step), key.hash, ...stored);
    return outcomeOf(key.id, reply, () => key);
  }

  async updateKey(id: string, patch: KeyPatch, updatedAt: number, step: KeyStep = {}): Promise<KeyOutcome> {
    const stored = [...checked(patch), ...fieldsOf({ ...patch, updatedAt })];
    const reply = await this.#scripts.run("updateKey", id, stepText(step), patch.hash ?? "", ...stored);
    return outcomeOf(id, reply, readKey);
  }

  async deleteKey(id: string, step: KeyStep = {}): Promise<"deleted" | "missing" | "stale"> {
    const outcome = textOf(await this.#scripts.run("deleteKey", id, stepText(step)));
    return outcome as "deleted" | "missing" | "stale";
  }

  async getDeletedKey(id: string): Promise<DeletedKey | null> {
    const text = textOf(await this.#scripts.run("getDeletedKey", id));
    return text === "" ? null : readDeleted(id, text);
  }

  async listDeletedKeys(
    limit: number,
    after: string | null,
  ): Promise<{ keys: DeletedKey[]; hasMore: boolean }> {
    const pairs = listReply(await this.#scripts.run("listDeletedKeys", String(limit + 1), after ?? ""));
    const keys = readable(pairs.slice(0, limit), (pair) => {
      const [id = "", text = ""] = listReply(pair).map(textOf);
      return readDeleted(id, text);
    });
    return { keys, hasMore: pairs.length > limit };
  }

  async recallAnswer(id: string): Promise<StoredAnswer | null> {
    const [, fingerprint, text] = listReply(await this.#scripts.run("recallAnswer", id, "")).map(textOf);
    return fingerprint === undefined || text === undefined ? null : { fingerprint, text };
  }
}

/** What scripts read of a step; see scripts/parts/keys/key-step.lua. */
function stepText({ version, audit, once }: KeyStep): string {
  return JSON.stringify({
    ...(version && {
      version: { revision: String(version.revision), updatedAt: String(version.updatedAt) },
    }),
    ...(audit && { audit: auditArguments(audit) }),
    ...(once && {
      once: { id: once.id, print: once.fingerprint, text: once.text, ttl: once.ttlMs },
    }),
  });
}

/** What a script says that it did; rejects a hash or an id that is taken. */
function outcomeOf(id: string, reply: Reply, read: (fields: Reply) => VirtualKey | null): KeyOutcome {
  const [word, fields, text] = listReply(reply);
  const outcome = textOf(word);
  if (outcome === "missing" || outcome === "stale") return { outcome };
  if (outcome === "answered") return { outcome, answer: { fingerprint: textOf(fields), text: textOf(text) } };
  const key = outcome === "done" ? read(fields ?? null) : null;
  // A call that is sent again may come after somebody else's removal.
  if (outcome === "done") return key === null ? { outcome: "missing" } : { outcome, key };
  throw new DuplicateKeyError(`A key with the id ${id}, or with the same secret, exists already`);
}

function readDeleted(id: string, stored: string): DeletedKey {
  const space = stored.indexOf(" ");
  const fields = JSON.parse(stored.slice(space + 1)) as Pick<DeletedKey, "name" | "last4" | "createdAt">;
  return { id, ...fields, deletedAt: Number(stored.slice(0, space)) };
}

/** What scripts compare: whether it is enabled, when it expires, how many tasks at once, its budgets. */
function checked({ enabled, expiresAt, maxConcurrentTasks, budgets }: KeyPatch): string[] {
  const limits = budgets?.map(({ period, limitMicros }) => `${period} ${limitMicros}`).join(" ");
  return [enabled === undefined ? undefined : Number(enabled), expiresAt, maxConcurrentTasks, limits].map(
    (value) => (value === undefined ? AS_IT_IS : String(value ?? "")),
  );
}

function fieldsOf(key: Partial<VirtualKey>): string[] {
  return Object.entries(key)
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => [name, name === "hash" ? String(value) : JSON.stringify(value)]);
}

function readKey(reply: Reply): VirtualKey | null {
  const fields = listReply(reply).map(textOf);
  if (fields.length === 0) return null;
  // Keys of earlier releases have none of these.
  const key: Record<string, unknown> = {
    budgets: [],
    grants: [],
    customerBudget: null,
    requestsPerMinute: null,
    requestsPerDay: null,
    previous: null,
    revision: 0,
  };
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const text = fields[index + 1] as string;
    key[name] = name === "hash" ? text : JSON.parse(text);
  }
  return key as VirtualKey;
}
