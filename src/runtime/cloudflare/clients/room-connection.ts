/** Opens a socket from the Worker to a room's object. */

import type { WebSocket } from "@cloudflare/workers-types";
import { ApiError } from "../../../protocol/error.ts";
import { REFUSED_FULL, REFUSED_NOT_FOUND, writeRoomRequest } from "../../../rooms/remote/room-request.ts";
import type { StreamRequest } from "../../../rooms/stream-request.ts";
import { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";
import { socketOf } from "../socket-answer.ts";

/** `Retry-After` of a room that is full: subscribers leave within seconds. */
const RETRY_SECONDS = 5;

/** What is used of the binding to the class `TaskRoom`. */
export type RoomNamespace = {
  getByName(name: string): { fetch(request: Request): Promise<Response> };
};

/**
 * Opens a socket on which the stream comes in this encoding; null when there is no such task in that scope. Throws
 * `too_many_connections` and `StoreUnavailableError`.
 */
export async function connectToRoom(
  rooms: RoomNamespace,
  stream: StreamRequest,
  encoding: string,
): Promise<WebSocket | null> {
  const { room, request } = writeRoomRequest(stream, encoding);
  const response = await fetchRoom(rooms, room, request);
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

/** Asks again once, for an object that was restarted during the call; subscribing twice does no harm. */
async function fetchRoom(rooms: RoomNamespace, name: string, request: () => Request): Promise<Response> {
  for (let mayRepeat = true; ; mayRepeat = false) {
    try {
      return await rooms.getByName(name).fetch(request());
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
