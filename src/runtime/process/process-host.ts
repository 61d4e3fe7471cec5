/** What a JavaScript runtime brings so that Conduit can be one of its processes. Everything else is shared. */

import type { Host } from "../../http/host.ts";
import type { SocketUpgrade } from "../../http/socket-upgrade.ts";
import type { Topics } from "../../rooms/follower.ts";
import type { SqliteConnection } from "./sqlite-file.ts";

export interface ProcessHost {
  /** Opens or creates a database, `:memory:` too. Throws `StoreUnavailableError`. */
  openSqlite(path: string): SqliteConnection;
  /** A server that does not listen yet. */
  createListener(): Listener;
}

export interface Listener {
  readonly host: Host;
  readonly sockets: SocketUpgrade;
  readonly topics: Topics;
  /**
   * Listens from here on; port 0 takes a free one. Throws an error with the system's `code` (`EADDRINUSE`, …) when the
   * address cannot be had.
   */
  listen(address: Address, answer: Answer): Listening;
}

export type Address = { readonly host: string; readonly port: number };
export type Answer = (request: Request) => Response | Promise<Response>;

export interface Listening {
  readonly port: number;
  /** Takes no more connections; resolves once those there are have ended. */
  drain(): Promise<void>;
  /** Cuts what is left. */
  cut(): Promise<void>;
}
