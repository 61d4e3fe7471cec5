/**
 * Connections across a shard's sleep: which of them can sleep, what is kept of those, and how they are put together
 * again. What is kept changes seldom and is a row; when a client was heard last is attached to its socket.
 */

import type { DurableObjectState } from "@cloudflare/workers-types";
import type { Principal } from "../../accounts/principal.ts";
import { HubSocket } from "../../http/hub-socket.ts";
import type { HubConnections } from "../../hubs/connections.ts";
import type { HubEndpoint } from "../../hubs/endpoint.ts";
import type { Hub, HubConnection } from "../../hubs/hub.ts";
import type { TransportName } from "../../hubs/negotiation.ts";
import type { SavedSession, SessionSettings } from "../../hubs/session-settings.ts";
import { isOpen } from "./room-socket.ts";
import type { ConnectionRow, ShardRows } from "./shard-rows.ts";
import { recallSocket } from "./shard-socket.ts";
import type { ShardSockets } from "./shard-sockets.ts";

/** A socket that nothing is known of: its client comes again and begins anew. */
const CLOSE_RESTARTED = 1012;
const RESTARTED = "the connection was lost; reconnect";

export type ShardMemoryDependencies = {
  readonly state: Pick<DurableObjectState, "getWebSockets">;
  readonly rows: ShardRows;
  readonly sockets: ShardSockets;
  readonly connections: HubConnections<Principal>;
  readonly hubs: Readonly<Record<string, Hub<Principal>>>;
  readonly session: SessionSettings;
  readonly now: () => number;
};

export class ShardMemory {
  readonly #dependencies: ShardMemoryDependencies;
  /** What is kept of each connection, as text. */
  readonly #kept = new Map<string, string>();

  constructor(dependencies: ShardMemoryDependencies) {
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
      const memory = recallSocket(native);
      const row = memory === null ? undefined : kept.get(memory.connectionId);
      if (memory === null || row === undefined) {
        native.close(CLOSE_RESTARTED, RESTARTED);
        continue;
      }
      kept.delete(row.id);
      const principal = principals.get(row.principal) ?? (JSON.parse(row.principal) as Principal);
      principals.set(row.principal, principal);
      const endpoint = this.#endpoint(row, principal);
      if (endpoint === null) continue;
      const saved: SavedSession = { ...(JSON.parse(row.session) as KeptSession), heardAt: memory.heardAt };
      const hubSocket = new HubSocket(endpoint, row.transport, this.#dependencies.now);
      this.#kept.set(row.id, row.session);
      restored.set(row.id, this.#dependencies.sockets.restore(native, hubSocket, saved));
    }
    for (const id of kept.keys()) rows.deleteConnection(id);
    return restored;
  }

  /** Keeps what has changed of a connection. False while something of it would be lost in a sleep. */
  keep(endpoint: HubEndpoint<Principal>): boolean {
    const { rows, sockets } = this.#dependencies;
    const { connectionId: id, session, transport } = endpoint;
    const saved = session?.save() ?? null;
    const socket = sockets.of(id);
    if (saved === null || socket === null || transport === null || transport === "LongPolling") return false;
    const { heardAt, ...rest } = saved;
    socket.remember(heardAt);
    const text = JSON.stringify(rest satisfies KeptSession);
    if (this.#kept.get(id) === text) return true;
    this.#kept.set(id, text);
    rows.putConnection({
      id,
      token: endpoint.token,
      hub: this.#nameOf(endpoint.hub),
      transport,
      principal: JSON.stringify(endpoint.principal),
      session: text,
    });
    return true;
  }

  /** The connection has ended. */
  forget(id: string): void {
    if (this.#kept.delete(id)) this.#dependencies.rows.deleteConnection(id);
  }

  #endpoint(row: ConnectionRow, principal: Principal): HubEndpoint<Principal> | null {
    const { connections, hubs, session, now } = this.#dependencies;
    const hub = hubs[row.hub];
    if (hub === undefined) return null;
    return connections.add(
      {
        token: row.token,
        owner: principal.keyId,
        hub,
        settings: session,
        transports: [row.transport satisfies TransportName],
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

type KeptSession = Omit<SavedSession, "heardAt">;
