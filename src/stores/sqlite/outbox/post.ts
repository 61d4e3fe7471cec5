/** Rows of the outbox as steps of the store write them, and the bound beyond which the oldest fall out. */

import type { OutboxOptions } from "../../../events/outbox.ts";
import { taskEventsOf } from "../../../events/task-events.ts";
import type { DomainEvent, DomainEventType } from "../../../protocol/domain-event.ts";
import type { TaskUpdate } from "../../../tasks/task.ts";
import type { Transaction } from "../transaction.ts";

const INSERT = "INSERT INTO outbox (event) VALUES (?) RETURNING no";
const COUNT_DROPPED = `INSERT INTO outbox_state (name, dropped) VALUES ('sink', ?1)
  ON CONFLICT (name) DO UPDATE SET dropped = dropped + ?1`;

/** The most rows between two looks at the bound. */
const MAX_TRIM_EVERY = 256;

/** Writes the events of a transition, where a sink wants them. */
export function postTaskEvents(tx: Transaction, update: TaskUpdate): void {
  const { outbox } = tx;
  if (outbox === null || update.events.length === 0) return;
  for (const event of taskEventsOf(update, outbox.types)) post(tx, outbox, event);
}

/** Writes an event, where a sink wants its type. `make` is called only then. */
export function postEvent(tx: Transaction, type: DomainEventType, make: () => DomainEvent): void {
  const { outbox } = tx;
  if (outbox?.types.has(type)) post(tx, outbox, make());
}

function post(tx: Transaction, { maxRows }: OutboxOptions, event: DomainEvent): void {
  const no = tx.sql.get(INSERT, JSON.stringify(event))?.no as number;
  // Rows beyond the bound go in groups: with room for the next group, so that there is never one too many.
  const every = Math.max(1, Math.min(MAX_TRIM_EVERY, Math.floor(maxRows / 100)));
  if (no % every === 0) dropOldest(tx, no - maxRows + every - 1);
}

/** Rows up to this number fall out, and are counted. */
export function dropOldest({ sql }: Transaction, last: number): void {
  if (last < 1) return;
  const dropped = sql.change("DELETE FROM outbox WHERE no <= ?", last);
  if (dropped > 0) sql.run(COUNT_DROPPED, dropped);
}
