/** Virtual keys as administrators handle them: make, list, read, change, rotate, delete. */

import { KEY_END } from "../../protocol/close-codes.ts";
import { ApiError } from "../../protocol/error.ts";
import type { Permissions } from "../../protocol/key.ts";
import type { Json, Priority } from "../../protocol/task.ts";
import { cryptoRandom, type RandomFill, randomToken } from "../../tasks/ids.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { Log } from "../../tasks/ports/log.ts";
import { describeError } from "../../tasks/ports/log.ts";
import type { AuditAction, AuditStore } from "../audit-store.ts";
import type { Budget, Grant } from "../money/budgets.ts";
import { type AccountStore, type DeletedKey, DuplicateKeyError, type StoredAnswer } from "./account-store.ts";
import {
  type KeptAnswer,
  type KeyOrder,
  keyAudit,
  type MadeKey,
  type OnceOrder,
  OWN_DOING,
  onceStep,
} from "./key-changes.ts";
import { BOOTSTRAP_KEY_ID, changedMeanwhile, noSuchKey, refuseBootstrapKey } from "./key-refusals.ts";
import { type FoundKeys, type KeySearch, searchKeys } from "./key-search.ts";
import { keyEndOf } from "./key-watch.ts";
import { hashKey, makePlainKey } from "./plain-key.ts";
import type { KeyPatch, VirtualKey } from "./virtual-key.ts";

/** What an administrator may set for a new key; what is left out gets the default. */
export type KeyDraft = {
  name: string;
  /** Default true. */
  enabled?: boolean | undefined;
  /** Milliseconds since the epoch; default never. */
  expiresAt?: number | null | undefined;
  /** Default every model. */
  allowedModels?: readonly string[] | null | undefined;
  /** Default all; where some are named, the others are not granted. */
  permissions?: { readonly [K in keyof Permissions]?: boolean | undefined } | undefined;
  /** Default `high`: no ceiling. */
  maxPriority?: Priority | undefined;
  maxConcurrentTasks?: number | null | undefined;
  /** Default none. */
  budgets?: readonly Budget[] | undefined;
  /** Default none. */
  grants?: readonly Grant[] | undefined;
  customerBudget?: Budget | null | undefined;
  requestsPerMinute?: number | null | undefined;
  requestsPerDay?: number | null | undefined;
  metadata?: Record<string, Json> | undefined;
};

/** What an administrator may change; permissions that are not named stay. */
export type KeyChange = { [K in keyof KeyDraft]?: KeyDraft[K] | undefined };

/** A change of a key, for caches and open connections. */
export type KeyEvent = {
  readonly keyId: string;
  /** False when connections made with the key must end: it was disabled, deleted, rotated or has expired. */
  readonly alive: boolean;
  /** Set when it ends because it has expired. */
  readonly expired?: true;
};

export type KeyServiceDependencies = {
  store: AccountStore & Pick<AuditStore, "recordAudit">;
  clock: Pick<Clock, "now">;
  log: Log;
  random?: RandomFill;
};

const ID_CHARACTERS = 20;
const SHOWN_CHARACTERS = 4;
/** Each attempt fails only because another change of the same key succeeded. */
const MAX_ATTEMPTS = 50;
const ALL_PERMISSIONS: Permissions = {
  canGenerateImages: true,
  canGenerateVideos: true,
  canUseRealtimeAudio: true,
};

const NO_PERMISSIONS: Permissions = {
  canGenerateImages: false,
  canGenerateVideos: false,
  canUseRealtimeAudio: false,
};

export class KeyService {
  readonly #store: AccountStore & Pick<AuditStore, "recordAudit">;
  readonly #clock: Pick<Clock, "now">;
  readonly #log: Log;
  readonly #random: RandomFill;
  readonly #listeners = new Set<(event: KeyEvent) => void>();

  constructor(dependencies: KeyServiceDependencies) {
    this.#store = dependencies.store;
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#random = dependencies.random ?? cryptoRandom;
  }

