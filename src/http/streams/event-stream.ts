/** A subscriber that reads server-sent events: a byte stream with a bounded queue, kept alive by comments. */

import { CLOSE_TRY_AGAIN } from "../../protocol/close-codes.ts";
import type { Encoding } from "../../rooms/encoding.ts";
import type { Subscriber } from "../../rooms/subscriber.ts";
import type { Frame } from "../../sockets/frame.ts";
import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import { ByteStream } from "../response/byte-stream.ts";

const UTF8 = new TextEncoder();
/** Opens the stream: hosts send no headers before the first byte, and an EventSource waits for them. */
const OPENING = UTF8.encode(":\n\n");
const HEARTBEAT = UTF8.encode(": keep-alive\n\n");

/** One open stream. `body` belongs to the response; `ended` is called once, whichever side ended it. */
export class EventStream implements Subscriber {
  readonly encoding: Encoding;
  readonly topics = null;
  readonly #stream: ByteStream;

  constructor(encoding: Encoding, ended: () => void) {
    this.encoding = encoding;
    this.#stream = new ByteStream({ opening: OPENING, onEnded: ended });
  }

  get body(): ReadableStream<Uint8Array> {
    return this.#stream.body;
  }

  send(frame: Frame): void {
    this.#stream.send(typeof frame === "string" ? UTF8.encode(frame) : frame);
  }

  bufferedBytes(): number {
    return this.#stream.bufferedBytes();
  }

  close(code: number): void {
    this.#stream.finish(code === CLOSE_TRY_AGAIN);
  }

  /** A comment for proxies that cut silent connections; a stream with unsent bytes is not silent. */
  beat(): void {
    if (this.bufferedBytes() === 0) this.#stream.send(HEARTBEAT);
  }

  /** The client has left: nothing will be read any more. */
  abandon(): void {
    this.#stream.abandon();
  }
}

/** The keep-alive comments of all open streams of a process, by one timer. */
export class StreamHeartbeat {
  readonly #clock: Pick<Clock, "after">;
  readonly #heartbeatMs: number;
  readonly #streams = new Set<EventStream>();
  #timer: TimerHandle | null = null;

  constructor(clock: Pick<Clock, "after">, heartbeatMs: number) {
    this.#clock = clock;
    this.#heartbeatMs = heartbeatMs;
  }

  add(stream: EventStream): void {
    this.#streams.add(stream);
    this.#timer ??= this.#clock.after(this.#heartbeatMs, () => this.#beat());
  }

  remove(stream: EventStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #beat(): void {
    this.#timer = this.#clock.after(this.#heartbeatMs, () => this.#beat());
    for (const stream of this.#streams) stream.beat();
  }
}
