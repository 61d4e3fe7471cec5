/**
 * The subscriptions of hub connections. A subscription's call is answered first and its pushes begin a moment later,
 * because published clients attach their listeners only after the call has returned. Nothing is lost meanwhile: the
 * pushes begin with a snapshot, or resume at the position of the moment of subscribing.
 */

import type { Principal } from "../accounts/principal.ts";
import { CLOSE_GOING_AWAY, CLOSE_NORMAL, CLOSE_POLICY, CLOSE_TRY_AGAIN } from "../protocol/close-codes.ts";
import { ApiError } from "../protocol/error.ts";
import type { Encoding } from "../rooms/encoding.ts";
import { parsePosition, printPosition } from "../rooms/position.ts";
import type { Subscription } from "../rooms/room-subscription.ts";
import type { PendingSubscription, Rooms } from "../rooms/rooms.ts";
import type { Subscriber } from "../rooms/subscriber.ts";
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

/** The error of a subscription to a task that does not exist, or belongs to another tenant. */
export const TASK_NOT_FOUND = "Task not found";

/** In place of a task id: all tasks of the tenant. It is no valid task id. */
export const ALL_TASKS = "*";
/**
 * While the answer waits for its client's next poll the pushes are delayed further, but not for longer than this:
 * whether it has left is only sampled, and a client may be between two polls at every sample.
 */
const LONGEST_DELAY_MS = 15_000;

type Connection = HubConnection<Principal>;

export type SubscriptionsDependencies = {
  readonly tasks: Pick<TaskService, "read">;
  readonly rooms: Pick<
    Rooms,
    "subscribeToTask" | "subscribeToTenant" | "resubscribeToTask" | "resubscribeToTenant"
  >;
  readonly store: Pick<TaskStore, "tenantPosition">;
  readonly encodings: PushEncodings;
  readonly clock: Pick<Clock, "after" | "monotonic">;
  /** For hosts that hibernate. */
  readonly journal?: SubscriptionJournal;
};

/** Stores the subscriptions across a host's hibernation. How far each was served is stored by its rooms. */
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
  /** The shortest time between the answer to a subscription and its first push, ms. */
  readonly snapshotDelayMs: number;
  readonly maxPerConnection: number;
};

export class Subscriptions {
  readonly #dependencies: SubscriptionsDependencies;
  readonly #maxPerConnection: number;
  readonly #delay: SnapshotDelay;
  readonly #byConnection = new Map<Connection, Map<string, PushSubscriber>>();

  constructor(dependencies: SubscriptionsDependencies, settings: SubscriptionsSettings) {
    this.#dependencies = dependencies;
    this.#maxPerConnection = settings.maxPerConnection;
    this.#delay = new SnapshotDelay(dependencies.clock, settings.snapshotDelayMs);
  }

