/**
 * A shard's connections across hibernation: which of them can hibernate, what is stored of those, and how they are
 * restored. What changes seldom is a row; when the client was last heard is attached to its socket.
 */

import type { Principal } from "../../accounts/principal.ts";
import { CLOSE_RESTART } from "../../protocol/close-codes.ts";
import type {
  HubConnectionSettings,
  SavedHubConnection,
} from "../../signalr/connection/hub-connection-options.ts";
import type { Hub, HubConnection } from "../../signalr/hub.ts";
import type { HubConnections } from "../../signalr/transports/connections.ts";
import type { HubEndpoint, StreamTransport } from "../../signalr/transports/endpoint.ts";
import { HubSocket, type HubSocketClock } from "../../signalr/transports/hub-socket.ts";
import type { ConnectionRow, ShardRows } from "./shard-rows.ts";

const RESTARTED = "the connection was lost; reconnect";

/** What is attached to a socket. Everything else of its connection is a row. */
export type SocketAttachment = {
  readonly connectionId: string;
  /** Wall clock, ms. */
  readonly heardAt: number;
};

/** A socket of before the hibernation. */
export interface SurvivingSocket {
  /** Null when nothing was attached yet. */
  readonly attachment: SocketAttachment | null;
  /** Continues the connection over this socket. */
  restore(hubSocket: HubSocket<Principal>, saved: SavedHubConnection): HubConnection<Principal>;
  close(code: number, reason: string): void;
}

/** The shard's sockets. */
export interface HibernatingSockets {
  /** Those that are open. */
  survivors(): Iterable<SurvivingSocket>;
  /**
   * The socket of a connection, to which the time of its client's last message can be attached; null without a socket.
   */
  of(connectionId: string): { attachHeardAt(heardAt: number): void } | null;
}

export type HibernatedConnectionsDependencies = {
  readonly rows: Pick<ShardRows, "connections" | "putConnection" | "deleteConnection">;
  readonly sockets: HibernatingSockets;
  readonly connections: HubConnections<Principal>;
  readonly hubs: Readonly<Record<string, Hub<Principal>>>;
  readonly connectionSettings: HubConnectionSettings;
  readonly clock: HubSocketClock;
};

export class HibernatedConnections {
  readonly #dependencies: HibernatedConnectionsDependencies;
  /** The stored state of each connection, as JSON. */
  readonly #stored = new Map<string, string>();
  /** Connections that could not be stored when last checked, or whose state changes without a message. */
  readonly #unsettled = new Map<string, HubEndpoint<Principal>>();

  constructor(dependencies: HibernatedConnectionsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Restores the connections whose sockets are still open and returns them by id; deletes the rows of the others. */
  restore(): ReadonlyMap<string, HubConnection<Principal>> {
    const { rows, sockets, clock } = this.#dependencies;
    const restored = new Map<string, HubConnection<Principal>>();
    const stored = new Map(rows.connections().map((row) => [row.id, row]));
    const principals = new Map<string, Principal>();
    for (const socket of sockets.survivors()) {
      const { attachment } = socket;
      const row = attachment === null ? undefined : stored.get(attachment.connectionId);
      if (attachment === null || row === undefined) {
        socket.close(CLOSE_RESTART, RESTARTED);
        continue;
      }
      const principal = principals.get(row.principal) ?? (JSON.parse(row.principal) as Principal);
      principals.set(row.principal, principal);
      const endpoint = this.#endpoint(row, principal);
      if (endpoint === null) {
        // Its hub is no longer served; the row is deleted below, with those that have no socket.
        socket.close(CLOSE_RESTART, RESTARTED);
        continue;
      }
      stored.delete(row.id);
      const saved: SavedHubConnection = {
        ...(JSON.parse(row.session) as StoredConnection),
        heardAt: attachment.heardAt,
      };
      this.#stored.set(row.id, row.session);
      if (saved.streams.length > 0) this.#unsettled.set(row.id, endpoint);
      restored.set(row.id, socket.restore(new HubSocket(endpoint, row.transport, clock), saved));
    }
    for (const id of stored.keys()) rows.deleteConnection(id);
    return restored;
  }

  /** Stores what has changed. False while hibernation would lose something. */
  saveAll(): boolean {
    let settled = true;
    for (const endpoint of [...this.#unsettled.values()]) if (!this.save(endpoint)) settled = false;
    const { connections } = this.#dependencies;
    if (this.#stored.size === connections.size) return settled;
    // Those that are new.
    for (const endpoint of connections.endpoints())
      if (!this.#stored.has(endpoint.connectionId) && !this.save(endpoint)) settled = false;
    return settled;
  }

  /** Stores what has changed of one connection. False while hibernation would lose something of it. */
  save(endpoint: HubEndpoint<Principal>): boolean {
    const { connectionId: id, connection, transport } = endpoint;
    const saved = connection?.save() ?? null;
    const socket = this.#dependencies.sockets.of(id);
    if (saved === null || socket === null || transport === null || transport === "LongPolling") {
      // Without a stored state the connection is known to be new when its shard wakes.
      if (this.#stored.has(id)) this.#unsettled.set(id, endpoint);
      return false;
    }
    // A stream can end without a message of the client.
    if (saved.streams.length > 0) this.#unsettled.set(id, endpoint);
    else this.#unsettled.delete(id);
    const { heardAt, ...rest } = saved;
    socket.attachHeardAt(heardAt);
    this.#put(endpoint, transport, JSON.stringify(rest satisfies StoredConnection));
    return true;
  }

  /** The connection has ended. */
  forget(id: string): void {
    this.#unsettled.delete(id);
    this.#stored.delete(id);
    // Also of one that was not stored yet: its subscriptions may have been.
    this.#dependencies.rows.deleteConnection(id);
  }

  #put(endpoint: HubEndpoint<Principal>, transport: StreamTransport, session: string): void {
    const { connectionId: id } = endpoint;
    if (this.#stored.get(id) === session) return;
    this.#stored.set(id, session);
    this.#dependencies.rows.putConnection({
      id,
      token: endpoint.token,
      hub: this.#nameOf(endpoint.hub),
      transport,
      principal: JSON.stringify(endpoint.principal),
      session,
    });
  }

  #endpoint(row: ConnectionRow, principal: Principal): HubEndpoint<Principal> | null {
    const { connections, hubs, connectionSettings, clock } = this.#dependencies;
    const hub = hubs[row.hub];
    if (hub === undefined) return null;
    return connections.add(
      {
        token: row.token,
        owner: principal.keyId,
        hub,
        settings: connectionSettings,
        transports: [row.transport],
        pings: "answered",
        connectionId: row.id,
        principal,
        bare: false,
        statefulReconnect: false,
      },
      clock.monotonic(),
    );
  }

  #nameOf(hub: Hub<Principal>): string {
    const found = Object.entries(this.#dependencies.hubs).find(([, known]) => known === hub);
    if (found === undefined) throw new Error("A connection is on a hub that is not served");
    return found[0];
  }
}

type StoredConnection = Omit<SavedHubConnection, "heardAt">;
