/** A session over a WebSocket, with the key among its subprotocols: browsers cannot set headers. */

import { KEY_PROTOCOL_PREFIXES, PING_EVENT, REALTIME_PROTOCOL } from "../../../protocol/realtime.ts";
import { ConnectionError } from "../../transport/errors.ts";
import { Heartbeat } from "../heartbeat.ts";
import { VoiceError } from "../voice-errors.ts";
import { errorOfClose, errorOfEvent, eventOf, mayComeBack, refusesKey } from "./session-events.ts";
import type { LinkListener, LinkOptions, OpenLink, VoiceLink } from "./voice-link.ts";

/** Of what a browser's socket has, that which is used. */
export type PlainSocket = Pick<WebSocket, "send" | "close" | "bufferedAmount" | "readyState"> & {
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
};
export type CreateSocket = (url: string, protocols: string[]) => PlainSocket;

/** How long the session may take to be there, ms. */
const OPEN_MS = 10_000;
const ANSWER_MS = 10_000;
const OPEN = 1;
const [, KEY_PREFIX] = KEY_PROTOCOL_PREFIXES;

/** `createSocket` is for tests. */
export function socketLinks(createSocket: CreateSocket = browserSocket): OpenLink {
  return async (options, listener) => {
    const { requester } = options;
    for (let renewed = !requester.credentials.renewable; ; renewed = true) {
      const key = await requester.credentials.token(options.signal);
      options.signal.throwIfAborted();
      try {
        return await open(createSocket, key, options, listener);
      } catch (error) {
        if (renewed || !refusesKey(error)) throw error;
        requester.credentials.refused(key);
      }
    }
  };
}

function browserSocket(url: string, protocols: string[]): PlainSocket {
  return new WebSocket(url, protocols);
}

/** What a browser throws against a subprotocol quotes it, and with it the key. */
function withoutQuote(createSocket: CreateSocket, url: string, protocols: string[]): PlainSocket {
  try {
    return createSocket(url, protocols);
  } catch {
    throw new VoiceError("The key has characters that no subprotocol of a WebSocket may have.", {
      code: "invalid_api_key",
    });
  }
}

function open(
  createSocket: CreateSocket,
  key: string,
  { requester, model, session, heartbeatMs, signal }: LinkOptions,
  listener: LinkListener,
): Promise<VoiceLink> {
  const { clock, baseUrl } = requester;
  const query = model === null ? "" : `?${new URLSearchParams({ model })}`;
  const url = `${baseUrl.replace(/^http/, "ws")}/v1/realtime${query}`;
  const socket = withoutQuote(createSocket, url, [REALTIME_PROTOCOL, `${KEY_PREFIX}${key}`]);
  return new Promise((resolve, reject) => {
    let heartbeat: Heartbeat | null = null;
    let isOver = false;
    let lastError: VoiceError | null = null;
    const end = () => {
      if (isOver) return false;
      isOver = true;
      timer.cancel();
      heartbeat?.end();
      signal.removeEventListener("abort", leave);
      return true;
    };
    const fail = (error: unknown) => {
      const wasOpen = heartbeat !== null;
      if (!end()) return;
      socket.close();
      if (wasOpen && error instanceof VoiceError) listener.lost(error);
      else reject(error);
    };
    const leave = () => fail(signal.reason);
    const timer = clock.after(OPEN_MS, () =>
      fail(new ConnectionError(`No session of ${baseUrl} came within ${OPEN_MS} ms.`)),
    );
    signal.addEventListener("abort", leave);

    const link: VoiceLink = {
      send: (event) => {
        if (socket.readyState === OPEN) socket.send(JSON.stringify(event));
      },
      get waitingBytes() {
        return socket.bufferedAmount;
      },
      close: () => {
        if (end()) socket.close(1000);
      },
    };
    const opened = () => {
      heartbeat = new Heartbeat({
        clock,
        quietMs: heartbeatMs,
        answerMs: ANSWER_MS,
        ask: () => link.send({ type: PING_EVENT }),
        dead: () =>
          fail(new VoiceError("The gateway does not answer any more.", { code: null, closeCode: 1006 })),
      });
      timer.cancel();
      // From here on it belongs to its owner, who closes it.
      signal.removeEventListener("abort", leave);
      link.send(session);
      resolve(link);
    };
    socket.onmessage = ({ data }) => {
      if (isOver) return;
      heartbeat?.heard();
      const event = eventOf(data);
      if (event === null) return;
      if (event.type === "error") lastError = errorOfEvent(event);
      if (event.type === "session.created" && heartbeat === null) opened();
      if (heartbeat !== null) listener.heard(event);
    };
    socket.onclose = ({ code, reason }) => {
      const error = errorOfClose({ code, reason }, lastError);
      const isUnreachable = heartbeat === null && lastError === null && mayComeBack(error);
      fail(isUnreachable ? new ConnectionError(`${baseUrl} cannot be reached (close code ${code}).`) : error);
    };
  });
}
