/** A shard's rows in the SQL of its Durable Object. */

import type { SqlStorage } from "@cloudflare/workers-types";
import type {
  ConnectionRow,
  RoomRow,
  ShardRows,
  SubscriptionRow,
} from "../../../hubs/sharding/shard-rows.ts";

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

export class SqlShardRows implements ShardRows {
  readonly #sql: SqlStorage;
  /** The tables are made with the first row: a shard that never held a connection stores nothing. */
  #hasTables: boolean;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#hasTables = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'connections'").toArray().length > 0;
  }

  connections(): ConnectionRow[] {
    return this.#hasTables ? this.#sql.exec<ConnectionRow>("SELECT * FROM connections").toArray() : [];
  }

  subscriptions(): SubscriptionRow[] {
    return this.#hasTables ? this.#sql.exec<SubscriptionRow>("SELECT * FROM subscriptions").toArray() : [];
  }

  rooms(): RoomRow[] {
    if (!this.#hasTables) return [];
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
    if (!this.#hasTables) {
      this.#sql.exec(SCHEMA);
      this.#hasTables = true;
    }
    this.#sql.exec(query, ...values);
  }

  #delete(query: string, ...values: string[]): void {
    if (this.#hasTables) this.#sql.exec(query, ...values);
  }
}
