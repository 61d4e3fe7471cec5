/**
 * A session's socket to its provider: opened within a limit, with what is sent before it is open kept in order and bounded. Asked
 * to connect again, it puts another socket in the place of the one it had.
 */

import type { Json } from "../../protocol/task.ts";
import type { CloseNote, Dialer, DialFailure, DialledSocket, DialRequest } from "../../sockets/dialer.ts";
import type { Frame } from "../../sockets/frame.ts";
import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import type { VoiceUpstreamRequest } from "../translator.ts";

/** Bytes that may wait for the upstream to open: some 15 s of audio. */
export const MAX_WAITING_BYTES = 1_048_576;
/** A provider that takes no session at the moment is asked again after these, ms: together well below what a client waits. */
const RETRY_AFTER_MS = [500, 1_500] as const;
/** Bytes that may lie unsent before a provider that reads too slowly is given up. */
const MAX_UNSENT_BYTES = 4_194_304;

export type UpstreamLinkDependencies = {
  readonly dialer: Dialer;
  /** Makes the HTTP call of a provider that wants one first. Rejects when there is no answer. */
  readonly call: UpstreamCall;
  readonly clock: Pick<Clock, "after" | "monotonic">;
  /** How long opening may take, ms, with every further attempt. */
  readonly connectMs: number;
  /** Whether the session is opened elsewhere after such a refusal, and so not tried here again. Default: it is not. */
  isElsewhere?(refusal: DialRefusal): boolean;
};

/** A JSON POST. The answer's body is read within a bound. */
export type UpstreamCall = (
  request: Pick<Extract<VoiceUpstreamRequest, { kind: "call" }>, "url" | "headers" | "body">,
  signal: AbortSignal,
) => Promise<{ readonly status: number; readonly body: Json; readonly retryAfterMs: number | null }>;

/** Why there is no socket, and when the provider said to come again. */
export type DialRefusal = DialFailure & { readonly retryAfterMs: number | null };

export interface UpstreamHandler {
  connected(): void;
  /** It cannot be had; `retryAfterMs` is what the provider said. */
  refused(failure: DialRefusal): void;
  received(message: string | Uint8Array): void;
  closed(close: CloseNote): void;
  /** More waits than may: nothing of it is sent. */
  overflowed(): void;
}

export class UpstreamLink {
  readonly #dependencies: UpstreamLinkDependencies;
  readonly #handler: UpstreamHandler;
  #socket: DialledSocket | null = null;
  #waiting: Frame[] = [];
  #waitingBytes = 0;
  /** Rises with every connect: what older sockets say is not heard. */
  #generation = 0;
  #attempt: AbortController | null = null;
  #limit: TimerHandle | null = null;
  #retry: TimerHandle | null = null;
  #request: VoiceUpstreamRequest | null = null;
  /** Attempts that were refused since the connect, and when it began, monotonic. */
  #refusals = 0;
  #startedAt = 0;
  #ended = false;

  constructor(dependencies: UpstreamLinkDependencies, handler: UpstreamHandler) {
    this.#dependencies = dependencies;
    this.#handler = handler;
  }

  get isOpen(): boolean {
    return this.#socket !== null;
  }

  connect(request: VoiceUpstreamRequest): void {
    if (this.#ended) return;
    this.#dropAttempt("replaced");
    const { clock, connectMs } = this.#dependencies;
    this.#request = request;
    this.#refusals = 0;
    this.#startedAt = clock.monotonic();
    this.#limit = clock.after(connectMs, () =>
      this.#giveUp({ status: null, message: "the provider did not answer in time", retryAfterMs: null }),
    );
    this.#try(request);
  }

