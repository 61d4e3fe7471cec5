/**
 * Long polling: the connection's frames wait here for the client's next request. The first request only opens the
 * connection; each later one is answered with all frames there are, as soon as there is one.
 */

import type { Frame } from "../../sockets/frame.ts";
import type { TransportOutput } from "../connection/hub-connection-options.ts";

/**
 * A request is answered empty after this, ms: ASP.NET's default. Microsoft's JavaScript client gives up after 100 s.
 */
export const POLL_TIMEOUT_MS = 90_000;
/** How long a client may take between two requests, ms: ASP.NET's default. */
export const POLL_GAP_MS = 15_000;
/** Streams pause while this much waits. */
const CONGESTED_BYTES = 64 * 1024;
/** A client with this much waiting counts as not reading. */
const OVERFLOW_BYTES = 4 * 1024 * 1024;

/** Stands for a deadline that the next tick sets. */
const UNKNOWN = Number.NEGATIVE_INFINITY;

/** 200: go on polling. 204: the connection is over, or another request has replaced this one. */
export type PollAnswer = { status: 200; frames: readonly Frame[] } | { status: 204 };

export type PollReply = (answer: PollAnswer) => void;

export class LongPoll implements TransportOutput {
  readonly #onOverflow: (now: number) => void;
  #frames: Frame[] = [];
  #bytes = 0;
  #reply: PollReply | null = null;
  #opened = false;
  #ended = false;
  #toldOver = false;
  #now: number;
  /** The open request is answered empty then; without one, the connection ends. */
  #deadline: number;

  /** `onOverflow` is called when too much waits for the client. */
  constructor(now: number, onOverflow: (now: number) => void) {
    this.#now = now;
    this.#deadline = now + POLL_GAP_MS;
    this.#onOverflow = onOverflow;
  }

  /** When `tick` has something to do. */
  get due(): number {
    return this.#deadline;
  }

  /** Whether the connection has ended, the client has fetched every frame and then been told that there are no more. */
  get finished(): boolean {
    return this.#toldOver;
  }

  /** A request came; one that is open is answered 204. True when streams that waited for room may continue. */
  poll(reply: PollReply, now: number): boolean {
    this.#now = now;
    this.#answer({ status: 204 });
    this.#reply = reply;
    if (this.#ended && this.#frames.length === 0) {
      this.#sayOver();
      return false;
    }
    this.#deadline = now + POLL_TIMEOUT_MS;
    if (!this.#opened) {
      this.#opened = true;
      this.#answer({ status: 200, frames: [] });
      return false;
    }
    if (this.#frames.length > 0) this.#flush();
    return true;
  }

  /** The client has cancelled a request before it was answered. */
  abandoned(reply: PollReply, now: number): void {
    this.#now = now;
    if (this.#reply !== reply) return;
    this.#reply = null;
    this.#deadline = now + POLL_GAP_MS;
  }

  /** Answers a request that was open long enough. True when the client has not asked again in time. */
  tick(now: number): boolean {
    this.#now = now;
    if (now < this.#deadline) return false;
    if (this.#deadline === UNKNOWN) {
      this.#deadline = now + POLL_GAP_MS;
      return false;
    }
    if (this.#reply === null) return true;
    this.#flush();
    return false;
  }

  send(frame: Frame): boolean {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    // At the end of this turn of the event loop, so that its frames share an answer.
    if (this.#reply !== null && this.#frames.length === 1) queueMicrotask(() => this.#flush());
    if (this.#bytes > OVERFLOW_BYTES) {
      this.#frames = [];
      this.#bytes = 0;
      this.#onOverflow(this.#now);
      return false;
    }
    return this.#bytes < CONGESTED_BYTES;
  }

  bufferedBytes(): number {
    return this.#bytes;
  }

  /** Between two requests. */
  get waiting(): boolean {
    return this.#reply === null;
  }

  get topics(): null {
    return null;
  }

  /** The frames there are, and the last one, are still answered; the request after that gets 204. */
  close(_code: number, _reason: string, last: Frame | null): void {
    if (last !== null) this.send(last);
    this.#ended = true;
    if (this.#frames.length === 0) this.#sayOver();
  }

  /** Ends at once and drops the waiting frames: the client has ended the connection. */
  cut(): void {
    this.#ended = true;
    this.#frames = [];
    this.#bytes = 0;
    this.#sayOver();
  }

  #sayOver(): void {
    if (this.#reply === null) return;
    this.#toldOver = true;
    this.#answer({ status: 204 });
  }

  #flush(): void {
    if (this.#reply === null) return;
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    this.#answer({ status: 200, frames });
  }

  #answer(answer: PollAnswer): void {
    const reply = this.#reply;
    if (reply === null) return;
    this.#reply = null;
    // Answers go out between two ticks, where the time is not known: the gap counts from the next tick.
    this.#deadline = UNKNOWN;
    reply(answer);
  }
}
