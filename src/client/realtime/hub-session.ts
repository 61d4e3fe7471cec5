/** From one `connect` to its end: the hub, reached again when it is lost; without it, until it can be had. */

import type { WireEvent, WireReset, WireSnapshot } from "../../protocol/task.ts";
import { retryWaitMs, sleep } from "../clock.ts";
import { ConduitError, ConnectionError, isFinal, StatusError } from "../transport/errors.ts";
import type { Requester } from "../transport/requester.ts";
import { type HubLink, type OpenHub, SignalRMissingError } from "./hub-link.ts";

/** Nothing is told once the session is closed. */
export type HubSessionListener = {
  heard(update: WireEvent | WireSnapshot | WireReset): void;
  reconnecting(error: Error | undefined): void;
  /** Tasks have to be followed by the way there is now. */
  moved(): Promise<void>;
  /** Behind `moved`, where a hub that was lost was reached again, or given up for another way. */
  reconnected(connectionId: string | null): void;
  /** The gateway cannot be reached, or refuses the key. */
  lost(error: Error): void;
  /** Whether anything is followed, for which going on without an answer is worth while. */
  isNeeded(): boolean;
  log(text: string): void;
};

export type HubSessionOptions = {
  readonly requester: Requester;
  readonly openHub: OpenHub;
  /** Whether the hub is used, and whether tasks may be followed without it. */
  readonly usesHub: boolean;
  readonly fallsBack: boolean;
  readonly mostAttempts: number;
  readonly enableLogging: boolean;
};

const RECONNECT_BASE_MS = 1_000;
const RECONNECT_MOST_MS = 30_000;
/** Waits between tries to reach the hub again while tasks are followed without it. */
const RETURN_BASE_MS = 30_000;
const RETURN_MOST_MS = 600_000;

export class HubSession {
  readonly #options: HubSessionOptions;
  readonly #listener: HubSessionListener;
  readonly #life = new AbortController();
  #link: HubLink | null = null;
  #isFallen = false;

  constructor(options: HubSessionOptions, listener: HubSessionListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Null while there is none. */
  get link(): HubLink | null {
    return this.#link;
  }

  /** Whether tasks are followed without the hub. */
  get isFallen(): boolean {
    return this.#isFallen;
  }

  /** The hub, else the other ways where the gateway can be reached; throws why neither can be had. */
  async open(): Promise<void> {
    const { requester, usesHub, fallsBack } = this.#options;
    let refusal: unknown = null;
    if (usesHub) {
      try {
        return await this.#openLink();
      } catch (error) {
        refusal = error;
        this.#listener.log(`the hub cannot be had: ${messageOf(error)}`);
      }
    }
    // Tells a refused key and a gateway that is away from a hub that is closed to us, and renews a key that has expired.
    await requester.json("GET", "/v1/key", { signal: this.#life.signal });
    if (usesHub && requester.credentials.renewable) {
      try {
        return await this.#openLink();
      } catch (error) {
        refusal = error;
      }
    }
    this.#life.signal.throwIfAborted();
    if (fallsBack) return this.#fall(refusal);
    if (refusal instanceof StatusError) throw refusal;
    const message = "The hub cannot be reached, and no other transport is allowed.";
    throw new ConnectionError(message, { cause: refusal });
  }

  async close(): Promise<void> {
    this.#life.abort(connectionLeft());
    const link = this.#link;
    this.#link = null;
    this.#isFallen = false;
    await link?.close().catch(() => {});
  }

  #fall(refusal: unknown): void {
    this.#isFallen = true;
    if (this.#options.usesHub && !(refusal instanceof SignalRMissingError)) void this.#returnToHub();
  }

  async #returnToHub(): Promise<void> {
    const { clock, random } = this.#options.requester;
    const waits = { baseMs: RETURN_BASE_MS, mostMs: RETURN_MOST_MS, random };
    const { signal } = this.#life;
    for (let tries = 1; !signal.aborted; tries += 1) {
      try {
        await sleep(clock, retryWaitMs(tries, waits), signal);
        await this.#openLink();
        return await this.#moved();
      } catch (error) {
        if (!signal.aborted) this.#listener.log(`the hub cannot be had yet: ${messageOf(error)}`);
      }
    }
  }

  async #openLink(): Promise<void> {
    const { requester, openHub, enableLogging } = this.#options;
    const { signal } = this.#life;
    let link: HubLink | null = null;
    const isCurrent = () => !signal.aborted && (link === null || this.#link === link);
    const opened = await openHub(
      requester,
      {
        update: (update) => {
          if (isCurrent()) this.#listener.heard(update);
        },
        closed: (error) => {
          if (isCurrent() && link !== null) void this.#reconnect(error);
        },
      },
      enableLogging,
    );
    link = opened;
    if (signal.aborted) {
      await opened.close().catch(() => {});
      throw signal.reason;
    }
    this.#link = opened;
    this.#isFallen = false;
  }

  async #reconnect(lost: Error | undefined): Promise<void> {
    this.#link = null;
    this.#listener.reconnecting(lost);
    const { signal } = this.#life;
    try {
      if (!(await this.#reachAgain())) await this.open();
      await this.#moved();
    } catch (failed) {
      if (signal.aborted) return;
      // What is followed goes on being asked for, for as long as whoever follows it has patience.
      if (!isFinal(failed) && this.#options.fallsBack && this.#listener.isNeeded()) {
        this.#fall(failed);
        await this.#listener.moved();
      } else this.#listener.lost(failed instanceof Error ? failed : new ConnectionError(String(failed)));
    }
  }

  /** Whether the hub was reached within the tries there are. Throws when the key is refused for good. */
  async #reachAgain(): Promise<boolean> {
    const { requester, mostAttempts } = this.#options;
    const { signal } = this.#life;
    const { clock, random } = requester;
    for (let tries = 1; tries <= mostAttempts; tries += 1) {
      const wait = retryWaitMs(tries, { baseMs: RECONNECT_BASE_MS, mostMs: RECONNECT_MOST_MS, random });
      await sleep(clock, wait, signal);
      try {
        await this.#openLink();
        return true;
      } catch (failed) {
        signal.throwIfAborted();
        this.#listener.log(`try ${tries} of ${mostAttempts} to reach the hub again: ${messageOf(failed)}`);
      }
      try {
        // Renews a key that has expired; a gateway that is away is no news.
        await requester.json("GET", "/v1/key", { signal, maxRetries: 0 });
      } catch (refused) {
        if (isFinal(refused)) throw refused;
      }
    }
    return false;
  }

  async #moved(): Promise<void> {
    await this.#listener.moved();
    if (!this.#life.signal.aborted) this.#listener.reconnected(this.#link?.connectionId ?? null);
  }
}

/** What a `connect` rejects with whose connection another one took the place of, or `disconnect` ended. */
export function connectionLeft(): ConduitError {
  return new ConduitError("The connection was replaced or ended.");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
