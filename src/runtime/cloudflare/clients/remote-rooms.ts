/**
 * Rooms as the Worker follows them: each follower has a socket to the room's object, which sends what it is to be told,
 * encoded already. The object may sleep behind it; an answer that goes on would keep it awake.
 */

import type { MessageEvent, WebSocket } from "@cloudflare/workers-types";
import type { FollowedStream } from "../../../http/streams/event-sockets.ts";
import { CLOSE_NORMAL, CLOSE_TRY_AGAIN } from "../../../protocol/close-codes.ts";
import type { FollowOutcome } from "../../../rooms/room.ts";
import type { Subscription } from "../../../rooms/room-subscriber.ts";
import type { Following, Rooms } from "../../../rooms/rooms.ts";
import type { Follower } from "../../../rooms/subscriber.ts";
import type { Position, TenantScope } from "../../../tasks/task.ts";
import { callRoom, type RoomNamespace } from "./room-request.ts";

/**
 * What a follower may have unread before it is told to come again: the room sees only that the Worker has taken it.
 * As much as the other hosts let a socket have.
 */
const UNREAD_BYTES = 1_048_576;
/** Close codes that somebody chose; the others say that a connection broke or an object was replaced. */
const CHOSEN_CODES = new Set([1000, 1001, 1008, 1013]);

export class RemoteRooms implements Pick<Rooms, "followTask" | "followTenant"> {
  readonly #rooms: RoomNamespace;

  constructor({ TASK_ROOM }: { readonly TASK_ROOM: RoomNamespace }) {
    this.#rooms = TASK_ROOM;
  }

  /** Follows one task. The follower's encoding is named to the room, which has one of that name. */
  followTask(scope: TenantScope, taskId: string, follower: Follower, after: Position | null): Following {
    return this.#follow({ scope, taskId, after }, follower);
  }

  /** Follows all tasks of a tenant. */
  followTenant(scope: TenantScope, follower: Follower, after: Position | null): Following {
    return this.#follow({ scope, taskId: null, after }, follower);
  }

  #follow(stream: FollowedStream, follower: Follower): Following {
    const seat = new RemoteSeat(follower);
    const opened = callRoom(this.#rooms, stream, follower.encoding.name).then((socket): FollowOutcome => {
      if (socket === null) return "not_found";
      return seat.take(socket) ? "following" : "left";
    });
    return { subscription: seat, opened };
  }
}

/** A follower here, and its socket to the room. */
class RemoteSeat implements Subscription {
  /** The room knows. */
  readonly position = null;
  readonly #follower: Follower;
  #socket: WebSocket | null = null;
  #left = false;

  constructor(follower: Follower) {
    this.#follower = follower;
  }

  /** From here on the follower is told what comes; false when it has left meanwhile. */
  take(socket: WebSocket): boolean {
    socket.binaryType = "arraybuffer";
    if (this.#left) {
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

  leave(): void {
    this.#left = true;
    this.#socket?.close(CLOSE_NORMAL);
    this.#socket = null;
  }

  #received({ data }: MessageEvent): void {
    if (this.#left) return;
    this.#follower.send(typeof data === "string" ? data : new Uint8Array(data));
    if (this.#follower.bufferedBytes() <= UNREAD_BYTES) return;
    this.leave();
    this.#follower.close(CLOSE_TRY_AGAIN, "events were read too slowly; reconnect and resume");
  }

  #closed(code: number, reason: string): void {
    if (this.#left) return;
    this.leave();
    if (CHOSEN_CODES.has(code)) this.#follower.close(code, reason);
    else this.#follower.close(CLOSE_TRY_AGAIN, BROKEN);
  }
}

const BROKEN = "the connection to the room broke; reconnect and resume";
