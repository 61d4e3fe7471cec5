/** The port through which a request becomes a WebSocket of events, and what serves it where the rooms are at hand. */

import type { Rooms } from "../../rooms/rooms.ts";
import { type StreamRequest, subscribeToStream } from "../../rooms/stream-request.ts";
import { incompleteHandshake, offeredProtocols, type SocketUpgrade } from "../../sockets/socket-upgrade.ts";
import type { ConnectionSlots } from "./connection-limits.ts";
import type { EventEncodings } from "./event-encodings.ts";
import { BATCH_PROTOCOL, EventSocket } from "./event-socket.ts";

export interface EventSockets {
  /**
   * Answers a request for a WebSocket; the client is known, its page's origin allowed. `headers` are for the answer.
   * Throws `ApiError` when there is no free slot, the handshake is not complete or the task is gone.
   */
  open(
    request: Request,
    stream: StreamRequest,
    headers: Readonly<Record<string, string>>,
  ): Response | Promise<Response>;
}

/** The subprotocol of a client's socket, of those it offers; null is one event per message. */
export function eventProtocol(request: Request): string | null {
  return offeredProtocols(request).includes(BATCH_PROTOCOL) ? BATCH_PROTOCOL : null;
}

export type LocalEventSocketsDependencies = {
  readonly rooms: Pick<Rooms, "subscribeToTask" | "subscribeToTenant">;
  readonly encodings: EventEncodings;
  readonly slots: ConnectionSlots;
  readonly sockets: SocketUpgrade;
};

/** Sockets of this process, in its own rooms. */
export class LocalEventSockets implements EventSockets {
  readonly #dependencies: LocalEventSocketsDependencies;

  constructor(dependencies: LocalEventSocketsDependencies) {
    this.#dependencies = dependencies;
  }

  open(request: Request, stream: StreamRequest, headers: Readonly<Record<string, string>>): Response {
    const { rooms, encodings, slots, sockets } = this.#dependencies;
    const protocol = eventProtocol(request);
    const slot = slots.take(stream.scope.keyId);
    const encoding = protocol === null ? encodings.socket : encodings.batch;
    const handler = new EventSocket(encoding, slot, (subscriber) =>
      subscribeToStream(rooms, stream, subscriber),
    );
    const response = sockets.upgrade(request, handler, { protocol, headers });
    if (response !== null) return response;
    slot.release();
    throw incompleteHandshake();
  }
}