  #try(request: VoiceUpstreamRequest): void {
    const generation = this.#generation;
    const attempt = new AbortController();
    this.#attempt = attempt;
    if (request.kind === "socket") this.#dial(request, generation, attempt.signal);
    else void this.#callFirst(request, generation, attempt.signal);
  }

  /** Sends, or keeps it until the upstream is open. */
  send(frame: Frame): void {
    if (this.#ended) return;
    const socket = this.#socket;
    if (socket !== null) {
      socket.send(frame);
      if (socket.bufferedBytes() > MAX_UNSENT_BYTES) this.#handler.overflowed();
      return;
    }
    this.#waitingBytes += frame.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#handler.overflowed();
      return;
    }
    // The bytes of a binary frame belong to the host and are used again.
    this.#waiting.push(typeof frame === "string" ? frame : frame.slice());
  }

  /** Closes it; nothing is heard of it afterwards. */
  end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#waiting = [];
    this.#dropAttempt(reason, code);
  }

  #dial(request: DialRequest, generation: number, signal: AbortSignal): void {
    const isCurrent = () => generation === this.#generation && !this.#ended;
    this.#dependencies.dialer.dial(
      request,
      {
        opened: (socket) => {
          if (isCurrent()) this.#opened(socket);
          else socket.close(1000, "");
        },
        failed: (failure) => this.#refuse(generation, { ...failure, retryAfterMs: null }),
        received: (message) => {
          if (isCurrent()) this.#handler.received(message);
        },
        closed: (close) => {
          if (!isCurrent()) return;
          this.#socket = null;
          this.#handler.closed(close);
        },
      },
      signal,
    );
  }

  #opened(socket: DialledSocket): void {
    this.#limit?.cancel();
    this.#attempt = null;
    this.#socket = socket;
    this.#handler.connected();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const frame of waiting) this.#socket?.send(frame);
  }

  async #callFirst(
    request: Extract<VoiceUpstreamRequest, { kind: "call" }>,
    generation: number,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const { status, body, retryAfterMs } = await this.#dependencies.call(request, signal);
      const target = status >= 200 && status < 300 ? request.socketOf(body) : null;
      if (generation !== this.#generation || this.#ended) return;
      if (target !== null) this.#dial(target, generation, signal);
      else
        this.#refuse(generation, {
          status,
          message: status < 300 ? "the provider's answer has no address" : `the provider answered ${status}`,
          retryAfterMs,
        });
    } catch {
      this.#refuse(generation, {
        status: null,
        message: "the provider could not be reached",
        retryAfterMs: null,
      });
    }
  }

  #refuse(generation: number, failure: DialRefusal): void {
    if (generation !== this.#generation || this.#ended || this.#socket !== null) return;
    const request = this.#request;
    const waitMs = this.#retryIn(failure);
    if (request === null || waitMs === null) {
      this.#giveUp(failure);
      return;
    }
    this.#refusals += 1;
    this.#generation += 1;
    this.#attempt = null;
    this.#retry = this.#dependencies.clock.after(waitMs, () => this.#try(request));
  }

  /** After how long another attempt is worth it; null: there is none, or what the provider asks for is past the limit. */
  #retryIn(refusal: DialRefusal): number | null {
    const { status, retryAfterMs } = refusal;
    const waitMs = RETRY_AFTER_MS[this.#refusals];
    if (waitMs === undefined || status === null || (status !== 429 && status < 500)) return null;
    const { clock, connectMs, isElsewhere } = this.#dependencies;
    if (isElsewhere?.(refusal) === true) return null;
    const asked = Math.max(waitMs, retryAfterMs ?? 0);
    return clock.monotonic() + asked < this.#startedAt + connectMs ? asked : null;
  }

  #giveUp(failure: DialRefusal): void {
    if (this.#ended || this.#socket !== null) return;
    this.#dropAttempt("given up");
    this.#handler.refused(failure);
  }

  /** Ends the socket or the attempt there is. */
  #dropAttempt(reason: string, code = 1000): void {
    this.#generation += 1;
    this.#limit?.cancel();
    this.#limit = null;
    this.#retry?.cancel();
    this.#retry = null;
    this.#attempt?.abort(new Error(reason));
    this.#attempt = null;
    this.#socket?.close(code, reason);
    this.#socket = null;
  }
}
