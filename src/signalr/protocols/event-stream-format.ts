import type { Frame } from "../../sockets/frame.ts";
/** Server-sent events as SignalR uses them: nothing but `data`, one event for each frame. */

/** Sent at once: Firefox fires `open` only after data (dotnet/aspnetcore, `ServerSentEventsServerTransport`). */
export const EVENT_STREAM_PREAMBLE = ":\r\n";

export const EVENT_STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache,no-store",
  pragma: "no-cache",
  // Keeps proxies from compressing, and thereby from buffering (dotnet/aspnetcore sends the same).
  "content-encoding": "identity",
  "x-accel-buffering": "no",
} as const;

/** A frame as one event; line feeds inside it become several `data` lines, the record separator stays. */
export function writeEvent(frame: Frame): string {
  const text = typeof frame === "string" ? frame : new TextDecoder().decode(frame);
  return `data: ${text.replaceAll("\r", "").replaceAll("\n", "\r\ndata: ")}\r\n\r\n`;
}
