/**
 * The encodings of a room's object: for a client's socket, or for the Worker's own that feeds an event stream or a
 * wait.
 */

import type { Encoding } from "../../rooms/encoding.ts";
import { SILENT } from "../../rooms/room-end-watch.ts";
import { joinBytes } from "../../signalr/protocols/binary-format.ts";
import type { WireContext } from "../../tasks/wire.ts";
import { createEventEncodings } from "./event-encodings.ts";

const UTF8 = new TextEncoder();

/** By the names in room requests. Made once per object and shared by its subscribers. */
export function createRoomEncodings(context: WireContext): ReadonlyMap<string, Encoding> {
  const { socket, batch, stream } = createEventEncodings(context);
  const blocks: Encoding = {
    ...stream,
    // A message between room and Worker may hold several blocks: to the reader of the stream they are bytes in a row.
    pack: (frames) =>
      joinBytes(frames.map((frame) => (typeof frame === "string" ? UTF8.encode(frame) : frame))),
  };
  return new Map([socket, batch, blocks, SILENT].map((encoding) => [encoding.name, encoding]));
}
