/** How a room's object tells its followers: a client's socket, or the Worker's own behind which a stream or a wait stands. */

import { createEventEncodings } from "../../http/event-encodings.ts";
import type { Encoding, Frame } from "../../rooms/encoding.ts";
import { SILENT } from "../../rooms/room-end-watch.ts";
import type { PresentationContext } from "../../tasks/presentation.ts";

const UTF8 = new TextEncoder();

/** By the names under which followers ask for them. Made once per object and shared by its followers. */
export function createRoomEncodings(context: PresentationContext): ReadonlyMap<string, Encoding> {
  const { socket, batch, stream } = createEventEncodings(context);
  // A message between room and Worker may hold several blocks: to the reader of the stream they are bytes in a row.
  const blocks: Encoding = { ...stream, pack: joinBytes };
  return new Map([socket, batch, blocks, SILENT].map((encoding) => [encoding.name, encoding]));
}

function joinBytes(frames: readonly Frame[]): Uint8Array<ArrayBuffer> {
  const parts = frames.map((frame) => (typeof frame === "string" ? UTF8.encode(frame) : frame));
  const joined = new Uint8Array(parts.reduce((bytes, part) => bytes + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}
