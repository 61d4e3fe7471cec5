/**
 * Ends the connections of keys that are no longer good: expired, or disabled or deleted by another process. A change
 * made in this process is announced at once; this finds the rest. When the plain form before a rotation comes to its end, all
 * connections of the key end, because nothing says with which form each was made: those with the new one come back.
 */

import { KEY_END, type KeyEnd } from "../../protocol/close-codes.ts";
import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import type { AccountStore } from "./account-store.ts";
import type { VirtualKey } from "./virtual-key.ts";

/** The longest time a connection stays open after its key was ended elsewhere, ms; the documented promise is 60 s. */
const CHECK_MS = 30_000;
/** The longest time a connection stays open after its key has expired, ms. */
const LOOK_MS = 1_000;

export type KeyWatchDependencies = {
  store: Pick<AccountStore, "getKey">;
  clock: Clock;
  log: Log;
  /** The keys that have connections open now. */
  connectedKeys(): Iterable<string>;
  /** Ends every connection of a key. */
  disconnect(keyId: string, why: KeyEnd): void;
  /** Pause between two checks, ms. Default 30 s. */
  everyMs?: number;
  /** When the connected keys were last checked, wall clock in ms. Default: just now. */
  lastCheckAt?: number;
};

export class KeyWatch {
  readonly #dependencies: KeyWatchDependencies;
  /** When keys that were read are to be read again, wall clock in ms: when they expire. Infinite: with all others. */
  readonly #dueAt = new Map<string, number>();
  /** When keys were last read, wall clock in ms; a new one counts as read at the last look: its connections are newer. */
  readonly #readAt = new Map<string, number>();
  #lookedAt: number;
  #timer: TimerHandle | null = null;
  #checkedAt: number;
  #stopped = false;

  constructor(dependencies: KeyWatchDependencies) {
    this.#dependencies = dependencies;
    this.#checkedAt = dependencies.clock.monotonic();
    this.#lookedAt = dependencies.lastCheckAt ?? dependencies.clock.now();
  }

  start(): void {
    const { clock, everyMs = CHECK_MS } = this.#dependencies;
    this.#timer = clock.after(Math.min(LOOK_MS, everyMs), () => {
      const due = clock.monotonic() - this.#checkedAt >= everyMs;
      void (due ? this.check() : this.#look()).finally(() => {
        if (!this.#stopped) this.start();
      });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** A key was changed: it is read again soon. */
  forget(keyId: string): void {
    this.#dueAt.delete(keyId);
  }

  /** When a key is to be checked that was checked before, wall clock in ms: infinite, with all others; null: not known. */
  dueAt(keyId: string): number | null {
    return this.#dueAt.get(keyId) ?? null;
  }

  /** Checks every connected key once. Never rejects: while the store cannot be read, no connection is closed. */
  async check(): Promise<void> {
    const { clock, connectedKeys } = this.#dependencies;
    this.#checkedAt = clock.monotonic();
    this.#dueAt.clear();
    const connected = new Set(connectedKeys());
    for (const keyId of this.#readAt.keys()) if (!connected.has(keyId)) this.#readAt.delete(keyId);
    await this.#checkKeys(connected);
    this.#lookedAt = clock.now();
  }

  /** Checks those that seem to have expired, and those that came since the last check. */
  async #look(): Promise<void> {
    const { clock, connectedKeys } = this.#dependencies;
    const now = clock.now();
    const keys = new Set<string>();
    for (const keyId of connectedKeys()) if ((this.#dueAt.get(keyId) ?? 0) <= now) keys.add(keyId);
    await this.#checkKeys(keys);
    this.#lookedAt = now;
  }

  async #checkKeys(keyIds: ReadonlySet<string>): Promise<void> {
    const { store, clock, log, disconnect } = this.#dependencies;
    // Those that cannot be read come with the next check of all.
    for (const keyId of keyIds) {
      this.#dueAt.set(keyId, Number.POSITIVE_INFINITY);
      if (!this.#readAt.has(keyId)) this.#readAt.set(keyId, this.#lookedAt);
    }
    try {
      for (const keyId of keyIds) {
        const key = await store.getKey(keyId);
        const now = clock.now();
        const formEnd = key?.previous?.validUntil ?? Number.NEGATIVE_INFINITY;
        const end =
          keyEndOf(key, now) ??
          (formEnd <= now && formEnd > (this.#readAt.get(keyId) ?? now) ? KEY_END.rotated : null);
        this.#readAt.set(keyId, now);
        if (end !== null) disconnect(keyId, end);
        if (key !== null && end !== KEY_END.revoked && end !== KEY_END.expired)
          this.#dueAt.set(keyId, nextEnd(key, now));
      }
    } catch (error) {
      log.warn("connected keys could not be checked", { cause: describeError(error) });
    }
  }
}

/** When something about the key comes to its end next, wall clock in ms. */
function nextEnd({ expiresAt, previous }: VirtualKey, now: number): number {
  const formEnd =
    previous !== null && previous.validUntil > now ? previous.validUntil : Number.POSITIVE_INFINITY;
  return Math.min(expiresAt ?? Number.POSITIVE_INFINITY, formEnd);
}

/** Why a key is no longer good; null while it is. */
export function keyEndOf(key: VirtualKey | null, now: number): KeyEnd | null {
  if (key?.enabled !== true) return KEY_END.revoked;
  return key.expiresAt !== null && key.expiresAt <= now ? KEY_END.expired : null;
}
