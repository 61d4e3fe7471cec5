/**
 * Long polling: what the session says waits here for the client's next request. The first request only opens the
 * connection; each later one is answered with everything there is, as soon as there is something.
 */

import type { Frame } from "../../sockets/frame.ts";
import type { Outlet } from "../connection/settings.ts";

/** A request with nothing to answer is answered empty after this. Clients give up after 100 s. */
export const POLL_TIMEOUT_MS = 90_000;
/** Between two requests the client may take this long. */
export const POLL_GAP_MS = 15_000;
/** Streams pause while this much waits. */
const CONGESTED_BYTES = 64 * 1024;
/** A client that lets this much wait is not reading. */
const OVERFLOW_BYTES = 4 * 1024 * 1024;

/** A deadline that the next tick sets. */
const UNKNOWN = Number.NEGATIVE_INFINITY;

/** 200: go on polling. 204: the connection is over, or another request took this one's place. */
export type PollAnswer = { status: 200; frames: readonly Frame[] } | { status: 204 };

export type PollReply = (answer: PollAnswer) => void;

export class LongPoll implements Outlet {
  readonly #onOverflow: (now: number) => void;
  #frames: Frame[] = [];
  #bytes = 0;
  #reply: PollReply | null = null;
  #opened = false;
  #ended = false;
  #now: number;
  /** The request that hangs is answered empty then; without one, the client is given up. */
  #deadline: number;

  /** `onOverflow` is called when the client lets too much wait. */
  constructor(now: number, onOverflow: (now: number) => void) {
    this.#now = now;
    this.#deadline = now + POLL_GAP_MS;
    this.#onOverflow = onOverflow;
  }

  /** When `tick` has something to do. */
  get due(): number {
    return this.#deadline;
  }

  /** Whether the connection is over and the client has heard everything. */
  get finished(): boolean {
    return this.#ended && this.#frames.length === 0;
  }

  /** A request came; one that hangs gives way to it. True when there is room again for what waits elsewhere. */
  poll(reply: PollReply, now: number): boolean {
    this.#now = now;
    this.#answer({ status: 204 });
    if (this.finished) {
      reply({ status: 204 });
      return false;
    }
    this.#reply = reply;
    this.#deadline = now + POLL_TIMEOUT_MS;
    if (!this.#opened) {
      this.#opened = true;
      this.#answer({ status: 200, frames: [] });
      return false;
    }
    if (this.#frames.length > 0) this.#flush();
    return true;
  }

  /** The client gave up a request before it was answered. */
  abandoned(reply: PollReply, now: number): void {
    this.#now = now;
    if (this.#reply !== reply) return;
    this.#reply = null;
    this.#deadline = now + POLL_GAP_MS;
  }

  /** Answers a request that hung long enough. True when the client has not asked again in time: it is gone. */
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
    // At the end of the turn, so that what is said in one turn shares an answer.
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

  /** What was said before is still answered; the request after that learns that it is over. */
  close(): void {
    this.#ended = true;
    if (this.#frames.length === 0) this.#answer({ status: 204 });
  }

  /** Ends at once, unsaid things forgotten: the client said it wants no more. */
  cut(): void {
    this.#ended = true;
    this.#frames = [];
    this.#bytes = 0;
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
    // Answers go out between two ticks, when nobody tells the time: the next tick says when the gap began.
    this.#deadline = UNKNOWN;
    reply(answer);
  }
}
