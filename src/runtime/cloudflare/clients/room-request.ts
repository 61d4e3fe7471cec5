/**
 * A request for a socket of a room, as the Worker sends it to the room's object. Who asks and for what stands in the
 * address, which the Worker makes itself: nothing of a client's request is passed on, so nothing can be forged.
 */

import type { WebSocket } from "@cloudflare/workers-types";
import type { StreamRequest } from "../../../http/streams/event-sockets.ts";
import { ApiError } from "../../../protocol/error.ts";
import { taskRoomName, tenantRoomName } from "../../../rooms/room-name.ts";
import { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";
import type { Position, TenantScope } from "../../../tasks/task.ts";
import { socketOf } from "../socket-answer.ts";

/** Objects are reached by their binding; the host name is never looked up. */
const ROOM_URL = "https://room.invalid/";
const CALL = "call";
/** A room that has as many subscribers as it takes has places again when some of them leave. */
const RETRY_SECONDS = 5;

/** What a room refuses a subscriber with. */
export const REFUSED_NOT_FOUND = 404;
export const REFUSED_FULL = 429;
export const REFUSED_UNAVAILABLE = 503;

export type RoomRequest = {
  /** Name of an encoding, see room-encodings.ts. */
  readonly encoding: string;
  readonly scope: TenantScope;
  readonly after: Position | null;
};

/** What is used of the binding to the class `TaskRoom`. */
export type RoomNamespace = {
  getByName(name: string): { fetch(request: Request): Promise<Response> };
};

/**
 * Asks the room of a stream for a socket that is told in `encoding`; null when there is no such task in that scope.
 * Throws `too_many_connections` and `StoreUnavailableError`.
 */
export async function connectToRoom(
  rooms: RoomNamespace,
  { scope, taskId, after }: StreamRequest,
  encoding: string,
): Promise<WebSocket | null> {
  const { keyId, subject, granted } = scope;
  const name = taskId === null ? tenantRoomName(scope) : taskRoomName(keyId, taskId);
  // Of the tasks an ephemeral key was granted only the one at hand matters, and an address has a limit.
  const grantedHere = granted?.filter((id) => id === taskId) ?? [];
  const call: RoomRequest = { encoding, scope: { keyId, subject, granted: grantedHere }, after };
  const response = await reachRoom(rooms, name, call);
  const socket = socketOf(response);
  if (socket !== null) return socket;
  if (response.status === REFUSED_NOT_FOUND) return null;
  if (response.status === REFUSED_FULL) {
    throw new ApiError(
      "too_many_connections",
      "This stream has as many followers as it may have. Close one, or come back in a moment.",
      { retryAfterSeconds: RETRY_SECONDS },
    );
  }
  throw new StoreUnavailableError("broken", `The room answered with status ${response.status}`);
}

/** What a room's object is asked. */
export function readRoomRequest(request: Request): RoomRequest {
  const call = new URL(request.url).searchParams.get(CALL);
  if (call === null) throw new TypeError("A room is asked for a socket by the Worker only");
  return JSON.parse(call) as RoomRequest;
}

/** Follows again once when the object was restarted under the call; following twice does no harm. */
async function reachRoom(rooms: RoomNamespace, name: string, call: RoomRequest): Promise<Response> {
  const url = `${ROOM_URL}?${new URLSearchParams({ [CALL]: JSON.stringify(call) })}`;
  for (let mayRepeat = true; ; mayRepeat = false) {
    try {
      const request = new Request(url, { headers: { upgrade: "websocket" } });
      return await rooms.getByName(name).fetch(request);
    } catch (error) {
      const overloaded = error instanceof Error && "overloaded" in error && error.overloaded === true;
      if (!mayRepeat || overloaded)
        throw new StoreUnavailableError(
          overloaded ? "overloaded" : "broken",
          "The room cannot be reached; try again in a moment",
          error,
        );
    }
  }
}
