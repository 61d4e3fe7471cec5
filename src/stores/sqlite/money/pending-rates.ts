/** Requests of keys during a commit: as they are stored, or as its steps have left them. */

import { NO_REQUESTS, type RateState } from "../../../accounts/money/request-rate.ts";
import type { Sql } from "../../sql.ts";

const STATE = "SELECT full_at, day, requests FROM request_rates WHERE key_id = ?";
const KEEP = `INSERT INTO request_rates (key_id, full_at, day, requests) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT (key_id) DO UPDATE SET full_at = ?2, day = ?3, requests = ?4`;

export class PendingRates {
  readonly #states = new Map<string, RateState>();

  state(sql: Sql, keyId: string): RateState {
    const kept = this.#states.get(keyId);
    if (kept !== undefined) return kept;
    const row = sql.get(STATE, keyId);
    if (row === null) return NO_REQUESTS;
    return { fullAt: row.full_at as number, day: row.day as number, requests: row.requests as number };
  }

  /** Keeps the state that was decided. */
  keep(keyId: string, state: RateState): void {
    this.#states.set(keyId, state);
  }

  write(sql: Sql): void {
    for (const [keyId, { fullAt, day, requests }] of this.#states)
      sql.run(KEEP, keyId, fullAt, day, requests);
    this.forget();
  }

  forget(): void {
    this.#states.clear();
  }
}
