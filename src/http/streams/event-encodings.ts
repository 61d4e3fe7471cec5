/** How events look on a WebSocket and in an event stream. Made once per process and shared by all subscribers. */

import type { WireEvent, WireReset, WireSnapshot } from "../../protocol/task.ts";
import type { Encoding } from "../../rooms/encoding.ts";
import type { Frame } from "../../sockets/frame.ts";
import { toWireEvent, toWireTask, type WireContext } from "../../tasks/wire.ts";

export type EventEncodings = {
  /** One JSON object per text message. */
  readonly socket: Encoding;
  /** The same, with those of one turn joined by newlines. */
  readonly batch: Encoding;
  /** Server-sent events, as UTF-8. */
  readonly stream: Encoding;
};

const RESET = { type: "reset" } as const satisfies WireReset;
const UTF8 = new TextEncoder();

export function createEventEncodings(context: WireContext): EventEncodings {
  const socket: Encoding = {
    name: "json",
    event: ({ event, task }, id) => JSON.stringify(toWireEvent(event, task, id, context)),
    snapshot: (view, id) => {
      const { seq } = view.task;
      return JSON.stringify({
        type: "snapshot",
        id,
        seq,
        task: toWireTask(view, context),
      } satisfies WireSnapshot);
    },
    begin: () => null,
    reset: () => JSON.stringify(RESET),
    pack: null,
  };
  const stream: Encoding = {
    name: "sse",
    event: ({ event, task }, id) => block(toWireEvent(event, task, id, context), id),
    snapshot: (view, id) => {
      const { seq } = view.task;
      return block({ type: "snapshot", id, seq, task: toWireTask(view, context) }, id);
    },
    // An id without data is no event, but a client that is cut off before the first event resumes from here.
    begin: (id) => UTF8.encode(`id: ${id}\n\n`),
    reset: (id) => block(RESET, id),
    pack: null,
  };
  return { socket, batch: { ...socket, name: "json-lines", pack: joinLines }, stream };
}

/** JSON has no line breaks outside strings and escapes them within, so one `data` line always does. */
function block(message: WireEvent | WireSnapshot | WireReset, id: string): Uint8Array<ArrayBuffer> {
  return UTF8.encode(`event: ${message.type}\nid: ${id}\ndata: ${JSON.stringify(message)}\n\n`);
}

function joinLines(frames: readonly Frame[]): string {
  return frames.join("\n");
}
