/**
 * Rooms as the Worker subscribes to them: each subscriber has a socket to the room's object, which sends its frames
 * already encoded. The object may hibernate behind a socket; an open response would keep it in memory (Cloudflare docs,
 * "Durable Object lifecycle").
 */

import type { MessageEvent, WebSocket } from "@cloudflare/workers-types";
import { CLOSE_NORMAL, CLOSE_TRY_AGAIN, ROOM_CLOSE_CODES } from "../../../protocol/close-codes.ts";
import type { SubscribeOutcome } from "../../../rooms/room.ts";
import type { Subscription } from "../../../rooms/room-subscription.ts";
import type { PendingSubscription, Rooms } from "../../../rooms/rooms.ts";
import type { StreamRequest } from "../../../rooms/stream-request.ts";
import type { Subscriber } from "../../../rooms/subscriber.ts";
import type { Position, TenantScope } from "../../../tasks/task.ts";
import { connectToRoom, type RoomNamespace } from "./room-connection.ts";

/**
 * Unread bytes at which a subscriber is closed 1013: the room only sees that the Worker has taken its frames. The same
 * bound as a socket's on the other hosts.
 */
const UNREAD_BYTES = 1_048_576;

export class RemoteRooms implements Pick<Rooms, "subscribeToTask" | "subscribeToTenant"> {
  readonly #rooms: RoomNamespace;

  constructor({ TASK_ROOM }: { readonly TASK_ROOM: RoomNamespace }) {
    this.#rooms = TASK_ROOM;
  }

  /** Subscribes to one task. The room is asked for an encoding of the name of the subscriber's. */
  subscribeToTask(
    scope: TenantScope,
    taskId: string,
    subscriber: Subscriber,
    after: Position | null,
  ): PendingSubscription {
    return this.#subscribe({ scope, taskId, after }, subscriber);
  }

  /** Subscribes to all tasks of a tenant. */
  subscribeToTenant(scope: TenantScope, subscriber: Subscriber, after: Position | null): PendingSubscription {
    return this.#subscribe({ scope, taskId: null, after }, subscriber);
  }

  #subscribe(stream: StreamRequest, subscriber: Subscriber): PendingSubscription {
    const subscription = new RemoteSubscription(subscriber);
    const opened = connectToRoom(this.#rooms, stream, subscriber.encoding.name).then(
      (socket): SubscribeOutcome => {
        if (socket === null) return "not_found";
        return subscription.attach(socket) ? "subscribed" : "unsubscribed";
      },
    );
    return { subscription, opened };
  }
}

/** A subscriber in the Worker, and its socket to the room. */
class RemoteSubscription implements Subscription {
  /** Known to the room's object only. */
  readonly position = null;
  readonly #subscriber: Subscriber;
  #socket: WebSocket | null = null;
  #ended = false;

  constructor(subscriber: Subscriber) {
    this.#subscriber = subscriber;
  }

  /** From here on the subscriber gets what comes; false when it has unsubscribed meanwhile. */
  attach(socket: WebSocket): boolean {
    socket.binaryType = "arraybuffer";
    if (this.#ended) {
      socket.accept();
      socket.close(CLOSE_NORMAL);
      return false;
    }
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#received(event));
    socket.addEventListener("close", ({ code, reason }) => this.#closed(code, reason));
    socket.addEventListener("error", () => this.#closed(CLOSE_TRY_AGAIN, BROKEN));
    socket.accept();
    return true;
  }

  unsubscribe(): void {
    this.#ended = true;
    this.#socket?.close(CLOSE_NORMAL);
    this.#socket = null;
  }

  #received({ data }: MessageEvent): void {
    if (this.#ended) return;
    this.#subscriber.send(typeof data === "string" ? data : new Uint8Array(data));
    if (this.#subscriber.bufferedBytes() <= UNREAD_BYTES) return;
    this.unsubscribe();
    this.#subscriber.close(CLOSE_TRY_AGAIN, "events were read too slowly; reconnect and resume");
  }

  #closed(code: number, reason: string): void {
    if (this.#ended) return;
    this.unsubscribe();
    if (ROOM_CLOSE_CODES.has(code)) this.#subscriber.close(code, reason);
    else this.#subscriber.close(CLOSE_TRY_AGAIN, BROKEN);
  }
}

const BROKEN = "the connection to the room broke; reconnect and resume";
