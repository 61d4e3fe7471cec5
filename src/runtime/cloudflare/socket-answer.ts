/** WebSockets in requests and answers as workerd has them: they travel as a property of the response. */

import type { WebSocket } from "@cloudflare/workers-types";

const SWITCHING_PROTOCOLS = 101;

/** The answer that turns the request into this end of a socket. */
export function socketAnswer(webSocket: WebSocket, headers: Readonly<Record<string, string>> = {}): Response {
  const init = { status: SWITCHING_PROTOCOLS, webSocket, headers };
  return new Response(null, init);
}

/** The socket that came with an answer; null when the request was refused. */
export function socketOf(response: Response): WebSocket | null {
  const { webSocket } = response as { webSocket?: WebSocket | null };
  return webSocket ?? null;
}
