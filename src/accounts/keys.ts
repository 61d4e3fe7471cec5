/** Virtual keys as administrators handle them: make, list, read, change, rotate, delete. */

import { KEY_END } from "../protocol/close-codes.ts";
import { ApiError } from "../protocol/error.ts";
import type { Permissions } from "../protocol/key.ts";
import type { Json, Priority } from "../protocol/task.ts";
import { cryptoRandom, type RandomFill, randomToken } from "../tasks/ids.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";
import { describeError } from "../tasks/ports/log.ts";
import { type AccountStore, DuplicateKeyError } from "./account-store.ts";
import type { Budget, Grant } from "./budgets.ts";
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

/** A key together with its plain form, which is shown this once. */
export type MadeKey = { key: VirtualKey; plain: string };

/** A change of a key, for caches and open connections. */
export type KeyEvent = {
  readonly keyId: string;
  /** False when connections made with the key must end: it was disabled, deleted, rotated or has expired. */
  readonly alive: boolean;
  /** Set when it ends because it has expired. */
  readonly expired?: true;
};

export type KeyServiceDependencies = {
  store: AccountStore;
  clock: Pick<Clock, "now">;
  log: Log;
  random?: RandomFill;
};

/** The id of the key from `CONDUIT_BOOTSTRAP_KEY`. */
export const BOOTSTRAP_KEY_ID = "key_bootstrap";

const ID_CHARACTERS = 20;
const SHOWN_CHARACTERS = 4;
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
  readonly #store: AccountStore;
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

  /** Makes a key. Its plain form cannot be read again. */
  async create(draft: KeyDraft): Promise<MadeKey> {
    const plain = makePlainKey(this.#random);
    const key = await this.#newKey(`key_${randomToken(ID_CHARACTERS, this.#random)}`, plain, draft);
    await this.#store.createKey(key);
    return { key, plain };
  }

  /** Newest first; `after` is the last id of the page before. */
  list(limit: number, after: string | null): Promise<{ keys: VirtualKey[]; hasMore: boolean }> {
    return this.#store.listKeys(limit, after);
  }

  /** Rejects with `not_found` when there is no such key. */
  async read(id: string): Promise<VirtualKey> {
    return (await this.#store.getKey(id)) ?? missing(id);
  }

  /** Changes what is named and leaves the rest. Rejects with `not_found`. */
  async change(id: string, change: KeyChange): Promise<VirtualKey> {
    const before = await this.read(id);
    const { permissions, ...rest } = change;
    return this.#update(id, {
      ...withoutUndefined(rest),
      ...(permissions && { permissions: { ...before.permissions, ...withoutUndefined(permissions) } }),
    });
  }

  /**
   * Gives the key a new plain form; the old one is refused at once and its connections end. Rejects with `not_found`,
   * and with `invalid_parameter` for the bootstrap key.
   */
  async rotate(id: string): Promise<MadeKey> {
    refuseBootstrapKey(id);
    const plain = makePlainKey(this.#random);
    const key = await this.#update(id, await storedForm(plain), { alive: false });
    return { key, plain };
  }

  /**
   * Rejects with `not_found`, and with `invalid_parameter` for the bootstrap key. The key's tasks stay until their
   * retention ends.
   */
  async remove(id: string): Promise<void> {
    refuseBootstrapKey(id);
    if (!(await this.#store.deleteKey(id))) missing(id);
    this.#announce({ keyId: id, alive: false });
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
      return this.#update(BOOTSTRAP_KEY_ID, form, { alive: false });
    }
    const key = await this.#newKey(BOOTSTRAP_KEY_ID, plain, { name: "Bootstrap key" });
    try {
      await this.#store.createKey(key);
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
      createdAt: now,
      updatedAt: now,
    };
  }

  async #update(id: string, patch: KeyPatch, known: { alive?: boolean } = {}): Promise<VirtualKey> {
    const now = this.#clock.now();
    const key = (await this.#store.updateKey(id, patch, now)) ?? missing(id);
    const usable = keyEndOf(key, now) === null;
    const alive = known.alive ?? usable;
    const expired = !alive && keyEndOf(key, now) === KEY_END.expired;
    this.#announce({ keyId: id, alive, ...(expired && { expired }) });
    return key;
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

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(fields: T): Partial<Defined<T>> {
  const defined = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as Partial<Defined<T>>;
}

/** Its plain form is installed again at every start: a rotated or deleted one would silently be valid again. */
function refuseBootstrapKey(id: string): void {
  if (id !== BOOTSTRAP_KEY_ID) return;
  throw new ApiError(
    "invalid_parameter",
    "The bootstrap key is set by CONDUIT_BOOTSTRAP_KEY, or by keys.json in the data directory, and would be back at the next start. Change it there, or disable it with PATCH.",
    { param: "id" },
  );
}

function missing(id: string): never {
  throw new ApiError(
    "not_found",
    `There is no key ${JSON.stringify(id)}. GET /admin/v1/keys lists the keys.`,
    {
      param: "id",
    },
  );
}
