/** An event stream that carries the server's half of a hub connection; the client's half comes by POST. */

import { HubConnectionContext } from "../../signalr/connection/hub-connection-context.ts";
import type { TransportOutput } from "../../signalr/connection/hub-connection-options.ts";
import { EVENT_STREAM_PREAMBLE, writeEvent } from "../../signalr/protocols/event-stream-format.ts";
import type { HubEndpoint, Refusal } from "../../signalr/transports/endpoint.ts";
import type { Frame } from "../../sockets/frame.ts";
import { ByteStream } from "../response/byte-stream.ts";

const UTF8 = new TextEncoder();
const OPENING = UTF8.encode(EVENT_STREAM_PREAMBLE);
/** Unsent bytes from which streams pause. */
const CONGESTED_BYTES = 32_768;
/** A client with this much unsent counts as not reading. */
const OVERFLOW_BYTES = 1_048_576;

export class HubEventStream<P> implements TransportOutput {
  readonly waiting = false;
  readonly topics = null;
  readonly #now: () => number;
  readonly #stream: ByteStream;
  #connection: HubConnectionContext<P> | null = null;

  /** `ended` is called once, whichever side ended it. */
  constructor(now: () => number, ended: () => void) {
    this.#now = now;
    this.#stream = new ByteStream({
      opening: OPENING,
      onDrained: () => this.#connection?.drained(),
      onEnded: () => {
        ended();
        this.#lose(null);
      },
    });
  }

  get body(): ReadableStream<Uint8Array> {
    return this.#stream.body;
  }

  open(endpoint: HubEndpoint<P>): Refusal | null {
    const opened = endpoint.openEvents(this, this.#now());
    if (!(opened instanceof HubConnectionContext)) return opened;
    this.#connection = opened;
    return null;
  }

  send(frame: Frame): boolean {
    this.#stream.send(UTF8.encode(writeEvent(frame)));
    const buffered = this.#stream.bufferedBytes();
    // Not at once: the connection may be in the middle of writing.
    if (buffered > OVERFLOW_BYTES) queueMicrotask(() => this.#overflow());
    return buffered < CONGESTED_BYTES;
  }

  bufferedBytes(): number {
    return this.#stream.bufferedBytes();
  }

  close(): void {
    this.#connection = null;
    this.#stream.finish();
  }

  /** The client has left. */
  abandon(): void {
    this.#stream.abandon();
  }

  #overflow(): void {
    this.#lose("The client reads too slowly.");
    this.#stream.finish(true);
  }

  #lose(error: string | null): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.transportEnded(this.#now(), error);
  }
}
