/**
 * Opens WebSockets from a Worker: by `fetch` with an upgrade, because its own `WebSocket` takes no headers and hides the status of a
 * refusal (Cloudflare docs, "Using the WebSockets API").
 */

import type { WebSocket } from "@cloudflare/workers-types";
import type { Dialer, DialHandler, DialRequest } from "../../../sockets/dialer.ts";
import { acceptLive } from "../live-socket.ts";
import { socketOf } from "../socket-answer.ts";

export class FetchDialer implements Dialer {
  dial(request: DialRequest, handler: DialHandler, signal: AbortSignal): void {
    void dial(request, handler, signal);
  }
}

async function dial(
  { url, headers, protocols }: DialRequest,
  handler: DialHandler,
  signal: AbortSignal,
): Promise<void> {
  let socket: WebSocket | null = null;
  try {
    const response = await fetch(url.replace(/^ws/, "http"), {
      headers: {
        ...headers,
        upgrade: "websocket",
        ...(protocols.length > 0 && { "sec-websocket-protocol": protocols.join(", ") }),
      },
      signal,
    });
    socket = socketOf(response);
    if (socket === null) {
      await response.body?.cancel();
      handler.failed({ status: response.status, message: `it answered ${response.status}` });
      return;
    }
  } catch {
    handler.failed({ status: null, message: "it could not be reached" });
    return;
  }
  handler.opened(acceptLive(socket, handler));
}
