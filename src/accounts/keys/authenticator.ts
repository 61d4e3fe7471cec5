/**
 * Finds out who presents a key. A busy client sends the same key thousands of times a second, so answers are
 * remembered for a short while; what must hold exactly (enabled, expiry, budget) the store checks again when it
 * creates a task.
 */

import { ApiError } from "../../protocol/error.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { EphemeralKeyStore } from "../ephemeral/ephemeral-key-store.ts";
import { ephemeralPrincipalOf, type Principal, principalOf } from "../principal.ts";
import type { AccountStore } from "./account-store.ts";
import { hashKey, isEphemeralPlainKey, isPlainKey } from "./plain-key.ts";
import type { VirtualKey } from "./virtual-key.ts";

/** How long an answer is trusted: a change made by another process is seen after this at the latest. */
const KNOWN_MS = 10_000;
/** Unknown keys are remembered shorter, so that a key works soon after it was made elsewhere. */
const UNKNOWN_MS = 1_000;
/** Cached keys, about 0.5 kB each; beyond it the least recently used is dropped. */
const KNOWN_ENTRIES = 10_000;
/** Guesses remembered at once; kept apart, so that a flood of them pushes no real key out. */
const UNKNOWN_ENTRIES = 1_000;

/** What is asked of the store. */
type AuthenticatorStore = Pick<AccountStore, "findKeyByHash"> & Pick<EphemeralKeyStore, "findEphemeralKey">;

export type AuthenticatorOptions = {
  store: AuthenticatorStore;
  clock: Pick<Clock, "now" | "monotonic">;
  knownMs?: number;
  unknownMs?: number;
  knownEntries?: number;
  unknownEntries?: number;
  /**
   * Whether simultaneous lookups of one key share one read; the default. False on hosts where a request may not wait
   * for what another request began (Workers).
   */
  sharedLookups?: boolean;
};

type Entry = {
  readonly principal: Principal;
  readonly enabled: boolean;
  /** When the entry is read anew, monotonic. */
  readonly until: number;
  /** From when on the plain form is refused because the key was rotated, wall clock in ms; null for the present form. */
  readonly refusedFrom: number | null;
};

export class Authenticator {
  readonly #store: AuthenticatorStore;
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  readonly #knownMs: number;
  readonly #unknownMs: number;
  readonly #knownEntries: number;
  readonly #unknownEntries: number;
  /** By plain key, least recently used first. Private fields are printed by no logger and no inspector. */
  readonly #known = new Map<string, Entry>();
  /** Plain key → when its entry expires. */
  readonly #unknown = new Map<string, number>();
  readonly #lookups = new Map<string, Promise<Entry | null>>();
  readonly #sharedLookups: boolean;
  /** Rises whenever an entry is dropped: a lookup that began before does not fill the cache. */
  #generation = 0;

  constructor(options: AuthenticatorOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#knownMs = options.knownMs ?? KNOWN_MS;
    this.#unknownMs = options.unknownMs ?? UNKNOWN_MS;
    this.#knownEntries = options.knownEntries ?? KNOWN_ENTRIES;
    this.#unknownEntries = options.unknownEntries ?? UNKNOWN_ENTRIES;
    this.#sharedLookups = options.sharedLookups ?? true;
  }

  /**
   * The principal of a presented plain key. Rejects with `invalid_api_key`, `key_disabled` or `expired_api_key`;
   * the messages never repeat the key.
   */
  async authenticate(presented: string): Promise<Principal> {
    const entry = this.#recallEntry(presented) ?? (await this.#lookUp(presented));
    if (entry === null) throw isEphemeralPlainKey(presented) ? unknownEphemeralKey() : invalidKey();
    return this.#admit(entry);
  }

  /**
   * The same without waiting, for hot paths: null when the key is not cached, and `authenticate` must be called.
   * Throws what `authenticate` rejects with.
   */
  recall(presented: string): Principal | null {
    const entry = this.#recallEntry(presented);
    return entry === null ? null : this.#admit(entry);
  }

  /** Forgets everything about a key: its next request reads the store. */
  forget(keyId: string): void {
    this.#generation += 1;
    this.#unknown.clear();
    this.#lookups.clear();
    for (const [plain, entry] of this.#known) {
      if (entry.principal.keyId === keyId) this.#known.delete(plain);
    }
  }

