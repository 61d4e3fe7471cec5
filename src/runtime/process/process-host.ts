/** What a JavaScript runtime brings so that Conduit can be one of its processes. Everything else is shared. */

import type { Requester } from "@upstash/redis";
import type { RedisConnection } from "../../config/redis-connection.ts";
import type { IdleLimit } from "../../http/idle-limit.ts";
import type { Topics } from "../../sockets/frame.ts";
import type { SocketUpgrade } from "../../sockets/socket-upgrade.ts";
import type { InstanceBus } from "../../tasks/ports/instance-bus.ts";
import type { SqliteConnection } from "./data/sqlite-file.ts";

export interface ProcessHost {
  /** Name and version, for operators. */
  readonly runtime: string;
  /** Opens or creates a database, `:memory:` too. Throws `StoreUnavailableError`. */
  openSqlite(path: string): SqliteConnection;
  /** Sends a request out; waits for the answer for as long as the caller does, even where the runtime would give up. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Makes the files of a web page that was not built, by their names; absent where the runtime has no bundler. */
  readonly buildPage?: (page: string) => Promise<PageBuild>;
  /** A server that does not listen yet. */
  createListener(): Listener;
  /** Connects to a Redis server over TCP, also one that is not there yet. Absent where the runtime has no client. */
  connectRedis?(connection: RedisConnection, instance: Instance): Promise<RedisLink>;
}

/** The files of a web page by their names; `index.html` is its document. */
export type PageBuild = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** One process among those that share a store. */
export type Instance = {
  /** Never the same twice; letters and digits. */
  readonly node: string;
  /** Begins the name of every key and channel. */
  readonly prefix: string;
};

export interface RedisLink {
  /** Sends the Upstash client's requests. */
  readonly requester: Requester;
  readonly bus: InstanceBus;
  close(): void;
}

export interface Listener {
  readonly host: IdleLimit;
  readonly sockets: SocketUpgrade;
  readonly topics: Topics;
  /**
   * Listens from here on; port 0 takes a free one. Throws an error with the system's `code` (`EADDRINUSE`, …) when the
   * address cannot be had.
   */
  listen(address: Address, answer: RequestHandler): Listening;
}

export type Address = {
  readonly host: string;
  readonly port: number;
  /** After which a silent connection is closed, where the runtime has such a limit. */
  readonly idleTimeoutSeconds: number;
  /** The largest message that a socket's handler takes, where the runtime has a limit as well; absent: less than the runtime's. */
  readonly messageBytes?: number;
};
export type RequestHandler = (request: Request) => Response | Promise<Response>;

export interface Listening {
  readonly port: number;
  /** Takes no more connections; resolves once those there are have ended. */
  drain(): Promise<void>;
  /** Cuts what is left. */
  cut(): Promise<void>;
}
