/**
 * Who follows what over hub connections. A subscription is answered first and begins a moment later: published
 * clients attach their listeners only after the call has returned. Nothing is lost meanwhile, because what then
 * begins says how things stand, or resumes where the subscription was made.
 */

import type { Principal } from "../accounts/principal.ts";
import { CLOSE_GOING_AWAY, CLOSE_NORMAL, CLOSE_POLICY, CLOSE_TRY_AGAIN } from "../protocol/close-codes.ts";
import { ApiError } from "../protocol/error.ts";
import type { Encoding } from "../rooms/encoding.ts";
import { parsePosition, printPosition } from "../rooms/position.ts";
import type { Subscription } from "../rooms/room-subscriber.ts";
import type { Following, Rooms } from "../rooms/rooms.ts";
import type { Follower } from "../rooms/subscriber.ts";
import type { CloseOptions } from "../signalr/close-options.ts";
import { HubError } from "../signalr/connection/invocation-errors.ts";
import type { HubCall, HubConnection } from "../signalr/hub.ts";
import type { Frame, TopicMembership } from "../sockets/frame.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { TaskStore } from "../tasks/ports/task-store.ts";
import type { TaskService } from "../tasks/service.ts";
import type { Position } from "../tasks/task.ts";
import type { PushEncodings, Vocabulary } from "./push-encodings.ts";
import { type Delayed, SnapshotDelay } from "./snapshot-delay.ts";

/** What a client is told about a task that is not there, or not its own. */
export const TASK_NOT_FOUND = "Task not found";

/** Instead of a task id: all tasks of the tenant. No task id looks like it. */
export const ALL_TASKS = "*";
/**
 * An answer that waits for its client's next poll delays the subscription further, but not for ever: a client that
 * polls as fast as it is answered is seldom found waiting.
 */
const LONGEST_DELAY_MS = 15_000;

type Connection = HubConnection<Principal>;

export type SubscriptionsDependencies = {
  readonly tasks: Pick<TaskService, "read">;
  readonly rooms: Pick<Rooms, "followTask" | "followTenant" | "reseatTask" | "reseatTenant">;
  readonly store: Pick<TaskStore, "tenantPosition">;
  readonly encodings: PushEncodings;
  readonly clock: Pick<Clock, "after" | "monotonic">;
  /** For hosts that sleep. */
  readonly journal?: SubscriptionJournal;
};

/** Keeps what a host forgets when it sleeps. Its rooms remember how far their followers have been told. */
export interface SubscriptionJournal {
  /** Pushes have begun. */
  began(connectionId: string, subscription: SavedSubscription): void;
  /** No more pushes come. Not called for what ends with its connection. */
  ended(connectionId: string, target: string): void;
  /** The connection has ended, and all its subscriptions with it. */
  left(connectionId: string): void;
}

export type SavedSubscription = {
  /** A task's id, or `ALL_TASKS`. */
  readonly target: string;
  readonly vocabulary: Vocabulary;
};

export type SubscriptionsSettings = {
  /** No push leaves sooner after the answer to its subscription, ms. */
  readonly snapshotDelayMs: number;
  readonly maxPerConnection: number;
};

export class Subscriptions {
  readonly #dependencies: SubscriptionsDependencies;
  readonly #maxPerConnection: number;
  readonly #delay: SnapshotDelay;
  readonly #byConnection = new Map<Connection, Map<string, PushFollower>>();

  constructor(dependencies: SubscriptionsDependencies, settings: SubscriptionsSettings) {
    this.#dependencies = dependencies;
    this.#maxPerConnection = settings.maxPerConnection;
    this.#delay = new SnapshotDelay(dependencies.clock, settings.snapshotDelayMs);
  }

