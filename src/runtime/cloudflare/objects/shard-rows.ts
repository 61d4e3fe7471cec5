/** What a shard remembers in its own database: connections, who follows what, and how far each room has told. */

import type { SqlStorage } from "@cloudflare/workers-types";
import type { SavedSubscription } from "../../../hubs/subscriptions.ts";
import type { StreamTransport } from "../../../signalr/transports/endpoint.ts";
import type { Position } from "../../../tasks/task.ts";

const SCHEMA = `
  CREATE TABLE connections (
    id TEXT PRIMARY KEY, token TEXT NOT NULL, hub TEXT NOT NULL, transport TEXT NOT NULL,
    principal TEXT NOT NULL, session TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE subscriptions (
    connection TEXT NOT NULL, target TEXT NOT NULL, vocabulary TEXT NOT NULL, PRIMARY KEY (connection, target)
  ) WITHOUT ROWID;
  CREATE TABLE rooms (name TEXT PRIMARY KEY, epoch TEXT, seq INTEGER NOT NULL) WITHOUT ROWID;
`;

/** Principal and session are JSON. */
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

export class ShardRows {
  readonly #sql: SqlStorage;
  /** A shard that never held a connection stores nothing. */
  #made: boolean;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#made = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'connections'").toArray().length > 0;
  }

  connections(): ConnectionRow[] {
    return this.#made ? this.#sql.exec<ConnectionRow>("SELECT * FROM connections").toArray() : [];
  }

  subscriptions(): SubscriptionRow[] {
    return this.#made ? this.#sql.exec<SubscriptionRow>("SELECT * FROM subscriptions").toArray() : [];
  }

  rooms(): RoomRow[] {
    if (!this.#made) return [];
    return this.#sql
      .exec<{ name: string; epoch: string | null; seq: number }>("SELECT * FROM rooms")
      .toArray()
      .map(({ name, epoch, seq }) => ({ name, position: epoch === null ? null : { epoch, seq } }));
  }

  putConnection({ id, token, hub, transport, principal, session }: ConnectionRow): void {
    this.#put(
      "INSERT OR REPLACE INTO connections VALUES (?, ?, ?, ?, ?, ?)",
      id,
      token,
      hub,
      transport,
      principal,
      session,
    );
  }

  /** With its subscriptions. */
  deleteConnection(id: string): void {
    this.#delete("DELETE FROM connections WHERE id = ?", id);
    this.#delete("DELETE FROM subscriptions WHERE connection = ?", id);
  }

  putSubscription({ connection, target, vocabulary }: SubscriptionRow): void {
    this.#put("INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?)", connection, target, vocabulary);
  }

  deleteSubscription(connection: string, target: string): void {
    this.#delete("DELETE FROM subscriptions WHERE connection = ? AND target = ?", connection, target);
  }

  putRoom({ name, position }: RoomRow): void {
    this.#put(
      "INSERT OR REPLACE INTO rooms VALUES (?, ?, ?)",
      name,
      position?.epoch ?? null,
      position?.seq ?? 0,
    );
  }

  deleteRoom(name: string): void {
    this.#delete("DELETE FROM rooms WHERE name = ?", name);
  }

  #put(query: string, ...values: (string | number | null)[]): void {
    if (!this.#made) {
      this.#sql.exec(SCHEMA);
      this.#made = true;
    }
    this.#sql.exec(query, ...values);
  }

  #delete(query: string, ...values: string[]): void {
    if (this.#made) this.#sql.exec(query, ...values);
  }
}
