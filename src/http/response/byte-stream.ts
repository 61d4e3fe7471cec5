/**
 * The body of a streamed answer. Bytes wait in its own queue until the host pulls, so that they can be counted and
 * dropped.
 */

/** Bytes handed to the host before it pulls; beyond it they wait in the queue. */
const HANDED_BYTES = 16_384;
/**
 * Between the last bytes and the end of the body, ms: Go's SSE client and Python's signalrcore drop data that comes in one
 * segment with the end (seen in 2026).
 */
const END_GAP_MS = 10;

export type ByteStreamOptions = {
  /** Sent at once: hosts send no headers before the first byte. */
  opening: Uint8Array;
  /** Called when the host has pulled everything. */
  onDrained?: () => void;
  /** Called once, whichever side ended it. */
  onEnded: () => void;
};

export class ByteStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #onDrained: (() => void) | undefined;
  #onEnded: (() => void) | null;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  /** What the host has not pulled yet. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Everything was sent that will be; the body closes soon after the host has taken it. */
  #complete = false;
  #closing = false;

  constructor(options: ByteStreamOptions) {
    this.#onDrained = options.onDrained;
    this.#onEnded = options.onEnded;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          controller.enqueue(options.opening);
        },
        pull: () => {
          this.#pump();
          if (this.#queue.length === 0) this.#onDrained?.();
        },
        cancel: () => this.abandon(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: HANDED_BYTES }),
    );
  }

  send(bytes: Uint8Array): void {
    if (this.#controller === null || this.#complete) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.byteLength;
    this.#pump();
  }

  /** Bytes that the network has not taken. */
  bufferedBytes(): number {
    const wanted = this.#controller?.desiredSize ?? HANDED_BYTES;
    return this.#queuedBytes + HANDED_BYTES - wanted;
  }

  /** Ends the body behind everything sent, or with `cut` behind what was handed over already. */
  finish(cut = false): void {
    if (cut) this.#discard();
    this.#complete = true;
    this.#pump();
    this.#end();
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
    if (!this.#complete || this.#queue.length > 0 || this.#closing) return;
    // What was handed over has not been taken: the host pulls when it has.
    if ((controller.desiredSize ?? 0) < HANDED_BYTES) return;
    this.#closing = true;
    setTimeout(() => this.#close(), END_GAP_MS);
  }

  #close(): void {
    const controller = this.#controller;
    this.#controller = null;
    controller?.close();
  }

  #discard(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #end(): void {
    const ended = this.#onEnded;
    this.#onEnded = null;
    ended?.();
  }
}
