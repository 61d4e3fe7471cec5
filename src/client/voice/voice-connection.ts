/** Keeps a session open: opens it, and opens another when it is lost, with growing waits between the tries. */

import type { RealtimeEvent } from "../../protocol/realtime.ts";
import { retryWaitMs, sleep } from "../clock.ts";
import { ConduitError } from "../transport/errors.ts";
import { mayComeBack } from "./links/session-events.ts";
import type { LinkOptions, OpenLink, VoiceLink } from "./links/voice-link.ts";

const BASE_MS = 1_000;
const MOST_MS = 30_000;
/** A session that lasted so long counts as a good one: the next loss is the first again. */
const STABLE_MS = 30_000;

export type ConnectionListener = {
  heard(event: RealtimeEvent): void;
  sound(stream: MediaStream): void;
  reconnecting(attempt: number, error: Error): void;
  /** There is another session, which knows nothing of the one before. */
  reconnected(): void;
  /** There will be no other one. */
  over(error: Error): void;
};

export type VoiceConnectionOptions = Omit<LinkOptions, "signal"> & { readonly mostAttempts: number };

export class VoiceConnection {
  readonly #options: VoiceConnectionOptions;
  readonly #openLink: OpenLink;
  readonly #listener: ConnectionListener;
  readonly #life = new AbortController();
  #link: VoiceLink | null = null;
  #openedAt = 0;
  #attempts = 0;

  constructor(options: VoiceConnectionOptions, openLink: OpenLink, listener: ConnectionListener) {
    this.#options = options;
    this.#openLink = openLink;
    this.#listener = listener;
  }

  get isOpen(): boolean {
    return this.#link !== null;
  }

  /** Bytes that wait to be sent. */
  get waitingBytes(): number {
    return this.#link?.waitingBytes ?? 0;
  }

  /** One try. Rejects as `OpenLink` does. */
  async open(): Promise<void> {
    const { signal } = this.#life;
    const link = await this.#openLink(
      { ...this.#options, signal },
      {
        heard: (event) => this.#unlessOver(() => this.#listener.heard(event)),
        sound: (stream) => this.#unlessOver(() => this.#listener.sound(stream)),
        lost: (error) => this.#unlessOver(() => void this.#reopen(error)),
      },
    );
    if (signal.aborted) {
      link.close();
      throw signal.reason;
    }
    this.#link = link;
    this.#openedAt = this.#options.requester.clock.now();
  }

  /** While there is no session it is dropped. */
  send(event: RealtimeEvent): void {
    this.#link?.send(event);
  }

  close(): void {
    this.#life.abort(new ConduitError("The voice session was ended by disconnect."));
    this.#link?.close();
    this.#link = null;
  }

  async #reopen(lost: Error): Promise<void> {
    const { requester, mostAttempts } = this.#options;
    const { clock, random } = requester;
    this.#link = null;
    if (clock.now() - this.#openedAt >= STABLE_MS) this.#attempts = 0;
    let error = lost;
    while (mayComeBack(error) && this.#attempts < mostAttempts) {
      this.#attempts += 1;
      this.#listener.reconnecting(this.#attempts, error);
      try {
        const wait = retryWaitMs(this.#attempts, { baseMs: BASE_MS, mostMs: MOST_MS, random });
        await sleep(clock, wait, this.#life.signal);
        await this.open();
        return this.#listener.reconnected();
      } catch (failed) {
        if (this.#life.signal.aborted) return;
        error = failed instanceof Error ? failed : new ConduitError(String(failed));
      }
    }
    this.#listener.over(error);
  }

  #unlessOver(act: () => void): void {
    if (!this.#life.signal.aborted) act();
  }
}