  /** The number of subscriptions of all connections. */
  get size(): number {
    let size = 0;
    for (const own of this.#byConnection.values()) size += own.size;
    return size;
  }

  /**
   * Subscribes to a task, with pushes in this vocabulary once the call was answered; the last call for a task wins.
   * Rejects with `HubError` for a task that is not the caller's, a malformed `after`, or one subscription too many.
   */
  async subscribe(
    call: HubCall<Principal>,
    taskId: string,
    vocabulary: Vocabulary,
    after?: string | null,
  ): Promise<void> {
    const { connection } = call;
    const position = readPosition(after);
    this.#requireCapacity(connection, taskId);
    const { scope } = connection.principal;
    await this.#dependencies.tasks.read(scope, taskId).catch(asHubError);
    this.#begin(call, taskId, vocabulary, position);
  }

  /** Subscribes to all tasks of the tenant. Resolves with the position it begins at; rejects like `subscribe`. */
  async subscribeAll(call: HubCall<Principal>, after?: string | null): Promise<string> {
    const { connection } = call;
    const asked = readPosition(after);
    this.#requireCapacity(connection, ALL_TASKS);
    // Events between this call and the first push are sent then.
    const position = asked ?? (await this.#dependencies.store.tenantPosition(connection.principal.scope));
    this.#begin(call, ALL_TASKS, "event", position);
    return printPosition(position);
  }

  /**
   * Continues a subscription from before the host's hibernation, whose client was sent everything up to `at`; null when
   * that is not known: then it begins anew, with a snapshot.
   */
  restore(connection: Connection, { target, vocabulary }: SavedSubscription, at: Position | null): void {
    this.#add(connection, target, vocabulary, null).restored(at);
  }

  /** Ends a subscription, whichever method made it; no error when there is none. */
  unsubscribe(connection: Connection, taskId: string): void {
    this.#byConnection.get(connection)?.get(taskId)?.unsubscribe();
  }

  unsubscribeAll(connection: Connection): void {
    this.unsubscribe(connection, ALL_TASKS);
  }

  /** The connection has ended. */
  disconnected(connection: Connection): void {
    const own = this.#byConnection.get(connection);
    this.#byConnection.delete(connection);
    for (const subscriber of own?.values() ?? []) subscriber.unsubscribe();
    this.#dependencies.journal?.left(connection.connectionId);
  }

  /** For `PushSubscriber` only: one has ended. */
  forget(connection: Connection, key: string, subscriber: PushSubscriber): void {
    const own = this.#byConnection.get(connection);
    if (own?.get(key) !== subscriber) return;
    own.delete(key);
    if (own.size === 0) this.#byConnection.delete(connection);
  }

  /** For `PushSubscriber` only: its pushes have begun. */
  began(connection: Connection, saved: SavedSubscription): void {
    this.#dependencies.journal?.began(connection.connectionId, saved);
  }

  /** For `PushSubscriber` only: its pushes have ended. */
  ended(connection: Connection, target: string): void {
    if (!connection.closed) this.#dependencies.journal?.ended(connection.connectionId, target);
  }

  /** For `PushSubscriber` only: the next step comes after the delay. */
  delay(subscriber: PushSubscriber): void {
    this.#delay.add(subscriber);
  }

  /** For `PushSubscriber` only. */
  subscribeToRoom(
    connection: Connection,
    key: string,
    subscriber: PushSubscriber,
    after: Position | null,
  ): PendingSubscription {
    const { rooms } = this.#dependencies;
    const { scope } = connection.principal;
    return key === ALL_TASKS
      ? rooms.subscribeToTenant(scope, subscriber, after)
      : rooms.subscribeToTask(scope, key, subscriber, after);
  }

  /** For `PushSubscriber` only. */
  resubscribeToRoom(
    connection: Connection,
    key: string,
    subscriber: PushSubscriber,
    at: Position,
  ): Subscription {
    const { rooms } = this.#dependencies;
    const { scope } = connection.principal;
    return key === ALL_TASKS
      ? rooms.resubscribeToTenant(scope, subscriber, at)
      : rooms.resubscribeToTask(scope, key, subscriber, at);
  }

  now(): number {
    return this.#dependencies.clock.monotonic();
  }

  #begin(call: HubCall<Principal>, key: string, vocabulary: Vocabulary, after: Position | null): void {
    const { connection } = call;
    if (connection.closed) return;
    const subscriber = this.#add(connection, key, vocabulary, after);
    call.afterAnswer(() => subscriber.answered());
  }

  #add(connection: Connection, key: string, vocabulary: Vocabulary, after: Position | null): PushSubscriber {
    let own = this.#byConnection.get(connection);
    if (own === undefined) {
      own = new Map();
      this.#byConnection.set(connection, own);
    }
    // At once: no push of the old subscription may come between this answer and the new one's first push.
    own.get(key)?.unsubscribe();
    const encoding = this.#dependencies.encodings[vocabulary][connection.encoding];
    const subscriber = new PushSubscriber(this, connection, encoding, { target: key, vocabulary }, after);
    own.set(key, subscriber);
    // Ending the old one may have removed the emptied map.
    this.#byConnection.set(connection, own);
    return subscriber;
  }

