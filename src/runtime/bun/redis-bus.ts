/**
 * The instances' bus over Redis's publish/subscribe: messages leave through the commands' connection and come in on a
 * connection of their own, which is opened again when it is lost or has gone silent.
 */

import { RedisClient } from "bun";
import type { RedisConnection } from "../../config/redis-connection.ts";
import type { InstanceBus } from "../../tasks/ports/instance-bus.ts";
import { type RedisRequester, redisAddress } from "./redis-requester.ts";

export type RedisBusOptions = {
  connection: RedisConnection;
  /** Sends what is published. */
  requester: RedisRequester;
  /** Tells this instance's messages from the others'; no spaces. */
  node: string;
  /** Prefix of every channel: Redis's channels are shared by all databases of a server (Redis docs, "Pub/Sub"). */
  prefix: string;
};

const CONNECT_LIMIT_MS = 2_000;
const RETRY_MS = 250;
/** A connection that answers no ping for three of these is gone, whatever the system thinks of it. */
const PING_MS = 5_000;
const SILENCE_MS = 15_000;
/** Messages on their way out; what comes beyond is lost, as the port allows, instead of kept. */
const MAX_PUBLISHING = 10_000;

export class RedisBus implements InstanceBus {
  readonly #connection: RedisConnection;
  readonly #requester: RedisRequester;
  readonly #node: string;
  readonly #prefix: string;
  /** By full name. */
  readonly #channels = new Map<string, Channel>();
  readonly #gapListeners: (() => void)[] = [];
  #client: RedisClient | null = null;
  /** Whether messages may have been lost since the subscriptions were last in force. */
  #gap = false;
  #publishing = 0;
  #closed = false;
  #retry: Timer | undefined;
  #ping: Timer | undefined;

  constructor({ connection, requester, node, prefix }: RedisBusOptions) {
    this.#connection = connection;
    this.#requester = requester;
    this.#node = node;
    this.#prefix = prefix;
    // The client leaves its subscriber mode with its last channel, so it always has one.
    this.#channels.set(this.#nameOf(`node/${node}`), { listener: () => {}, inForce: null });
    void this.#connect();
  }

  get connected(): boolean {
    return this.#client !== null;
  }

  publish(channel: string, message: string): void {
    if (!this.#requester.connected || this.#publishing >= MAX_PUBLISHING) return;
    this.#publishing += 1;
    const body = ["PUBLISH", this.#nameOf(channel), `${this.#node} ${message}`];
    this.#requester
      .request({ body })
      .catch(() => {})
      .finally(() => {
        this.#publishing -= 1;
      });
  }

  async subscribe(channel: string, listener: (message: string) => void): Promise<void> {
    const name = this.#nameOf(channel);
    let known = this.#channels.get(name);
    if (known === undefined) {
      known = { listener, inForce: null };
      this.#channels.set(name, known);
    }
    known.listener = listener;
    const client = this.#client;
    if (client === null) {
      this.#gap = true;
      return;
    }
    known.inForce ??= this.#subscribe(client, name);
    await known.inForce;
  }

  unsubscribe(channel: string): void {
    const name = this.#nameOf(channel);
    const known = this.#channels.get(name);
    if (known === undefined) return;
    this.#channels.delete(name);
    const client = this.#client;
    if (client === null) return;
    try {
      client.unsubscribe(name).catch(() => {});
    } catch {
      // The connection has only just come back and has no subscription in force: the client refuses to leave one.
      void known.inForce?.then(() => {
        if (this.#client === client && !this.#channels.has(name)) client.unsubscribe(name).catch(() => {});
      });
    }
  }

  onGap(listener: () => void): void {
    this.#gapListeners.push(listener);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#lose(this.#client);
  }

  async #connect(): Promise<void> {
    const client = new RedisClient(redisAddress(this.#connection), {
      autoReconnect: false,
      enableOfflineQueue: false,
      connectionTimeout: CONNECT_LIMIT_MS,
      idleTimeout: SILENCE_MS,
    });
    try {
      await client.connect();
    } catch {
      client.close();
      this.#connectLater();
      return;
    }
    if (this.#closed) return client.close();
    client.onclose = () => this.#lose(client);
    this.#client = client;
    this.#ping = setInterval(() => void client.send("PING", []).catch(() => {}), PING_MS);
    const channels = [...this.#channels];
    for (const [name, channel] of channels) channel.inForce = this.#subscribe(client, name);
    await Promise.all(channels.map(([, { inForce }]) => inForce));
    if (this.#client !== client || !this.#gap) return;
    this.#gap = false;
    for (const listener of this.#gapListeners) listener();
  }

  #connectLater(): void {
    if (!this.#closed) this.#retry = setTimeout(() => void this.#connect(), RETRY_MS);
  }

  /**
   * Never rejects: a connection that cannot subscribe is closed, and its waiters wait for the next one, which reports a
   * gap.
   */
  async #subscribe(client: RedisClient, name: string): Promise<void> {
    try {
      await client.subscribe(name, (message) => this.#heard(name, message));
    } catch {
      this.#lose(client);
    }
  }

  #heard(name: string, message: string): void {
    const space = message.indexOf(" ");
    if (message.slice(0, space) === this.#node) return;
    this.#channels.get(name)?.listener(message.slice(space + 1));
  }

  #lose(client: RedisClient | null): void {
    if (client === null || client !== this.#client) return;
    this.#client = null;
    this.#gap = true;
    clearInterval(this.#ping);
    for (const channel of this.#channels.values()) channel.inForce = null;
    client.onclose = null;
    client.close();
    this.#connectLater();
  }

  #nameOf(channel: string): string {
    return `${this.#prefix}${channel}`;
  }
}

type Channel = {
  listener: (message: string) => void;
  /** Resolves once the server has taken the subscription of this connection. */
  inForce: Promise<void> | null;
};
