/** Virtual keys as fields: each a JSON text, but for the hash, by which keys are found. */

import { type AccountStore, DuplicateKeyError } from "../../../accounts/account-store.ts";
import type { KeyPatch, VirtualKey } from "../../../accounts/virtual-key.ts";
import type { Reply } from "../server/replies.ts";
import { listReply, textOf } from "../server/replies.ts";
import type { ScriptRunner } from "../server/script-runner.ts";

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

  async createKey(key: VirtualKey): Promise<void> {
    const made = await this.#scripts.run("createKey", key.id, key.hash, ...checked(key), ...fieldsOf(key));
    if (made === 0) throw duplicate(key.id);
  }

  async updateKey(id: string, patch: KeyPatch, updatedAt: number): Promise<VirtualKey | null> {
    const fields = fieldsOf({ ...patch, updatedAt });
    const reply = await this.#scripts.run("updateKey", id, patch.hash ?? "", ...checked(patch), ...fields);
    if (reply === 0) throw duplicate(id);
    return reply === null ? null : readKey(reply);
  }

  async deleteKey(id: string): Promise<boolean> {
    return (await this.#scripts.run("deleteKey", id)) === 1;
  }
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
  // Keys of earlier releases have none.
  const key: Record<string, unknown> = {
    budgets: [],
    grants: [],
    customerBudget: null,
    requestsPerMinute: null,
    requestsPerDay: null,
  };
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const text = fields[index + 1] as string;
    key[name] = name === "hash" ? text : JSON.parse(text);
  }
  return key as VirtualKey;
}

function duplicate(id: string): DuplicateKeyError {
  return new DuplicateKeyError(`A key with the id ${id}, or with the same secret, exists already`);
}
