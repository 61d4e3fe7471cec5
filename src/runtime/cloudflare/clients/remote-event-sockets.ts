/**
 * Event sockets of the Worker: it authenticates the client and hands it the other end of a socket to the room's object.
 */

import { type EventSockets, eventProtocol } from "../../../http/streams/event-sockets.ts";
import { ApiError } from "../../../protocol/error.ts";
import type { StreamRequest } from "../../../rooms/stream-request.ts";
import { socketAnswer } from "../socket-answer.ts";
import { connectToRoom, type RoomNamespace } from "./room-connection.ts";

export class RemoteEventSockets implements EventSockets {
  readonly #rooms: RoomNamespace;

  constructor({ TASK_ROOM }: { readonly TASK_ROOM: RoomNamespace }) {
    this.#rooms = TASK_ROOM;
  }

  async open(
    request: Request,
    stream: StreamRequest,
    headers: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const protocol = eventProtocol(request);
    const socket = await connectToRoom(this.#rooms, stream, protocol === null ? "json" : "json-lines");
    if (socket === null) throw new ApiError("task_not_found", "The task was removed just now.");
    return socketAnswer(
      socket,
      protocol === null ? headers : { ...headers, "sec-websocket-protocol": protocol },
    );
  }
}