  #requireCapacity(connection: Connection, key: string): void {
    const own = this.#byConnection.get(connection);
    if (own === undefined || own.size < this.#maxPerConnection || own.has(key)) return;
    throw new HubError(
      `A connection may follow ${this.#maxPerConnection} tasks at once. Unsubscribe from some, or follow all tasks with SubscribeAll on /hubs/tasks.`,
    );
  }
}

/** One subscription, as a room's subscriber. There may be thousands on one connection: nothing is stored twice. */
class PushSubscriber implements Subscriber, Delayed {
  readonly encoding: Encoding;
  readonly #subscriptions: Subscriptions;
  readonly #connection: Connection;
  readonly #saved: SavedSubscription;
  readonly #after: Position | null;
  #subscription: Subscription | null = null;
  #begun = false;
  #ended = false;
  /** Whether the answer still waited for the client's next poll when last sampled. */
  #answerWaiting = false;
  #answeredAt = 0;

  constructor(
    subscriptions: Subscriptions,
    connection: Connection,
    encoding: Encoding,
    saved: SavedSubscription,
    after: Position | null,
  ) {
    this.#subscriptions = subscriptions;
    this.#connection = connection;
    this.encoding = encoding;
    this.#saved = saved;
    this.#after = after;
  }

  get topics(): TopicMembership | null {
    return this.#connection.topics;
  }

  answered(): void {
    this.#answeredAt = this.#subscriptions.now();
    this.#answerWaiting = this.#connection.waiting;
    this.#subscriptions.delay(this);
  }

  restored(at: Position | null): void {
    if (at === null) {
      this.#subscribe();
      return;
    }
    this.#begun = true;
    this.#subscription = this.#subscriptions.resubscribeToRoom(
      this.#connection,
      this.#saved.target,
      this,
      at,
    );
  }

  elapsed(): void {
    if (this.#ended || this.#connection.closed) return;
    const wait = this.#answerWaiting && this.#subscriptions.now() - this.#answeredAt < LONGEST_DELAY_MS;
    this.#answerWaiting = this.#connection.waiting;
    if (wait) this.#subscriptions.delay(this);
    else this.#subscribe();
  }

  send(frame: Frame): void {
    this.#connection.pushEncoded(frame);
  }

  bufferedBytes(): number {
    return this.#connection.bufferedBytes();
  }

  close(code: number, reason: string): void {
    this.unsubscribe();
    if (code !== CLOSE_NORMAL) this.#connection.close(closeOptionsOf(code, reason));
  }

  unsubscribe(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#subscriptions.forget(this.#connection, this.#saved.target, this);
    if (this.#begun) this.#subscriptions.ended(this.#connection, this.#saved.target);
    this.#subscription?.unsubscribe();
  }

  #subscribe(): void {
    const { subscription, opened } = this.#subscriptions.subscribeToRoom(
      this.#connection,
      this.#saved.target,
      this,
      this.#after,
    );
    this.#subscription = subscription;
    opened.then(
      (outcome) => {
        if (outcome === "not_found") this.unsubscribe();
        if (outcome !== "subscribed" || this.#ended) return;
        this.#begun = true;
        this.#subscriptions.began(this.#connection, this.#saved);
      },
      // The rooms have logged why. A client that has unsubscribed meanwhile need not know.
      () => {
        if (!this.#ended) this.close(CLOSE_TRY_AGAIN, "the store cannot be read now; reconnect and resume");
      },
    );
  }
}

/** How a connection is closed when a room closes one of its subscribers. */
export function closeOptionsOf(code: number, reason: string): CloseOptions {
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

/** The error REST would answer with, as a `HubError`. */
function asHubError(error: unknown): never {
  if (!(error instanceof ApiError)) throw error;
  throw new HubError(error.code === "task_not_found" ? TASK_NOT_FOUND : error.message);
}