  #admit(entry: Entry): Principal {
    const { principal } = entry;
    if (entry.refusedFrom !== null && entry.refusedFrom <= this.#clock.now()) throw invalidKey();
    if (!entry.enabled) {
      throw new ApiError("key_disabled", "This API key is disabled. An administrator can enable it again.");
    }
    if (principal.expiresAt !== null && principal.expiresAt <= this.#clock.now()) {
      const expired = new Date(principal.expiresAt).toISOString();
      throw new ApiError(
        "expired_api_key",
        `This API key expired at ${expired}. Use a key that is still valid.`,
      );
    }
    return principal;
  }

  #recallEntry(presented: string): Entry | null {
    const entry = this.#known.get(presented);
    if (entry === undefined || entry.until <= this.#clock.monotonic()) return null;
    // The order of use matters only when the cache is nearly full, and moving an entry costs more than finding it.
    if (this.#known.size * 2 > this.#knownEntries) {
      this.#known.delete(presented);
      this.#known.set(presented, entry);
    }
    return entry;
  }

  /** Null when there is no such key. Simultaneous lookups of one key share one read where the host allows it. */
  async #lookUp(presented: string): Promise<Entry | null> {
    if (!isPlainKey(presented) && !isEphemeralPlainKey(presented)) return null;
    const forgetAt = this.#unknown.get(presented);
    if (forgetAt !== undefined) {
      if (forgetAt > this.#clock.monotonic()) return null;
      this.#unknown.delete(presented);
    }
    if (!this.#sharedLookups) return this.#read(presented);
    const pending = this.#lookups.get(presented);
    if (pending !== undefined) return pending;
    const lookup = this.#read(presented).finally(() => {
      if (this.#lookups.get(presented) === lookup) this.#lookups.delete(presented);
    });
    this.#lookups.set(presented, lookup);
    return lookup;
  }

  async #read(presented: string): Promise<Entry | null> {
    const generation = this.#generation;
    const found = await this.#find(presented);
    const now = this.#clock.monotonic();
    const current = generation === this.#generation;
    if (found === null) {
      if (current) remember(this.#unknown, presented, now + this.#unknownMs, this.#unknownEntries);
      return null;
    }
    const entry: Entry = { ...found, until: now + this.#knownMs };
    if (current) remember(this.#known, presented, entry, this.#knownEntries);
    return entry;
  }

  /** An ephemeral key is as good as the plain key that made it, which is looked up as if it had been presented. */
  async #find(presented: string): Promise<Omit<Entry, "until"> | null> {
    const hash = await hashKey(presented);
    if (!isEphemeralPlainKey(presented)) {
      const key = await this.#store.findKeyByHash(hash);
      if (key === null) return null;
      return { principal: principalOf(key), enabled: key.enabled, refusedFrom: endOfForm(key, hash) };
    }
    const key = await this.#store.findEphemeralKey(hash);
    const parent = key === null ? null : await this.#store.findKeyByHash(key.parentHash);
    if (key === null || parent === null) return null;
    const principal = ephemeralPrincipalOf(key, parent);
    return { principal, enabled: parent.enabled, refusedFrom: endOfForm(parent, key.parentHash) };
  }
}

/** When the plain form with this hash comes to its end because the key was rotated; null for the present one. */
function endOfForm(key: VirtualKey, hash: string): number | null {
  return key.hash === hash ? null : (key.previous?.validUntil ?? 0);
}

function remember<V>(map: Map<string, V>, key: string, value: V, bound: number): void {
  map.delete(key);
  for (const oldest of map.keys()) {
    if (map.size < bound) break;
    map.delete(oldest);
  }
  map.set(key, value);
}

function invalidKey(): ApiError {
  return new ApiError(
    "invalid_api_key",
    "The API key is not known here. Send a virtual key of this gateway as `Authorization: Bearer condt_…`; the admin key is for /admin/v1 only.",
  );
}

function unknownEphemeralKey(): ApiError {
  return new ApiError(
    "invalid_api_key",
    "This ephemeral key is not known here: it was taken back, it expired long ago, or the key that made it was deleted or rotated. Get a new one from your server.",
  );
}