  /** How many there are, of all connections. */
  get size(): number {
    let size = 0;
    for (const own of this.#byConnection.values()) size += own.size;
    return size;
  }

  /**
   * Follows a task in these words from the answer of the call on; the last call for a task wins. Rejects with
   * `HubError` for a task that is not the caller's, a malformed `after`, or one subscription too many.
   */
  async subscribe(
    call: HubCall<Principal>,
    taskId: string,
    vocabulary: Vocabulary,
    after?: string | null,
  ): Promise<void> {
    const { connection } = call;
    const position = readPosition(after);
    this.#requirePlace(connection, taskId);
    const { scope } = connection.principal;
    await this.#dependencies.tasks.read(scope, taskId).catch(asHubError);
    this.#begin(call, taskId, vocabulary, position);
  }

  /** Follows all tasks of the tenant. Resolves with the position it begins at; rejects like `subscribe`. */
  async subscribeAll(call: HubCall<Principal>, after?: string | null): Promise<string> {
    const { connection } = call;
    const asked = readPosition(after);
    this.#requirePlace(connection, ALL_TASKS);
    // What happens between this call and its beginning is sent then.
    const position = asked ?? (await this.#dependencies.store.tenantPosition(connection.principal.scope));
    this.#begin(call, ALL_TASKS, "event", position);
    return printPosition(position);
  }

  /**
   * Goes on with a subscription of an earlier life of the host, whose client was told everything up to `at`; null when
   * that is not known: then it begins anew.
   */
  restore(connection: Connection, { target, vocabulary }: SavedSubscription, at: Position | null): void {
    this.#add(connection, target, vocabulary, null).restored(at);
  }

  /** Ends a subscription, whichever method made it; no error when there is none. */
  unsubscribe(connection: Connection, taskId: string): void {
    this.#byConnection.get(connection)?.get(taskId)?.leave();
  }

  unsubscribeAll(connection: Connection): void {
    this.unsubscribe(connection, ALL_TASKS);
  }

  /** The connection has ended. */
  disconnected(connection: Connection): void {
    const own = this.#byConnection.get(connection);
    this.#byConnection.delete(connection);
    for (const follower of own?.values() ?? []) follower.leave();
    this.#dependencies.journal?.left(connection.connectionId);
  }

  /** For followers only: one has ended. */
  forget(connection: Connection, key: string, follower: PushFollower): void {
    const own = this.#byConnection.get(connection);
    if (own?.get(key) !== follower) return;
    own.delete(key);
    if (own.size === 0) this.#byConnection.delete(connection);
  }

  /** For followers only: its pushes have begun. */
  began(connection: Connection, saved: SavedSubscription): void {
    this.#dependencies.journal?.began(connection.connectionId, saved);
  }

  /** For followers only: its pushes have ended. */
  ended(connection: Connection, target: string): void {
    if (!connection.closed) this.#dependencies.journal?.ended(connection.connectionId, target);
  }

  /** For followers only: the next step comes after the delay. */
  delay(follower: PushFollower): void {
    this.#delay.add(follower);
  }

  /** For followers only. */
  follow(connection: Connection, key: string, follower: PushFollower, after: Position | null): Following {
    const { rooms } = this.#dependencies;
    const { scope } = connection.principal;
    return key === ALL_TASKS
      ? rooms.followTenant(scope, follower, after)
      : rooms.followTask(scope, key, follower, after);
  }

  /** For followers only. */
  reseat(connection: Connection, key: string, follower: PushFollower, at: Position): Subscription {
    const { rooms } = this.#dependencies;
    const { scope } = connection.principal;
    return key === ALL_TASKS
      ? rooms.reseatTenant(scope, follower, at)
      : rooms.reseatTask(scope, key, follower, at);
  }

  now(): number {
    return this.#dependencies.clock.monotonic();
  }

  #begin(call: HubCall<Principal>, key: string, vocabulary: Vocabulary, after: Position | null): void {
    const { connection } = call;
    if (connection.closed) return;
    const follower = this.#add(connection, key, vocabulary, after);
    call.afterAnswer(() => follower.answered());
  }

  #add(connection: Connection, key: string, vocabulary: Vocabulary, after: Position | null): PushFollower {
    let own = this.#byConnection.get(connection);
    if (own === undefined) {
      own = new Map();
      this.#byConnection.set(connection, own);
    }
    // At once: nothing of the old subscription may come between this answer and what the new one begins with.
    own.get(key)?.leave();
    const encoding = this.#dependencies.encodings[vocabulary][connection.encoding];
    const follower = new PushFollower(this, connection, encoding, { target: key, vocabulary }, after);
    own.set(key, follower);
    // Leaving may have taken the emptied map away.
    this.#byConnection.set(connection, own);
    return follower;
  }

