/** A client's WebSocket of events ends in the room's object: the Worker lets the client in and passes the socket on. */

import { type EventSockets, eventProtocol, type StreamRequest } from "../../../http/streams/event-sockets.ts";
import { ApiError } from "../../../protocol/error.ts";
import { socketAnswer } from "../socket-answer.ts";
import { connectToRoom, type RoomNamespace } from "./room-request.ts";

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
