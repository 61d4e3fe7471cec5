/**
 * Runs scripts on the server: by their hash, and with their text when the server does not have them (any more). A call
 * whose answer was lost is sent again under the same name, so that nothing happens twice.
 */

import { StoreUnavailableError } from "../../tasks/ports/store-error.ts";
import { failureOf, isUnknownScript } from "./errors.ts";
import { MANY, SCRIPTS, type ScriptName } from "./scripts.ts";

/** What is used of the Upstash client. Its automatic deserialization has to be off. */
export type ScriptClient = {
  evalsha(sha: string, keys: string[], args: string[]): Promise<unknown>;
  eval(script: string, keys: string[], args: string[]): Promise<unknown>;
};

export type ScriptRunnerOptions = {
  client: ScriptClient;
  /** Before every key. */
  prefix: string;
  /** Names a call, never the same twice. */
  nonce: () => string;
  /** Waits before a call without an answer is sent again, ms; none: never. */
  repeatAfterMs: readonly number[];
  /** Tests only: replaces the server's clock. */
  now?: () => number;
  together?: Together;
};

/**
 * How calls of one kind that are made in the same turn of the event loop go to the server as one script: what they share
 * is then loaded and written once. For transports on which callers may wait for one another.
 */
export type Together = {
  /** Calls `send` at the end of the turn. */
  later(send: () => void): void;
  /** Fewer go one by one; default 2. */
  least?: number;
};

/** Calls in one script: a few milliseconds of the server. */
const MOST_TOGETHER = 32;

type Waiting = { call: string[]; resolve: (reply: Reply) => void; reject: (error: unknown) => void };

/** A reply as both transports hand it on. */
export type Reply = string | number | null | readonly Reply[];

export class ScriptRunner {
  readonly #options: ScriptRunnerOptions;
  readonly #keys: string[];
  readonly #hashes = new Map<ScriptName, string>();
  readonly #waiting = new Map<ScriptName, Waiting[]>();
  #closed = false;

  constructor(options: ScriptRunnerOptions) {
    this.#options = options;
    this.#keys = [options.prefix];
  }

  /** Rejects with `StoreUnavailableError`, or with a plain error when the script itself failed. */
  run(name: ScriptName, ...args: readonly string[]): Promise<Reply> {
    const { nonce, together } = this.#options;
    const call = [nonce(), ...args];
    if (together === undefined || MANY[name] === undefined) return this.#call(name, call);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(name) ?? [];
      waiting.push({ call, resolve, reject });
      if (waiting.length > 1) return;
      this.#waiting.set(name, waiting);
      together.later(() => this.#sendWaiting(name, together.least ?? 2));
    });
  }

  #sendWaiting(name: ScriptName, least: number): void {
    const waiting = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    while (waiting.length > 0) this.#sendTogether(name, waiting.splice(0, MOST_TOGETHER), least);
  }

  #sendTogether(name: ScriptName, waiting: readonly Waiting[], least: number): void {
    const many = MANY[name];
    if (many === undefined || waiting.length < least) {
      for (const { call, resolve, reject } of waiting) this.#call(name, call).then(resolve, reject);
      return;
    }
    const calls = waiting.flatMap(({ call }) => [String(call.length), ...call]);
    this.#call(many, [String(waiting.length), ...calls]).then(
      (replies) => {
        for (const [index, { resolve }] of waiting.entries())
          resolve((replies as readonly Reply[])[index] ?? null);
      },
      (error: unknown) => {
        for (const { reject } of waiting) reject(error);
      },
    );
  }

  /** Sends the call until it is answered, under its name. */
  async #call(name: ScriptName, call: readonly string[]): Promise<Reply> {
    const { now, repeatAfterMs } = this.#options;
    const timed = [now === undefined ? "" : String(now()), ...call];
    for (let repeats = 0; ; repeats++) {
      if (this.#closed) throw new StoreUnavailableError("closed", "The store was closed");
      try {
        return await this.#send(name, timed);
      } catch (error) {
        const failure = failureOf(error);
        const waitMs = repeatAfterMs[repeats];
        const open = failure instanceof StoreUnavailableError && failure.reason === "unreachable";
        if (!open || waitMs === undefined || wasNeverSent(error)) throw failure;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  /** Every later call rejects. */
  close(): void {
    this.#closed = true;
  }

  async #send(name: ScriptName, call: string[]): Promise<Reply> {
    const { client } = this.#options;
    const hash = this.#hashes.get(name) ?? (await this.#hashOf(name));
    try {
      return (await client.evalsha(hash, this.#keys, call)) as Reply;
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return (await client.eval(SCRIPTS[name], this.#keys, call)) as Reply;
    }
  }

  async #hashOf(name: ScriptName): Promise<string> {
    const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(SCRIPTS[name]));
    const hash = new Uint8Array(digest).toHex();
    this.#hashes.set(name, hash);
    return hash;
  }
}

/** A client that waited for a connection in vain says so; the call has waited long enough then. */
function wasNeverSent(error: unknown): boolean {
  return error instanceof Error && "sent" in error && error.sent === false;
}
