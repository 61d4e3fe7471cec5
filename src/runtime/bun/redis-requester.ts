/**
 * Lets the Upstash client speak to a Redis server over TCP: the same command arrays go through Bun's Redis client, and
 * replies and errors come back in the shapes the REST interface has. One connection, pipelined; when it is lost it is
 * opened again in the background, and commands wait for it a bounded time. A command that was sent when the connection
 * broke is never sent again: whether it was carried out is unknown, and only its caller knows whether twice is harmless.
 */

import { errors, type Requester } from "@upstash/redis";
import { RedisClient } from "bun";
import type { RedisConnection } from "../../config/redis-connection.ts";
import { sleep } from "./sleep.ts";

/** How long a command may take from when it is asked: waiting for a connection included. */
export const COMMAND_LIMIT_MS = 5_000;
/** One attempt to connect: a host that swallows packets must not hold up the next attempt for long. */
const CONNECT_LIMIT_MS = 2_000;
/** Between attempts to connect: at first short, since a server that restarts is back within a second. */
const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 500;

/** No answer was had: the server cannot be reached, or the connection broke, or it took too long. */
export class RedisConnectionError extends Error {
  override readonly name = "RedisConnectionError";
  /** Whether the command may have been carried out. */
  readonly sent: boolean;

  constructor(message: string, sent: boolean, cause?: unknown) {
    super(message, { cause });
    this.sent = sent;
  }
}

export type RedisRequesterOptions = {
  /** Milliseconds; default `COMMAND_LIMIT_MS`. */
  commandLimitMs?: number;
  /** Called with each change between having a connection and having none. */
  onConnected?: (connected: boolean) => void;
};

type Request = Parameters<Requester["request"]>[0];
type Reply = { result?: unknown; error?: string };

export class RedisRequester implements Requester {
  readonly readYourWrites = false;
  readonly #connection: RedisConnection;
  readonly #commandLimitMs: number;
  readonly #onConnected: (connected: boolean) => void;
  readonly #closing = new AbortController();
  #client: RedisClient | null = null;
  /** Resolves with the open client; replaced by a new one whenever the connection is lost. */
  #open: PromiseWithResolvers<RedisClient> = pending();
  #lastFailure: unknown = null;

  constructor(connection: RedisConnection, options: RedisRequesterOptions = {}) {
    this.#connection = connection;
    this.#commandLimitMs = options.commandLimitMs ?? COMMAND_LIMIT_MS;
    this.#onConnected = options.onConnected ?? (() => {});
    void this.#connect();
  }

  /** Whether there is a connection at this moment. */
  get connected(): boolean {
    return this.#client !== null;
  }

