/** The log of a room: one task's, or one tenant's. Both are read from the store, which alone is authoritative. */

import type { TaskStore, TaskView } from "../tasks/ports/task-store.ts";
import type { Position, TaskEvent, TaskUpdate, TenantScope } from "../tasks/task.ts";
import type { Entry } from "./encoding.ts";

/** What rooms need of the task store. */
export type RoomStore = Pick<
  TaskStore,
  | "follow"
  | "unfollow"
  | "followTenant"
  | "unfollowTenant"
  | "readLog"
  | "readTenantLog"
  | "positions"
  | "tenantPosition"
>;

/** One committed transition's part in one log. */
export type LogUpdate = {
  readonly epoch: string;
  /** The position it continues. */
  readonly before: number;
  readonly entries: readonly Entry[];
};

/** Where a stream begins; `view` is null for a tenant's, which has no snapshot. */
export type Opening = { readonly view: TaskView | null; readonly position: Position };

export type RoomLogRead =
  /** In order; `position` is where the next read continues, `more` whether it may bring something. */
  | {
      readonly outcome: "events";
      readonly entries: readonly Entry[];
      readonly position: Position;
      readonly more: boolean;
    }
  | { readonly outcome: "reset" }
  /** The task was purged. */
  | { readonly outcome: "gone" };

export interface RoomLog {
  readonly keyId: string;
  /** Whether progress has positions of its own in this log, and a terminal event ends it: one task's log. */
  readonly ofOneTask: boolean;
  /** Sets the log's follow flag and returns its position; null when there is no such task in that scope. */
  follow(scope: TenantScope): Promise<Opening | null>;
  /** Sets the flag again, with the rights of the parent key. */
  refollow(): Promise<Opening | null>;
  unfollow(): Promise<void>;
  read(after: Position, limit: number): Promise<RoomLogRead>;
  /** The position of an event in this log; null when it has none. */
  seqOf(event: TaskEvent): number | null;
}

export class TaskRoomLog implements RoomLog {
  readonly ofOneTask = true;
  readonly keyId: string;
  readonly taskId: string;
  readonly #store: RoomStore;

  constructor(store: RoomStore, keyId: string, taskId: string) {
    this.#store = store;
    this.keyId = keyId;
    this.taskId = taskId;
  }

  follow(scope: TenantScope): Promise<Opening | null> {
    return this.#store.follow(scope, this.taskId);
  }

  refollow(): Promise<Opening | null> {
    return this.#store.follow(this.#own(), this.taskId);
  }

  unfollow(): Promise<void> {
    return this.#store.unfollow(this.#own(), this.taskId);
  }

  async read(after: Position, limit: number): Promise<RoomLogRead> {
    const read = await this.#store.readLog(this.#own(), this.taskId, after, limit);
    if (read.outcome === "reset") return read;
    if (read.outcome === "not_found") return { outcome: "gone" };
    const { task, events, position } = read;
    return {
      outcome: "events",
      entries: events.map((event) => ({ event, task })),
      position,
      more: events.length >= limit,
    };
  }

  seqOf(event: TaskEvent): number {
    return event.seq;
  }

  /** Each subscriber is admitted under its own scope; the room then reads for all of them as the parent key. */
  #own(): TenantScope {
    return { keyId: this.keyId, subject: null };
  }
}

export class TenantRoomLog implements RoomLog {
  readonly ofOneTask = false;
  readonly keyId: string;
  readonly scope: TenantScope;
  readonly #store: RoomStore;

  constructor(store: RoomStore, scope: TenantScope) {
    this.#store = store;
    this.keyId = scope.keyId;
    this.scope = { keyId: scope.keyId, subject: scope.subject };
  }

  async follow(): Promise<Opening> {
    return { view: null, position: await this.#store.followTenant(this.scope) };
  }

  refollow(): Promise<Opening> {
    return this.follow();
  }

  unfollow(): Promise<void> {
    return this.#store.unfollowTenant(this.scope);
  }

  async read(after: Position, limit: number): Promise<RoomLogRead> {
    const read = await this.#store.readTenantLog(this.scope, after, limit);
    return read.outcome === "reset" ? { outcome: "reset" } : read;
  }

  seqOf(event: TaskEvent): number | null {
    return this.scope.subject === null ? event.keySeq : event.subjectSeq;
  }
}

/** An update's part in the task's own log. */
export function taskLogUpdate(update: TaskUpdate): LogUpdate | null {
  const first = update.events[0];
  if (first === undefined) return null;
  return { epoch: update.task.epoch, before: first.seq - 1, entries: entriesOf(update) };
}

/** Its part in the log of the key that owns the task. */
export function keyLogUpdate(update: TaskUpdate): LogUpdate | null {
  return tenantLogUpdate(update, update.keyEpoch, update.keySeq, (event) => event.keySeq);
}

/** Its part in the log of the subject that owns the task; null where there is no subject. */
export function subjectLogUpdate(update: TaskUpdate): LogUpdate | null {
  if (update.subjectEpoch === null || update.subjectSeq === null) return null;
  return tenantLogUpdate(update, update.subjectEpoch, update.subjectSeq, (event) => event.subjectSeq);
}

function tenantLogUpdate(
  update: TaskUpdate,
  epoch: string,
  after: number,
  seqOf: (event: TaskEvent) => number | null,
): LogUpdate | null {
  if (update.events.length === 0) return null;
  let before = after;
  for (const event of update.events) if (seqOf(event) !== null) before -= 1;
  return { epoch, before, entries: entriesOf(update) };
}

function entriesOf(update: TaskUpdate): Entry[] {
  return update.events.map((event) => ({ event, task: update.task }));
}