  #requirePlace(connection: Connection, key: string): void {
    const own = this.#byConnection.get(connection);
    if (own === undefined || own.size < this.#maxPerConnection || own.has(key)) return;
    throw new HubError(
      `A connection may follow ${this.#maxPerConnection} tasks at once. Unsubscribe from some, or follow all tasks with SubscribeAll on /hubs/tasks.`,
    );
  }
}

/** One subscription, as a room sees it. There may be thousands on one connection: nothing is kept twice. */
class PushFollower implements Follower, Delayed {
  readonly encoding: Encoding;
  readonly #house: Subscriptions;
  readonly #connection: Connection;
  readonly #saved: SavedSubscription;
  readonly #after: Position | null;
  #member: Subscription | null = null;
  #begun = false;
  #left = false;
  /** Whether the answer may not have left when last looked. */
  #held = false;
  #answeredAt = 0;

  constructor(
    house: Subscriptions,
    connection: Connection,
    encoding: Encoding,
    saved: SavedSubscription,
    after: Position | null,
  ) {
    this.#house = house;
    this.#connection = connection;
    this.encoding = encoding;
    this.#saved = saved;
    this.#after = after;
  }

  get topics(): TopicMembership | null {
    return this.#connection.topics;
  }

  answered(): void {
    this.#answeredAt = this.#house.now();
    this.#held = this.#connection.waiting;
    this.#house.delay(this);
  }

  restored(at: Position | null): void {
    if (at === null) {
      this.#follow();
      return;
    }
    this.#begun = true;
    this.#member = this.#house.reseat(this.#connection, this.#saved.target, this, at);
  }

  elapsed(): void {
    if (this.#left || this.#connection.closed) return;
    const held = this.#held && this.#house.now() - this.#answeredAt < LONGEST_DELAY_MS;
    this.#held = this.#connection.waiting;
    if (held) this.#house.delay(this);
    else this.#follow();
  }

  send(frame: Frame): void {
    this.#connection.pushEncoded(frame);
  }

  bufferedBytes(): number {
    return this.#connection.bufferedBytes();
  }

  close(code: number, reason: string): void {
    this.leave();
    if (code !== CLOSE_NORMAL) this.#connection.close(closing(code, reason));
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#house.forget(this.#connection, this.#saved.target, this);
    if (this.#begun) this.#house.ended(this.#connection, this.#saved.target);
    this.#member?.leave();
  }

  #follow(): void {
    const { subscription, opened } = this.#house.follow(
      this.#connection,
      this.#saved.target,
      this,
      this.#after,
    );
    this.#member = subscription;
    opened.then(
      (outcome) => {
        if (outcome === "not_found") this.leave();
        if (outcome !== "following" || this.#left) return;
        this.#begun = true;
        this.#house.began(this.#connection, this.#saved);
      },
      // The rooms have logged why. It does not matter to a client that has unsubscribed meanwhile.
      () => {
        if (!this.#left) this.close(CLOSE_TRY_AGAIN, "the store cannot be read now; reconnect and resume");
      },
    );
  }
}

/** What a room's reason to close a follower means for its connection. */
export function closing(code: number, reason: string): CloseOptions {
  if (code === CLOSE_GOING_AWAY) return { allowReconnect: true, code, reason };
  return { error: reason, code, reason, ...(code === CLOSE_POLICY ? {} : { allowReconnect: true }) };
}

/** Reads an `after` argument. Throws `HubError`. */
export function readPosition(after: string | null | undefined): Position | null {
  if (after === undefined || after === null || after === "") return null;
  try {
    return parsePosition(after, "after");
  } catch (error) {
    return asHubError(error);
  }
}

/** What REST would answer, as far as a hub's client may know it. */
function asHubError(error: unknown): never {
  if (!(error instanceof ApiError)) throw error;
  throw new HubError(error.code === "task_not_found" ? TASK_NOT_FOUND : error.message);
}