  /**
   * Sends what the Upstash client asks: one command, or several under the paths `pipeline` and `multi-exec`.
   * @throws RedisConnectionError when no answer was had within the limit
   * @throws UpstashError when a transaction was refused as a whole
   */
  async request<T = unknown>(request: Request): Promise<{ result?: T; error?: string }> {
    const [path, ...rest] = request.path ?? [];
    if (path === undefined) return (await this.#exchange([request.body]))[0] as { result?: T; error?: string };
    const commands = request.body;
    if (rest.length > 0 || !Array.isArray(commands)) throw notOverTcp(path);
    // The Upstash client reads an array of replies here, against the declared type.
    if (path === "pipeline") return (await this.#exchange(commands)) as { result?: T; error?: string };
    if (path === "multi-exec") return (await this.#transaction(commands)) as { result?: T; error?: string };
    throw notOverTcp(path);
  }

  /** Ends the connection; commands under way fail. */
  close(): void {
    this.#closing.abort();
    this.#open.reject(new RedisConnectionError("The connection to Redis was closed.", false));
    this.#lose(this.#client);
  }

  async #transaction(commands: unknown[]): Promise<Reply[]> {
    const replies = await this.#exchange([["MULTI"], ...commands, ["EXEC"]]);
    const outcome = replies.at(-1);
    if (outcome?.error !== undefined) throw new errors.UpstashError(outcome.error);
    return Array.isArray(outcome?.result) ? outcome.result.map(toReply) : [];
  }

  /** Sends the commands in one go, so that nothing of another caller comes between them. */
  async #exchange(commands: readonly unknown[]): Promise<Reply[]> {
    const texts = commands.map(commandTexts);
    const limit = Promise.withResolvers<never>();
    let sentOn: RedisClient | null = null;
    const timer = setTimeout(() => {
      limit.reject(this.#noAnswer(sentOn !== null));
      // Replies come in order: whatever is behind the silent one would wait as well.
      if (sentOn !== null) this.#lose(sentOn);
    }, this.#commandLimitMs);
    try {
      const client = this.#client ?? (await Promise.race([this.#open.promise, limit.promise]));
      sentOn = client;
      const sent = texts.map(([name = "", ...args]) => client.send(name, args).then(toReply, failure));
      return await Promise.race([Promise.all(sent), limit.promise]);
    } finally {
      clearTimeout(timer);
      limit.promise.catch(() => {});
    }
  }

  async #connect(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!this.#closing.signal.aborted) {
      const client = new RedisClient(addressOf(this.#connection), {
        autoReconnect: false,
        enableOfflineQueue: false,
        connectionTimeout: CONNECT_LIMIT_MS,
      });
      try {
        await client.connect();
        // The older protocol's replies are the ones REST gives: maps and scores as flat lists of texts.
        await client.send("HELLO", ["2"]);
        if (this.#closing.signal.aborted) return client.close();
        client.onclose = () => this.#lose(client);
        this.#client = client;
        this.#open.resolve(client);
        this.#onConnected(true);
        return;
      } catch (error) {
        client.close();
        this.#lastFailure = error;
        await sleep(retryMs, this.#closing.signal);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
  }

  #lose(client: RedisClient | null): void {
    if (client === null || client !== this.#client) return;
    this.#client = null;
    if (!this.#closing.signal.aborted) this.#open = pending();
    client.onclose = null;
    client.close();
    this.#onConnected(false);
    void this.#connect();
  }

  #noAnswer(sent: boolean): RedisConnectionError {
    const { host, port } = this.#connection;
    const what = sent ? "did not answer" : "could not be reached";
    const reason = this.#lastFailure instanceof Error && !sent ? ` (${this.#lastFailure.message})` : "";
    const message = `Redis at ${host}:${port} ${what} within ${this.#commandLimitMs} ms${reason}.`;
    return new RedisConnectionError(message, sent, sent ? undefined : this.#lastFailure);
  }
}

/** `redis://` or `rediss://` as Bun's client wants it. Holds the password: not for logs. */
export function addressOf(connection: RedisConnection): string {
  const { username, password, host, port, database, tls } = connection;
  const credentials =
    password === null
      ? ""
      : `${encodeURIComponent(username ?? "")}:${encodeURIComponent(password)}@`;
  const server = host.includes(":") ? `[${host}]` : host;
  return `${tls ? "rediss" : "redis"}://${credentials}${server}:${port}/${database}`;
}

function pending(): PromiseWithResolvers<RedisClient> {
  const open = Promise.withResolvers<RedisClient>();
  open.promise.catch(() => {});
  return open;
}

function commandTexts(command: unknown): string[] {
  if (!Array.isArray(command) || command.length === 0)
    throw new TypeError("Expected a command as a list that is not empty.");
  return command.map((part) => (typeof part === "string" ? part : String(part)));
}

/** An error inside a reply makes the reply one, as a script's would be. */
function toReply(value: unknown): Reply {
  if (value instanceof Error) return { error: value.message };
  const error = Array.isArray(value) ? value.find((part) => part instanceof Error) : undefined;
  return error instanceof Error ? { error: error.message } : { result: value };
}

function failure(error: unknown): Reply {
  if (isServerError(error)) return { error: error.message };
  throw new RedisConnectionError("The connection to Redis broke before the answer came.", true, error);
}

function isServerError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "ERR_REDIS_SERVER_ERROR";
}

function notOverTcp(path: string): TypeError {
  return new TypeError(`The REST path ${path} does not exist over TCP: expected none, pipeline or multi-exec.`);
}
