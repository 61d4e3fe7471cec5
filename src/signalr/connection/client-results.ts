/** Client results: the pending answers to calls of a client method. */

import type { Completion } from "../protocols/messages.ts";
import { HubError } from "./invocation-errors.ts";

/** Keeps our ids apart from those clients give their uploads. */
const ID_PREFIX = "s";

type Pending = { resolve(value: unknown): void; reject(error: Error): void; deadline: number };

/** One instance per connection: an answer that comes over another connection matches nothing. */
export class ClientResults {
  readonly #pending = new Map<string, Pending>();
  #issued = 0;

  get size(): number {
    return this.#pending.size;
  }

  /** The earliest moment at which `expire` has something to do. */
  get due(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { deadline } of this.#pending.values()) due = Math.min(due, deadline);
    return due;
  }

  /** Expects an answer until `deadline`; send the invocation with this id. */
  expect(deadline: number): { invocationId: string; result: Promise<unknown> } {
    const invocationId = `${ID_PREFIX}${++this.#issued}`;
    const result = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(invocationId, { resolve, reject, deadline });
    });
    return { invocationId, result };
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
  abandon(connectionId: string): void {
    for (const pending of this.#pending.values())
      pending.reject(new HubError(`Connection '${connectionId}' disconnected.`));
    this.#pending.clear();
  }
}
