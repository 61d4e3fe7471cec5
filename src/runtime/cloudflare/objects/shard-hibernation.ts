/**
 * Connections across a shard's sleep: which of them can sleep, what is kept of those, and how they are put together
 * again. What is kept changes seldom and is a row; when a client was heard last is attached to its socket.
 */

import type { DurableObjectState } from "@cloudflare/workers-types";
import type { Principal } from "../../../accounts/principal.ts";
import { HubSocket } from "../../../http/streams/hub-socket.ts";
import { CLOSE_RESTART } from "../../../protocol/close-codes.ts";
import type {
  HubConnectionSettings,
  SavedHubConnection,
} from "../../../signalr/connection/hub-connection-options.ts";
import type { Hub, HubConnection } from "../../../signalr/hub.ts";
import type { HubConnections } from "../../../signalr/transports/connections.ts";
import type { HubEndpoint, StreamTransport } from "../../../signalr/transports/endpoint.ts";
import { isOpen } from "./room-socket.ts";
import type { ConnectionRow, ShardRows } from "./shard-rows.ts";
import { readSocketAttachment, type ShardSocket } from "./shard-socket.ts";
import type { ShardSockets } from "./shard-sockets.ts";

const RESTARTED = "the connection was lost; reconnect";

export type HibernatedConnectionsDependencies = {
  readonly state: Pick<DurableObjectState, "getWebSockets">;
  readonly rows: Pick<ShardRows, "connections" | "putConnection" | "deleteConnection">;
  readonly sockets: {
    of(connectionId: string): Pick<ShardSocket, "remember"> | null;
    restore: ShardSockets["restore"];
  };
  readonly connections: HubConnections<Principal>;
  readonly hubs: Readonly<Record<string, Hub<Principal>>>;
  readonly connectionSettings: HubConnectionSettings;
  readonly now: () => number;
};

export class HibernatedConnections {
  readonly #dependencies: HibernatedConnectionsDependencies;
  /** What is kept of each connection, as text. */
  readonly #kept = new Map<string, string>();
  /** Connections that could not be kept when last looked at, or may change by themselves. */
  readonly #unsettled = new Map<string, HubEndpoint<Principal>>();

  constructor(dependencies: HibernatedConnectionsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Puts the connections together whose sockets are still there; answers them by their ids, and forgets the others. */
  restore(): ReadonlyMap<string, HubConnection<Principal>> {
    const { state, rows } = this.#dependencies;
    const restored = new Map<string, HubConnection<Principal>>();
    const kept = new Map(rows.connections().map((row) => [row.id, row]));
    const principals = new Map<string, Principal>();
    for (const native of state.getWebSockets()) {
      if (!isOpen(native)) continue;
      const memory = readSocketAttachment(native);
      const row = memory === null ? undefined : kept.get(memory.connectionId);
      if (memory === null || row === undefined) {
        native.close(CLOSE_RESTART, RESTARTED);
        continue;
      }
      const principal = principals.get(row.principal) ?? (JSON.parse(row.principal) as Principal);
      principals.set(row.principal, principal);
      const endpoint = this.#endpoint(row, principal);
      if (endpoint === null) {
        // Its hub is not served any more; the row goes with those that have no socket.
        native.close(CLOSE_RESTART, RESTARTED);
        continue;
      }
      kept.delete(row.id);
      const saved: SavedHubConnection = {
        ...(JSON.parse(row.session) as StoredHubConnection),
        heardAt: memory.heardAt,
      };
      const hubSocket = new HubSocket(endpoint, row.transport, this.#dependencies.now);
      this.#kept.set(row.id, row.session);
      if (saved.streams.length > 0) this.#unsettled.set(row.id, endpoint);
      restored.set(row.id, this.#dependencies.sockets.restore(native, hubSocket, saved));
    }
    for (const id of kept.keys()) rows.deleteConnection(id);
    return restored;
  }

  /** Keeps what has changed. False while something would be lost in a sleep. */
  settle(): boolean {
    let settled = true;
    for (const endpoint of [...this.#unsettled.values()]) if (!this.keep(endpoint)) settled = false;
    const { connections } = this.#dependencies;
    if (this.#kept.size === connections.size) return settled;
    // Those that are new.
    for (const endpoint of connections.endpoints())
      if (!this.#kept.has(endpoint.connectionId) && !this.keep(endpoint)) settled = false;
    return settled;
  }

  /** Keeps what has changed of a connection. False while something of it would be lost in a sleep. */
  keep(endpoint: HubEndpoint<Principal>): boolean {
    const { connectionId: id, connection, transport } = endpoint;
    const saved = connection?.save() ?? null;
    const socket = this.#dependencies.sockets.of(id);
    if (saved === null || socket === null || transport === null || transport === "LongPolling") {
      // One that was never kept is found by that.
      if (this.#kept.has(id)) this.#unsettled.set(id, endpoint);
      return false;
    }
    // Streams end by themselves.
    if (saved.streams.length > 0) this.#unsettled.set(id, endpoint);
    else this.#unsettled.delete(id);
    const { heardAt, ...rest } = saved;
    socket.remember(heardAt);
    this.#write(endpoint, transport, JSON.stringify(rest satisfies StoredHubConnection));
    return true;
  }

  /** The connection has ended. */
  forget(id: string): void {
    this.#unsettled.delete(id);
    this.#kept.delete(id);
    // Also of one that was not kept yet: subscriptions are kept by themselves.
    this.#dependencies.rows.deleteConnection(id);
  }

  #write(endpoint: HubEndpoint<Principal>, transport: StreamTransport, stored: string): void {
    const { connectionId: id } = endpoint;
    if (this.#kept.get(id) === stored) return;
    this.#kept.set(id, stored);
    this.#dependencies.rows.putConnection({
      id,
      token: endpoint.token,
      hub: this.#nameOf(endpoint.hub),
      transport,
      principal: JSON.stringify(endpoint.principal),
      session: stored,
    });
  }

  #endpoint(row: ConnectionRow, principal: Principal): HubEndpoint<Principal> | null {
    const { connections, hubs, connectionSettings, now } = this.#dependencies;
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
      now(),
    );
  }

  #nameOf(hub: Hub<Principal>): string {
    const found = Object.entries(this.#dependencies.hubs).find(([, known]) => known === hub);
    if (found === undefined) throw new Error("A connection is on a hub that is not served");
    return found[0];
  }
}

type StoredHubConnection = Omit<SavedHubConnection, "heardAt">;
