/**
 * Ends the connections of keys that are no longer good: disabled or deleted by another process, or expired. A change
 * made in this process is announced at once; this finds the rest.
 */

import type { Clock, TimerHandle } from "../tasks/ports/clock.ts";
import { describeError, type Log } from "../tasks/ports/log.ts";
import type { AccountStore } from "./account-store.ts";

/** The longest time a connection stays open after its key has ended, ms; the documented promise is 60 s. */
const CHECK_MS = 30_000;

export type KeyWatchDependencies = {
  store: Pick<AccountStore, "getKey">;
  clock: Clock;
  log: Log;
  /** The keys that have connections open now. */
  connectedKeys(): Iterable<string>;
  /** Ends every connection of a key. */
  disconnect(keyId: string): void;
  /** Pause between two checks, ms. Default 30 s. */
  everyMs?: number;
};

export class KeyWatch {
  readonly #dependencies: KeyWatchDependencies;
  #timer: TimerHandle | null = null;
  #stopped = false;

  constructor(dependencies: KeyWatchDependencies) {
    this.#dependencies = dependencies;
  }

  start(): void {
    this.#timer = this.#dependencies.clock.after(this.#dependencies.everyMs ?? CHECK_MS, () => {
      void this.check().finally(() => {
        if (!this.#stopped) this.start();
      });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Checks every connected key once. Never rejects: while the store cannot be read, no connection is closed. */
  async check(): Promise<void> {
    const { store, clock, log, connectedKeys, disconnect } = this.#dependencies;
    try {
      for (const keyId of new Set(connectedKeys())) {
        const key = await store.getKey(keyId);
        const alive = key?.enabled === true && (key.expiresAt === null || key.expiresAt > clock.now());
        if (!alive) disconnect(keyId);
      }
    } catch (error) {
      log.warn("connected keys could not be checked", { cause: describeError(error) });
    }
  }
}
