/**
 * Why a Redis server gives no connection. Bun's client (1.4.5) reports `Connection closed` for a wrong password, an
 * unknown host and a closed port alike, so the connection is tried once more over a plain socket, whose answer is
 * reported.
 */

import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { RedisConnection } from "../../config/redis-connection.ts";

/** An error of the server begins with this; a client that has to log in can get no other kind of answer. */
const ERROR_MARK = "-";
/** What is read of an answer that is none of Redis, characters. */
const ANSWER_CHARACTERS = 200;

/**
 * Resolves with a phrase for people, never with the password; null when nothing is wrong any more, or nothing can be
 * said. Takes `limitMs` at most. Rejects where the connection is none that can be tried.
 */
export async function redisRefusal(connection: RedisConnection, limitMs: number): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const { host, port, tls } = connection;
  const socket = tls ? connectTls({ host, port }) : connect({ host, port });
  socket.once(tls ? "secureConnect" : "connect", () => socket.write(firstCommand(connection)));
  socket.setTimeout(limitMs, () => resolve(`no answer came within ${limitMs} ms`));
  socket.once("error", (error) => resolve(reasonOf(error)));
  socket.once("data", (bytes) => resolve(serverError(bytes.toString("latin1"))));
  socket.once("close", () => resolve("the server closed the connection"));
  return promise.finally(() => socket.destroy());
}

/** Logs in where there is a password; else a command that needs a login where the server has one. */
function firstCommand({ username, password }: RedisConnection): string {
  if (password === null) return command(["PING"]);
  return command(username === null ? ["AUTH", password] : ["AUTH", username, password]);
}

function command(words: readonly string[]): string {
  const texts = words.map((word) => `$${new TextEncoder().encode(word).length}\r\n${word}\r\n`);
  return `*${words.length}\r\n${texts.join("")}`;
}

function serverError(answer: string): string | null {
  const [line = ""] = answer.slice(0, ANSWER_CHARACTERS).split("\r\n");
  return line.startsWith(ERROR_MARK) ? line.slice(ERROR_MARK.length).replace(/\.$/, "") : null;
}

/** `getaddrinfo ENOTFOUND redis.example` is clearer than the code alone. */
function reasonOf(error: Error): string {
  return error.message !== "" ? error.message : "code" in error ? String(error.code) : error.name;
}
