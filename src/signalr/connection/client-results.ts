/** Client results: the pending answers to calls of a client method. */

import type { Completion } from "../protocols/messages.ts";
import type { HubConnectionSettings } from "./hub-connection-options.ts";
import { HubError } from "./invocation-errors.ts";

/** Keeps our ids apart from those clients give their uploads. */
const ID_PREFIX = "s";

type Pending = { resolve(value: unknown): void; reject(error: Error): void; deadline: number };

/** One instance per connection: an answer that comes over another connection matches nothing. */
export class ClientResults {
  readonly #connectionId: string;
  readonly #settings: Pick<HubConnectionSettings, "maxClientResults" | "clientResultMs">;
  readonly #pending = new Map<string, Pending>();
  #issued = 0;

  constructor(
    connectionId: string,
    settings: Pick<HubConnectionSettings, "maxClientResults" | "clientResultMs">,
  ) {
    this.#connectionId = connectionId;
    this.#settings = settings;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** The earliest moment at which `expire` has something to do. */
  get due(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { deadline } of this.#pending.values()) due = Math.min(due, deadline);
    return due;
  }

  /**
   * Calls the client by `send`, which gets the id of the invocation, and resolves with the answer. Rejects with a `HubError` where
   * the client owes as many answers as it may, does not answer in time, or the connection ends before.
   */
  ask(now: number, send: (invocationId: string) => void): Promise<unknown> {
    const { maxClientResults, clientResultMs } = this.#settings;
    if (this.#pending.size >= maxClientResults)
      return Promise.reject(new HubError("The client owes too many answers."));
    const invocationId = `${ID_PREFIX}${++this.#issued}`;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(invocationId, { resolve, reject, deadline: now + clientResultMs });
    send(invocationId);
    return promise;
  }

  /** Takes an answer; one that is not expected is ignored. */
  settle(message: Completion): void {
    const pending = this.#pending.get(message.invocationId);
    if (pending === undefined) return;
    this.#pending.delete(message.invocationId);
    if (message.error !== undefined) pending.reject(new HubError(message.error));
    else pending.resolve(message.result ?? null);
  }

  /** Rejects the answers that are overdue. */
  expire(now: number): void {
    for (const [id, pending] of this.#pending) {
      if (pending.deadline > now) continue;
      this.#pending.delete(id);
      pending.reject(new HubError("The client did not answer in time."));
    }
  }

  /** The connection has ended. */
  abandon(): void {
    for (const pending of this.#pending.values()) pending.reject(disconnected(this.#connectionId));
    this.#pending.clear();
  }
}

/** Whoever asks a client that is gone is told so. */
export function disconnected(connectionId: string): HubError {
  return new HubError(`Connection '${connectionId}' disconnected.`);
}
