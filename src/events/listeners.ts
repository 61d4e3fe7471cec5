/**
 * Domain events in the process that committed what they tell: for counts and log lines. They are the events of tasks alone: what a
 * step of the store says of money and sessions is known in the store.
 */

import type { DomainEventType, TaskDomainEvent } from "../protocol/domain-event.ts";
import type { Publisher } from "../tasks/ports/publisher.ts";
import type { TaskUpdate } from "../tasks/task.ts";
import { taskEventsOf } from "./task-events.ts";

export interface DomainEventListener {
  /** Of other types no event is made for it. */
  readonly types: ReadonlySet<DomainEventType>;
  /** MUST NOT throw. */
  on(event: TaskDomainEvent): void;
}

/** Stands before the publisher that every committed transition of this process goes through. */
export class DomainEvents implements Publisher {
  readonly #publisher: Publisher;
  readonly #listeners: readonly DomainEventListener[];
  readonly #wanted: ReadonlySet<DomainEventType>;

  constructor(publisher: Publisher, listeners: readonly DomainEventListener[]) {
    this.#publisher = publisher;
    this.#listeners = listeners;
    this.#wanted = new Set(listeners.flatMap(({ types }) => [...types]));
  }

  publish(update: TaskUpdate): void {
    this.#publisher.publish(update);
  }

  committed(update: TaskUpdate): void {
    for (const event of taskEventsOf(update, this.#wanted))
      for (const listener of this.#listeners) if (listener.types.has(event.type)) listener.on(event);
  }
}
