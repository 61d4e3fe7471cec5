/**
 * What a shard stores across hibernation: its connections, their subscriptions, and the position of each room it
 * joined.
 */

import type { StreamTransport } from "../../signalr/transports/endpoint.ts";
import type { Position } from "../../tasks/task.ts";
import type { SavedSubscription } from "../subscriptions.ts";

/** Principal and session (a `SavedHubConnection` without `heardAt`) are JSON. */
export type ConnectionRow = {
  readonly id: string;
  readonly token: string;
  readonly hub: string;
  readonly transport: StreamTransport;
  readonly principal: string;
  readonly session: string;
};

export type SubscriptionRow = SavedSubscription & { readonly connection: string };

/** A room this shard has joined; its position is null until its first subscriber has begun. */
export type RoomRow = { readonly name: string; readonly position: Position | null };

/**
 * A shard's own tables. A `put` MUST replace the row of the same key; every write MUST survive the shard's hibernation.
 */
export interface ShardRows {
  connections(): ConnectionRow[];
  putConnection(row: ConnectionRow): void;
  /** MUST delete the connection's subscriptions as well. */
  deleteConnection(id: string): void;
  subscriptions(): SubscriptionRow[];
  putSubscription(row: SubscriptionRow): void;
  deleteSubscription(connection: string, target: string): void;
  rooms(): RoomRow[];
  putRoom(row: RoomRow): void;
  deleteRoom(name: string): void;
}
