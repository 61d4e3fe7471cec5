/**
 * A request for a room's socket, as it is sent to the room's object. Caller and encoding stand in the URL, which the
 * sender writes itself: nothing of a client's request is passed on, so nothing can be forged.
 */

import type { Position, TenantScope } from "../../tasks/task.ts";
import { taskRoomName, tenantRoomName } from "../room-name.ts";
import type { StreamRequest } from "../stream-request.ts";

/** Objects are reached by name; the host name is never resolved. */
const ROOM_URL = "https://room.invalid/";
const PARAMETER = "call";

/** The statuses with which a room refuses a subscriber. */
export const REFUSED_NOT_FOUND = 404;
export const REFUSED_FULL = 429;
export const REFUSED_UNAVAILABLE = 503;

export type RoomRequest = {
  /** Name of an encoding, see http/streams/room-encodings.ts. */
  readonly encoding: string;
  readonly scope: TenantScope;
  readonly after: Position | null;
};

/** The room that a stream comes from, and the request for its socket. */
export function writeRoomRequest(
  { scope, taskId, after }: StreamRequest,
  encoding: string,
): { room: string; request: () => Request } {
  const { keyId, subject, granted } = scope;
  // An ephemeral key may be granted many tasks, and a URL has a limit: only the one at hand matters.
  const grantedHere = granted?.filter((id) => id === taskId) ?? [];
  const content: RoomRequest = { encoding, scope: { keyId, subject, granted: grantedHere }, after };
  const url = `${ROOM_URL}?${new URLSearchParams({ [PARAMETER]: JSON.stringify(content) })}`;
  return {
    room: taskId === null ? tenantRoomName(scope) : taskRoomName(keyId, taskId),
    request: () => new Request(url, { headers: { upgrade: "websocket" } }),
  };
}

/** The inverse. Throws `TypeError` for any other request. */
export function readRoomRequest(request: Request): RoomRequest {
  const content = new URL(request.url).searchParams.get(PARAMETER);
  if (content === null) throw new TypeError("A room is asked for a socket by the Worker only");
  return JSON.parse(content) as RoomRequest;
}
