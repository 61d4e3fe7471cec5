/**
 * Lets the Upstash client use a Redis server over TCP: the same command arrays go through Bun's Redis client, and
 * replies and errors come back in the shapes the REST interface has. One connection, pipelined; when it is lost it is
 * opened again in the background, and commands wait for it a bounded time. A command that was sent when the connection
 * broke is never sent again: whether it was executed is unknown, and only its caller can decide whether twice is
 * harmless.
 */

import { errors, type Requester } from "@upstash/redis";
import { RedisClient } from "bun";
import type { RedisConnection } from "../../config/redis-connection.ts";
import { redisRefusal } from "./redis-refusal.ts";

/** The time limit of a command, waiting for a connection included; without a connection it counts from its loss. */
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
  #closed = false;
  #retry: Timer | undefined;
  #client: RedisClient | null = null;
  /** Resolves with the open client; replaced by a new one whenever the connection is lost. */
  #open: PromiseWithResolvers<RedisClient> = pending();
  #lastFailure: unknown = null;
  /** What the server has against us, while it gives no connection; null when that is not known. */
  #refusal: string | null = null;
  #asksWhy = false;
  /** Monotonic, ms: since when there is no connection, while there is none. */
  #lostAt = performance.now();

  constructor(connection: RedisConnection, options: RedisRequesterOptions = {}) {
    this.#connection = connection;
    this.#commandLimitMs = options.commandLimitMs ?? COMMAND_LIMIT_MS;
    this.#onConnected = options.onConnected ?? (() => {});
    void this.#connect(FIRST_RETRY_MS);
  }

  /** Whether there is a connection at this moment. */
  get connected(): boolean {
    return this.#client !== null;
  }

  /**
   * Sends the Upstash client's requests: one command, or several under the paths `pipeline` and `multi-exec`.
   * @throws RedisConnectionError when no answer was had within the limit
   * @throws UpstashError when a transaction was refused as a whole
   */
  async request<T = unknown>(request: Request): Promise<{ result?: T; error?: string }> {
    // The Upstash client reads a list of replies for a pipeline, against the type it declares.
    return (await this.#replies(request)) as { result?: T; error?: string };
  }

  /** Ends the connection; commands under way fail. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#open.reject(new RedisConnectionError("The connection to Redis was closed.", false));
    this.#lose(this.#client);
  }

  async #replies({ path = [], body }: Request): Promise<Reply | Reply[]> {
    const way = path.join("/");
    if (way === "") return withoutInnerErrors((await this.#exchange([body]))[0] ?? {});
    if (!Array.isArray(body)) throw notOverTcp(way);
    if (way === "pipeline") return (await this.#exchange(body)).map(withoutInnerErrors);
    if (way === "multi-exec") return this.#transaction(body);
    throw notOverTcp(way);
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
    const limitMs = this.#limitMs();
    if (limitMs <= 0) throw this.#noAnswer(false);
    const timer = setTimeout(() => {
      limit.reject(this.#noAnswer(sentOn !== null));
      // Replies come in order: whatever is behind the silent one would wait as well.
      if (sentOn !== null) this.#lose(sentOn);
    }, limitMs);
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

  /** A server that has been away for the whole limit is waited for no more: callers learn at once that it is. */
  #limitMs(): number {
    const awayMs = this.#client === null ? performance.now() - this.#lostAt : 0;
    return this.#commandLimitMs - awayMs;
  }

  async #connect(retryMs: number): Promise<void> {
    const client = new RedisClient(redisAddress(this.#connection), {
      autoReconnect: false,
      enableOfflineQueue: false,
      connectionTimeout: CONNECT_LIMIT_MS,
    });
    try {
      await client.connect();
      // The older protocol's replies are the ones REST gives: maps and scores as flat lists of texts.
      await client.send("HELLO", ["2"]);
      if (this.#closed) return client.close();
      client.onclose = () => this.#lose(client);
      this.#client = client;
      this.#refusal = null;
      this.#open.resolve(client);
      this.#onConnected(true);
    } catch (error) {
      client.close();
      this.#lastFailure = error;
      if (this.#closed) return;
      void this.#askWhy();
      const next = Math.min(retryMs * 2, LAST_RETRY_MS);
      this.#retry = setTimeout(() => void this.#connect(next), retryMs);
    }
  }

  /** Beside the attempts to connect, one at a time. */
  async #askWhy(): Promise<void> {
    if (this.#asksWhy) return;
    this.#asksWhy = true;
    const refusal = await redisRefusal(this.#connection, CONNECT_LIMIT_MS).catch(() => null);
    this.#asksWhy = false;
    if (this.#client === null) this.#refusal = refusal;
  }

  #lose(client: RedisClient | null): void {
    if (client === null || client !== this.#client) return;
    this.#client = null;
    this.#lostAt = performance.now();
    client.onclose = null;
    client.close();
    this.#onConnected(false);
    if (this.#closed) return;
    this.#open = pending();
    void this.#connect(FIRST_RETRY_MS);
  }

  #noAnswer(sent: boolean): RedisConnectionError {
    const { host, port } = this.#connection;
    const what = sent ? "did not answer" : "gave no connection";
    const why = this.#refusal ?? (this.#lastFailure instanceof Error ? this.#lastFailure.message : null);
    const reason = why === null || sent ? "" : ` (${why})`;
    const message = `Redis at ${host}:${port} ${what} within ${this.#commandLimitMs} ms${reason}.`;
    return new RedisConnectionError(message, sent, sent ? undefined : this.#lastFailure);
  }
}

/** `redis://` or `rediss://` as Bun's client wants it. Holds the password: not for logs. */
export function redisAddress(connection: RedisConnection): string {
  const { username, password, host, port, database, tls } = connection;
  const credentials =
    password === null ? "" : `${encodeURIComponent(username ?? "")}:${encodeURIComponent(password)}@`;
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

function toReply(value: unknown): Reply {
  return value instanceof Error ? { error: value.message } : { result: value };
}

/** A script that answers a list with an error in it has failed. */
function withoutInnerErrors(reply: Reply): Reply {
  const inner = Array.isArray(reply.result)
    ? reply.result.find((part): part is Error => part instanceof Error)
    : undefined;
  return inner === undefined ? reply : { error: inner.message };
}

function failure(error: unknown): Reply {
  if (isServerError(error)) return { error: error.message };
  throw new RedisConnectionError("The connection to Redis broke before the answer came.", true, error);
}

function isServerError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "ERR_REDIS_SERVER_ERROR";
}

function notOverTcp(path: string): TypeError {
  return new TypeError(
    `The REST path ${path} does not exist over TCP: expected none, pipeline or multi-exec.`,
  );
}