  /**
   * Calls back after every committed change of a key, before the change is answered: caches forget, streams close.
   * Answers a function that ends it.
   */
  onKeyChanged(listener: (event: KeyEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells the same listeners that a key is to be read anew, because something that belongs to it was changed elsewhere. */
  noteChange(keyId: string): void {
    this.#announce({ keyId, alive: true });
  }

  /** Makes a key. Its plain form cannot be read again; the answer of the same request comes back where one was kept. */
  create(draft: KeyDraft, order?: KeyOrder): Promise<MadeKey>;
  create(draft: KeyDraft, order: KeyOrder | OnceOrder): Promise<MadeKey | KeptAnswer>;
  async create(draft: KeyDraft, order: KeyOrder | OnceOrder = OWN_DOING): Promise<MadeKey | KeptAnswer> {
    const plain = makePlainKey(this.#random);
    const key = await this.#newKey(`key_${randomToken(ID_CHARACTERS, this.#random)}`, plain, draft);
    const made = { key, plain };
    const outcome = await this.#store.createKey(key, {
      audit: keyAudit(order, "key.created", { before: null, after: key }),
      ...(await onceStep("once" in order ? order.once : undefined, made)),
    });
    return outcome.outcome === "answered" ? { answer: outcome.answer } : made;
  }

  /** A page of keys, newest first. */
  search(search: KeySearch): Promise<FoundKeys> {
    return searchKeys(this.#store, search);
  }

  /** The one deleted last comes first. */
  listDeleted(limit: number, after: string | null): Promise<{ keys: DeletedKey[]; hasMore: boolean }> {
    return this.#store.listDeletedKeys(limit, after);
  }

  /** What is left of a deleted key. Rejects with `not_found`. */
  async readDeleted(id: string): Promise<DeletedKey> {
    return (await this.#store.getDeletedKey(id)) ?? noSuchKey(id);
  }

  /** What the request was answered whose idempotency key this id stands for; null when it has not come before. */
  recallAnswer(id: string): Promise<StoredAnswer | null> {
    return this.#store.recallAnswer(id);
  }

  /** Rejects with `not_found` when there is no such key. */
  async read(id: string): Promise<VirtualKey> {
    return (await this.#store.getKey(id)) ?? noSuchKey(id);
  }

  /**
   * Changes what is named and leaves the rest, also what another change made at the same moment. Rejects with `not_found`,
   * and with `precondition_failed` when the key does not match.
   */
  async change(id: string, change: KeyChange, order: KeyOrder = OWN_DOING): Promise<VirtualKey> {
    const { permissions, ...rest } = change;
    const changed = await this.#update(id, "key.changed", order, (before) => ({
      ...withoutUndefined(rest),
      ...(permissions && { permissions: { ...before.permissions, ...withoutUndefined(permissions) } }),
    }));
    return changed.key;
  }

  /**
   * Gives the key a new plain form. The old one is refused at once and its connections end, or after `overlapMs`; one that is
   * older yet is refused in any case. Rejects with `not_found`, with `precondition_failed` when the key does not match, and
   * with `invalid_parameter` for the bootstrap key.
   */
  rotate(id: string, overlapMs?: number, order?: KeyOrder): Promise<MadeKey>;
  rotate(id: string, overlapMs: number, order: KeyOrder | OnceOrder): Promise<MadeKey | KeptAnswer>;
  async rotate(
    id: string,
    overlapMs = 0,
    order: KeyOrder | OnceOrder = OWN_DOING,
  ): Promise<MadeKey | KeptAnswer> {
    refuseBootstrapKey(id);
    const plain = makePlainKey(this.#random);
    const form = await storedForm(plain);
    const rotated = await this.#update(
      id,
      "key.rotated",
      { ...order, plain, ...(overlapMs === 0 && { alive: false }) },
      ({ hash, last4 }, now) => ({
        ...form,
        previous: overlapMs === 0 ? null : { hash, last4, validUntil: now + overlapMs, successor: form.hash },
      }),
    );
    return "key" in rotated ? { key: rotated.key, plain } : rotated;
  }

  /**
   * Rejects with `not_found`, with `precondition_failed` when the key does not match, and with `invalid_parameter` for the
   * bootstrap key. The key's tasks stay until their retention ends, its name as long as the ledger.
   */
  async remove(id: string, order: KeyOrder = OWN_DOING): Promise<void> {
    refuseBootstrapKey(id);
    await this.#atVersion(id, order, async (before) => {
      const outcome = await this.#store.deleteKey(id, {
        version: before,
        audit: keyAudit(order, "key.deleted", { before, after: null }),
      });
      if (outcome === "missing") noSuchKey(id);
      return outcome === "stale" ? null : outcome;
    });
    this.#announce({ keyId: id, alive: false });
  }

  /** Tells the audit log that work of a key was ended: many steps of the store did it. */
  async noteCancelled(id: string, cancelled: number, { actor }: KeyOrder): Promise<void> {
    await this.#store.recordAudit({
      actor,
      action: "key.cancelled",
      target: id,
      part: null,
      before: null,
      after: { cancelled },
    });
  }

  /** Tells the audit log that the secret of a key's webhooks was rotated. */
  async noteSecretRotated(id: string, { actor }: KeyOrder): Promise<void> {
    await this.#store.recordAudit({
      actor,
      action: "key.webhook_secret_rotated",
      target: id,
      part: null,
      before: null,
      after: {},
    });
  }

  /**
   * Sees that the key from the configuration is in the store: made on the first start, given its new plain form
   * when that changed. What an administrator changed about it stays, also that it is disabled.
   */
  async ensureBootstrapKey(plain: string): Promise<VirtualKey> {
    const form = await storedForm(plain);
    const holder = await this.#store.findKeyByHash(form.hash);
    if (holder !== null) return holder;
    if ((await this.#store.getKey(BOOTSTRAP_KEY_ID)) !== null) {
      const order = { ...OWN_DOING, alive: false };
      return (await this.#update(BOOTSTRAP_KEY_ID, "key.rotated", order, () => ({ ...form, previous: null })))
        .key;
    }
    const key = await this.#newKey(BOOTSTRAP_KEY_ID, plain, { name: "Bootstrap key" });
    try {
      await this.#store.createKey(key, {
        audit: keyAudit(OWN_DOING, "key.created", { before: null, after: key }),
      });
    } catch (error) {
      // Another instance of the deployment started at the same moment.
      const made = error instanceof DuplicateKeyError ? await this.#store.findKeyByHash(form.hash) : null;
      if (made === null) throw error;
      return made;
    }
    return key;
  }

  /** Whether the store's bootstrap key is this one, or there is none yet. */
  async holdsBootstrapKey(plain: string): Promise<boolean> {
    const key = await this.#store.getKey(BOOTSTRAP_KEY_ID);
    return key === null || key.hash === (await hashKey(plain));
  }

  async #newKey(id: string, plain: string, draft: KeyDraft): Promise<VirtualKey> {
    const now = this.#clock.now();
    return {
      id,
      name: draft.name,
      ...(await storedForm(plain)),
      enabled: draft.enabled ?? true,
      expiresAt: draft.expiresAt ?? null,
      allowedModels: draft.allowedModels ?? null,
      permissions:
        draft.permissions === undefined
          ? ALL_PERMISSIONS
          : { ...NO_PERMISSIONS, ...withoutUndefined(draft.permissions) },
      maxPriority: draft.maxPriority ?? "high",
      maxConcurrentTasks: draft.maxConcurrentTasks ?? null,
      budgets: draft.budgets ?? [],
      grants: draft.grants ?? [],
      customerBudget: draft.customerBudget ?? null,
      requestsPerMinute: draft.requestsPerMinute ?? null,
      requestsPerDay: draft.requestsPerDay ?? null,
      metadata: draft.metadata ?? {},
      previous: null,
      revision: 1,
      createdAt: now,
      updatedAt: now,
    };
  }

  /** Applies what `patchOf` makes of the key as it is, in one step; again when another change came between. */
  #update(
    id: string,
    action: AuditAction,
    order: UpdateOrder,
    patchOf: PatchOf,
  ): Promise<{ key: VirtualKey }>;
  #update(
    id: string,
    action: AuditAction,
    order: UpdateOrder & Partial<OnceOrder>,
    patchOf: PatchOf,
  ): Promise<{ key: VirtualKey } | KeptAnswer>;
  async #update(
    id: string,
    action: AuditAction,
    order: UpdateOrder & Partial<OnceOrder>,
    patchOf: PatchOf,
  ): Promise<{ key: VirtualKey } | KeptAnswer> {
    const updated = await this.#atVersion(id, order, async (before) => {
      const now = this.#clock.now();
      const patch = patchOf(before, now);
      const after = { ...before, ...patch, updatedAt: now, revision: before.revision + 1 };
      const outcome = await this.#store.updateKey(id, patch, now, {
        version: before,
        audit: keyAudit(order, action, { before, after }),
        ...(await onceStep(order.once, { key: after, plain: order.plain ?? "" })),
      });
      if (outcome.outcome === "missing") noSuchKey(id);
      return outcome.outcome === "stale" ? null : outcome;
    });
    if (updated.outcome === "answered") return { answer: updated.answer };
    const { key } = updated;
    const end = keyEndOf(key, this.#clock.now());
    const alive = order.alive ?? end === null;
    const expired = !alive && end === KEY_END.expired;
    this.#announce({ keyId: id, alive, ...(expired && { expired }) });
    return { key };
  }

  /** Runs a step on the key as it is, until no other change comes between: then the step answers something. */
  async #atVersion<T>(
    id: string,
    { matches }: KeyOrder,
    step: (before: VirtualKey) => Promise<T | null>,
  ): Promise<T> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const before = await this.read(id);
      if (matches !== undefined && !matches(before)) throw changedMeanwhile();
      const done = await step(before);
      if (done !== null) return done;
    }
    throw new ApiError(
      "overloaded",
      "The key is being changed by others at the same moment. Send the request again.",
      { retryAfterSeconds: 1 },
    );
  }

  #announce(event: KeyEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#log.error("a listener of key changes failed", {
          keyId: event.keyId,
          cause: describeError(error),
        });
      }
    }
  }
}

async function storedForm(plain: string): Promise<{ hash: string; last4: string }> {
  return { hash: await hashKey(plain), last4: plain.slice(-SHOWN_CHARACTERS) };
}

/** What the key becomes, from what it is and the moment. */
type PatchOf = (before: VirtualKey, now: number) => KeyPatch;

type UpdateOrder = KeyOrder & {
  /** Whether connections made with the key may stay; absent: while the key is good. */
  readonly alive?: boolean;
  /** The new plain form. */
  readonly plain?: string;
};

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(fields: T): Partial<Defined<T>> {
  const defined = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as Partial<Defined<T>>;
}
