/**
 * The outbox: domain events on their way to the sink. A store that was given `OutboxOptions` writes a row for each event in
 * the transaction of what happened; without them it writes none and runs no statement for it.
 *
 * It is a table of its own, and no kind of due work with a row per event: due work is claimed item by item, in no order that
 * could be relied on, at three statements (five commands of Redis) an item, and is given up at a moment of its own. Rows of the outbox are one
 * insertion each, are read and removed in ranges, and fall out by their number. Nor is there an item of due work as its
 * doorbell: it would have to be written beside every row, and brings what one line of state has already, the lease of the one
 * sender and the pause after a failure. Whoever sweeps looks whether there are rows.
 */

import type { DomainEventType } from "../protocol/domain-event.ts";

export type OutboxOptions = {
  /** What is written; other events are not made at all. */
  readonly types: ReadonlySet<DomainEventType>;
  /** Rows that wait at once; beyond them the oldest fall out. */
  readonly maxRows: number;
};

export type OutboxClaim = {
  /** How long nobody else is handed rows, ms. */
  leaseMs: number;
  maxRows: number;
  /** At most this much text, but at least one row. */
  maxBytes: number;
};

/** The oldest rows, in the order in which they were committed. */
export type OutboxBatch = {
  /** Whoever finishes it carries it. */
  readonly fence: number;
  /** Number of the first row. */
  readonly first: number;
  /** JSON of the events, at least one. */
  readonly rows: readonly string[];
  /** How often in a row sending failed before. */
  readonly failures: number;
};

export type OutboxOutcome =
  /** All rows of the batch arrived. */
  | { kind: "sent" }
  /** None is known to have arrived: nobody is handed rows for `delayMs`. */
  | { kind: "failed"; delayMs: number };

export type OutboxStats = {
  /** Rows that wait. */
  readonly waiting: number;
  /** Rows that fell out before they were sent, ever. */
  readonly dropped: number;
  /** How often in a row sending failed. */
  readonly failures: number;
};

export interface EventOutbox {
  /**
   * Hands out the oldest rows under a lease, to one sender at a time: so events of a task keep their order. Null when there are
   * none, when another sender holds them, or when a failure is not long enough ago.
   */
  claimEvents(claim: OutboxClaim): Promise<OutboxBatch | null>;
  /** Removes what was sent, or pauses. False when the lease was lost; nothing is written then. */
  finishEvents(
    batch: Pick<OutboxBatch, "fence" | "first" | "rows">,
    outcome: OutboxOutcome,
  ): Promise<boolean>;
  outboxStats(): Promise<OutboxStats>;
}
