/**
 * Runs scripts on the server: by their hash, and with their text when the server does not have them (any more). A call
 * whose answer was lost is sent again under the same name, so that nothing happens twice.
 */

import { StoreUnavailableError } from "../../tasks/store-error.ts";
import { failureOf, isUnknownScript } from "./errors.ts";
import { SCRIPTS, type ScriptName } from "./scripts.ts";

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
};

/** A reply as both transports hand it on. */
export type Reply = string | number | null | readonly Reply[];

export class ScriptRunner {
  readonly #options: ScriptRunnerOptions;
  readonly #keys: string[];
  readonly #hashes = new Map<ScriptName, string>();
  #closed = false;

  constructor(options: ScriptRunnerOptions) {
    this.#options = options;
    this.#keys = [options.prefix];
  }

  /** Rejects with `StoreUnavailableError`, or with a plain error when the script itself failed. */
  async run(name: ScriptName, ...args: readonly string[]): Promise<Reply> {
    const { now, nonce, repeatAfterMs } = this.#options;
    const call = [now === undefined ? "" : String(now()), nonce(), ...args];
    for (let repeats = 0; ; repeats++) {
      if (this.#closed) throw new StoreUnavailableError("closed", "The store was closed");
      try {
        return await this.#send(name, call);
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
