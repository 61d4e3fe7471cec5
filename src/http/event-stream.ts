/** A follower that reads server-sent events: a byte stream with a bounded queue, kept alive by comments. */

import type { Encoding, Frame } from "../rooms/encoding.ts";
import { CLOSE_TRY_AGAIN, type Follower } from "../rooms/follower.ts";
import type { Clock, TimerHandle } from "../tasks/clock.ts";

/** Bytes handed to the host before it asks for more; beyond it they wait in the stream's own queue. */
const HANDED_BYTES = 16_384;

const UTF8 = new TextEncoder();
/** Opens the stream: hosts send no headers before the first byte, and an EventSource waits for them. */
const OPENING = UTF8.encode(":\n\n");
const HEARTBEAT = UTF8.encode(": keep-alive\n\n");

/** One open stream. `body` belongs to the response; `ended` is called once, whoever ended it. */
export class EventStream implements Follower {
  readonly encoding: Encoding;
  readonly topics = null;
  readonly body: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  /** What the host has not asked for yet. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Everything was sent that will be; the stream closes when the queue is empty. */
  #complete = false;
  #ended: (() => void) | null;

  constructor(encoding: Encoding, ended: () => void) {
    this.encoding = encoding;
    this.#ended = ended;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          controller.enqueue(OPENING);
        },
        pull: () => this.#pump(),
        cancel: () => this.abandon(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: HANDED_BYTES }),
    );
  }

  send(frame: Frame): void {
    if (this.#controller === null || this.#complete) return;
    const bytes = typeof frame === "string" ? UTF8.encode(frame) : frame;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.byteLength;
    this.#pump();
  }

  bufferedBytes(): number {
    const wanted = this.#controller?.desiredSize ?? HANDED_BYTES;
    return this.#queuedBytes + HANDED_BYTES - wanted;
  }

  close(code: number): void {
    if (code === CLOSE_TRY_AGAIN) this.#discard();
    this.#complete = true;
    this.#pump();
    this.#end();
  }

  /** A comment for proxies that cut silent connections; a stream with unsent bytes is not silent. */
  beat(): void {
    if (this.bufferedBytes() === 0) this.send(HEARTBEAT);
  }

  /** The client has left: nothing will be read any more. */
  abandon(): void {
    this.#discard();
    this.#controller = null;
    this.#end();
  }

  #pump(): void {
    const controller = this.#controller;
    if (controller === null) return;
    // Each is taken off before it is handed over: an enqueue may pull again before it returns.
    while ((controller.desiredSize ?? 0) > 0) {
      const bytes = this.#queue.shift();
      if (bytes === undefined) break;
      this.#queuedBytes -= bytes.byteLength;
      controller.enqueue(bytes);
    }
    if (this.#complete && this.#queue.length === 0 && this.#controller !== null) {
      this.#controller = null;
      controller.close();
    }
  }

  #discard(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #end(): void {
    const ended = this.#ended;
    this.#ended = null;
    ended?.();
  }
}

/** All open streams of the process: one timer beats for them all. */
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
