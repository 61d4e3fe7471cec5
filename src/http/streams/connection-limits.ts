/** How many streams and sockets may be open at once: in all, and per key. */

import { ApiError } from "../../protocol/error.ts";

export type ConnectionLimits = {
  readonly maxConnections: number;
  readonly maxConnectionsPerKey: number;
};

/** An open connection's slot; `release` may be called again. */
export interface ConnectionSlot {
  release(): void;
}

/** `Retry-After` of a refused connection: a slot is usually released within seconds. */
const RETRY_SECONDS = 5;

export class ConnectionSlots {
  readonly #limits: ConnectionLimits;
  readonly #byKey = new Map<string, number>();
  #open = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get open(): number {
    return this.#open;
  }

  /** The keys that have a connection open. */
  keyIds(): Iterable<string> {
    return this.#byKey.keys();
  }

  /** Throws `too_many_connections` when no slot is free. */
  take(keyId: string): ConnectionSlot {
    const ofKey = this.#byKey.get(keyId) ?? 0;
    const { maxConnections, maxConnectionsPerKey } = this.#limits;
    if (ofKey >= maxConnectionsPerKey)
      throw refused(`This key has ${ofKey} event connections open and may have ${maxConnectionsPerKey}`);
    if (this.#open >= maxConnections) throw refused("The server has as many event connections as it takes");
    this.#byKey.set(keyId, ofKey + 1);
    this.#open += 1;
    return new Slot(this, keyId);
  }

  /** For slots only. */
  giveBack(keyId: string): void {
    const left = (this.#byKey.get(keyId) ?? 1) - 1;
    if (left === 0) this.#byKey.delete(keyId);
    else this.#byKey.set(keyId, left);
    this.#open -= 1;
  }
}

class Slot implements ConnectionSlot {
  readonly #slots: ConnectionSlots;
  #keyId: string | null;

  constructor(slots: ConnectionSlots, keyId: string) {
    this.#slots = slots;
    this.#keyId = keyId;
  }

  release(): void {
    if (this.#keyId === null) return;
    const keyId = this.#keyId;
    this.#keyId = null;
    this.#slots.giveBack(keyId);
  }
}

function refused(what: string): ApiError {
  return new ApiError(
    "too_many_connections",
    `${what}. Close one, or follow all tasks over one connection with GET /v1/events.`,
    { retryAfterSeconds: RETRY_SECONDS },
  );
}
