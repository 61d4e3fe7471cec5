/** An event stream that carries the server's half of a hub connection; the client's half comes by POST. */

import { HubConnectionContext } from "../../signalr/connection/hub-connection-context.ts";
import type { TransportOutput } from "../../signalr/connection/hub-connection-options.ts";
import { EVENT_STREAM_PREAMBLE, writeEvent } from "../../signalr/protocols/event-stream-format.ts";
import type { HubEndpoint, TransportRefusal } from "../../signalr/transports/endpoint.ts";
import { endInTurns } from "../../signalr/transports/stream-end.ts";
import type { Frame } from "../../sockets/frame.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import { ByteStream } from "../response/byte-stream.ts";

const UTF8 = new TextEncoder();
const OPENING = UTF8.encode(EVENT_STREAM_PREAMBLE);
/** Unsent bytes from which streams pause. */
const CONGESTED_BYTES = 32_768;
/** A client with this much unsent counts as not reading. */
const OVERFLOW_BYTES = 1_048_576;

type HubEventStreamClock = Pick<Clock, "after" | "monotonic">;

export class HubEventStream<P> implements TransportOutput {
  readonly waiting = false;
  readonly topics = null;
  readonly #clock: HubEventStreamClock;
  readonly #stream: ByteStream;
  #connection: HubConnectionContext<P> | null = null;
  #endpoint: HubEndpoint<P> | null = null;

  /** `ended` is called once, whichever side ended it. */
  constructor(clock: HubEventStreamClock, ended: () => void) {
    this.#clock = clock;
    this.#stream = new ByteStream({
      opening: OPENING,
      onDrained: () => this.#connection?.drained(),
      onEnded: () => {
        ended();
        this.#lose(null);
        this.#endpoint?.streamOver();
      },
    });
  }

  get body(): ReadableStream<Uint8Array> {
    return this.#stream.body;
  }

  open(endpoint: HubEndpoint<P>): TransportRefusal | null {
    const opened = endpoint.openEvents(this, this.#clock.monotonic());
    if (!(opened instanceof HubConnectionContext)) return opened;
    this.#connection = opened;
    this.#endpoint = endpoint;
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

  close(_code: number, _reason: string, last: Frame | null): void {
    this.#connection = null;
    const stream = this.#stream;
    const send = last === null ? null : () => stream.send(UTF8.encode(writeEvent(last)));
    endInTurns(send, () => stream.finish(), this.#clock);
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
    connection?.transportEnded(this.#clock.monotonic(), error);
  }
}
