/**
 * A hub connection over server-sent events: the Worker holds the response and prints the frames of a socket from the
 * shard. An open response of the shard would keep it in memory, a hibernating socket does not (seen with workerd of
 * wrangler 4.156).
 */

import type { WebSocket } from "@cloudflare/workers-types";
import { ByteStream } from "../../../http/response/byte-stream.ts";
import type { PrintedEvents } from "../../../http/routes/hubs/hub-proxy.ts";
import { CLOSE_NORMAL, CLOSE_TRY_AGAIN } from "../../../protocol/close-codes.ts";
import { EVENT_STREAM_PREAMBLE, writeEvent } from "../../../signalr/protocols/event-stream-format.ts";
import { jsonProtocol } from "../../../signalr/protocols/json-protocol.ts";
import { PING } from "../../../signalr/protocols/messages.ts";
import type { Clock, TimerHandle } from "../../../tasks/ports/clock.ts";

const UTF8 = new TextEncoder();
const OPENING = UTF8.encode(EVENT_STREAM_PREAMBLE);
/** A client with this much unsent counts as not reading. */
const OVERFLOW_BYTES = 1_048_576;
const KEEP_ALIVE = UTF8.encode(writeEvent(jsonProtocol.write(PING)));

export type HubEventRelayOptions = {
  readonly clock: Pick<Clock, "after">;
  /** Between pings, ms. They keep the client's time-out from running, and writing them finds a client that has left. */
  readonly keepAliveMs: number;
};

export class HubEventRelay implements PrintedEvents {
  readonly #socket: WebSocket;
  readonly #options: HubEventRelayOptions;
  readonly #stream: ByteStream;
  #timer: TimerHandle | null = null;

  /** The socket must not have been accepted yet. */
  constructor(socket: WebSocket, options: HubEventRelayOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#stream = new ByteStream({ opening: OPENING, onEnded: () => this.#ended() });
    socket.addEventListener("message", ({ data }) => this.#say(UTF8.encode(writeEvent(String(data)))));
    socket.addEventListener("close", () => this.#stream.finish());
    socket.addEventListener("error", () => this.#stream.finish());
    socket.accept();
    this.#ping();
  }

  get body(): ReadableStream<Uint8Array> {
    return this.#stream.body;
  }

  /** The client has left. */
  abandon(): void {
    this.#stream.abandon();
  }

  #say(bytes: Uint8Array): void {
    this.#stream.send(bytes);
    if (this.#stream.bufferedBytes() <= OVERFLOW_BYTES) return;
    this.#socket.close(CLOSE_TRY_AGAIN, "events were read too slowly");
    this.#stream.finish(true);
  }

  #ping(): void {
    this.#timer = this.#options.clock.after(this.#options.keepAliveMs, () => {
      this.#ping();
      this.#say(KEEP_ALIVE);
    });
  }

  #ended(): void {
    this.#timer?.cancel();
    this.#socket.close(CLOSE_NORMAL, "the client has left");
  }
}
