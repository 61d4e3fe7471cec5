/**
 * Runs scripts on the server: by their hash, and with their text when the server does not have them (any more). A call
 * whose answer was lost is sent again under the same name, so that nothing happens twice. Data that is not of this
 * release's shape yet is prepared first.
 */

import { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";
import type { ScriptName, Scripts } from "../scripts.ts";
import { isUnknownScript, isUnprepared, redisFailure } from "./errors.ts";
import type { Reply } from "./replies.ts";

/** What is used of the Upstash client. Its automatic deserialization has to be off. */
export type ScriptClient = {
  evalsha(sha: string, keys: string[], args: string[]): Promise<unknown>;
  eval(script: string, keys: string[], args: string[]): Promise<unknown>;
};

export type ScriptRunnerOptions = {
  client: ScriptClient;
  scripts: Scripts;
  /** Before every key. */
  prefix: string;
  /** Whose keys: `<prefix><shard>:…`. */
  shard: number;
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
};

/** Scripts that make several calls at once. */
export type ManyName = "create" | "commit";

/** Calls in one script at most: a few milliseconds of the server. */
const MOST_TOGETHER = 32;

/** As JSON escapes it; an escaped backslash in front makes it something else, which the repair leaves as it is. */
const LONE_HALF = /\\ud[89a-f]/i;

type Waiting = {
  args: readonly string[];
  resolve: (answer: ManyAnswer) => void;
  reject: (error: unknown) => void;
};

/** What the script answered, and which of its calls this one was. */
export type ManyAnswer = { reply: Reply; index: number };

export class ScriptRunner {
  readonly #options: ScriptRunnerOptions;
  readonly #keys: string[];
  readonly #hashes = new Map<ScriptName, string>();
  readonly #waiting = new Map<ManyName, Waiting[]>();
  #collecting = false;
  #prepare: () => Promise<void> = () => Promise.resolve();
  #preparing: Promise<void> | null = null;
  #closed = false;

  constructor(options: ScriptRunnerOptions) {
    this.#options = options;
    this.#keys = [`${options.prefix}${options.shard}:`, options.prefix];
  }

  /** Says how data is prepared that has another release's shape; it may only run scripts that need no preparation. */
  onUnprepared(prepare: () => Promise<void>): void {
    this.#prepare = prepare;
  }

  /** Rejects with `StoreUnavailableError`, or with a plain error when the script itself failed. */
  run(name: ScriptName, ...args: readonly string[]): Promise<Reply> {
    return this.#call(name, args);
  }

  /** As `run`, of arguments that are lists: the server takes one long argument faster than many short ones. */
  runLists(name: ScriptName, lists: readonly (readonly string[])[]): Promise<Reply> {
    return this.#call(name, lists.map(callText));
  }

  /** One call of a script that makes several: it shares the script with others of the same turn, where that is wanted. */
  many(name: ManyName, args: readonly string[]): Promise<ManyAnswer> {
    const { together } = this.#options;
    if (together === undefined && !this.#collecting) return this.#sendTogether(name, [args]).then(first);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(name) ?? [];
      waiting.push({ args, resolve, reject });
      if (waiting.length > 1) return;
      this.#waiting.set(name, waiting);
      if (!this.#collecting) together?.later(() => this.#sendWaiting(name));
    });
  }

  /** Calls of `many` that are made before `make` returns share scripts, whatever the transport. */
  collect<T>(make: () => T): T {
    this.#collecting = true;
    try {
      return make();
    } finally {
      this.#collecting = false;
      for (const name of [...this.#waiting.keys()]) this.#sendWaiting(name);
    }
  }

  #sendWaiting(name: ManyName): void {
    const waiting = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    // Alike in size: while the server runs one, the answers of the one before are read.
    const size = Math.ceil(waiting.length / Math.ceil(waiting.length / MOST_TOGETHER));
    for (let from = 0; from < waiting.length; from += size) {
      const group = waiting.slice(from, from + size);
      this.#sendTogether(
        name,
        group.map(({ args }) => args),
      ).then(
        (reply) => {
          for (const [index, { resolve }] of group.entries()) resolve({ reply, index });
        },
        (error: unknown) => {
          for (const { reject } of group) reject(error);
        },
      );
    }
  }

  #sendTogether(name: ManyName, calls: readonly (readonly string[])[]): Promise<Reply> {
    return this.#call(name, callTexts(calls));
  }

  /** Sends the call until it is answered, under its name. */
  async #call(name: ScriptName, args: readonly string[]): Promise<Reply> {
    const { now, repeatAfterMs, nonce } = this.#options;
    const call = [now === undefined ? "" : String(now()), nonce(), ...args];
    let prepared = false;
    for (let repeats = 0; ; ) {
      if (this.#closed) throw new StoreUnavailableError("closed", "The store was closed");
      try {
        return await this.#send(name, call);
      } catch (error) {
        if (isUnprepared(error) && !prepared) {
          prepared = true;
          await this.#prepared();
          continue;
        }
        const failure = redisFailure(error);
        const waitMs = repeatAfterMs[repeats];
        const open = failure instanceof StoreUnavailableError && failure.reason === "unreachable";
        if (!open || waitMs === undefined || wasNeverSent(error)) throw failure;
        repeats += 1;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  /** Calls that find the data unprepared at the same time wait for one preparation. */
  #prepared(): Promise<void> {
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = null;
    });
    return this.#preparing;
  }

  /** Every later call rejects. */
  close(): void {
    this.#closed = true;
  }

  async #send(name: ScriptName, call: string[]): Promise<Reply> {
    const { client, scripts } = this.#options;
    const hash = this.#hashes.get(name) ?? (await this.#hashOf(name));
    try {
      return (await client.evalsha(hash, this.#keys, call)) as Reply;
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return (await client.eval(scripts.text(name), this.#keys, call)) as Reply;
    }
  }

  async #hashOf(name: ScriptName): Promise<string> {
    const text = new TextEncoder().encode(this.#options.scripts.text(name));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-1", text)).toHex();
    this.#hashes.set(name, hash);
    return hash;
  }
}

/** The call as one text. Lua's JSON refuses half a surrogate pair, which UTF-8 cannot hold either. */
function callText(args: readonly string[]): string {
  const text = JSON.stringify(args);
  return LONE_HALF.test(text) ? JSON.stringify(args.map((arg) => arg.toWellFormed())) : text;
}

/**
 * Calls as scripts/parts/calls.lua reads them: the first one whole, the positions at which others of its length differ from it,
 * and of each of those what it has there. Calls made in one turn are mostly alike, and to read a text costs the server as much as
 * to look something up. Another length is sent whole, behind a blank.
 */
function callTexts(calls: readonly (readonly string[])[]): string[] {
  const [first = [], ...others] = calls;
  if (others.length === 0) return [callText(first)];
  const alike = others.filter(({ length }) => length === first.length);
  const positions = [...first.keys()].filter((at) => alike.some((call) => call[at] !== first[at]));
  return [
    callText(first),
    JSON.stringify(positions.map((at) => at + 1)),
    ...others.map((call) =>
      call.length === first.length
        ? callText(positions.map((at) => call[at] as string))
        : ` ${callText(call)}`,
    ),
  ];
}

function first(reply: Reply): ManyAnswer {
  return { reply, index: 0 };
}

/** A client that waited for a connection in vain says so; the call has waited long enough then. */
function wasNeverSent(error: unknown): boolean {
  return error instanceof Error && "sent" in error && error.sent === false;
}
