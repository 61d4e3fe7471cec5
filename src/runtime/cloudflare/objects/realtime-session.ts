/**
 * One open realtime session as a Durable Object: it holds the session's lease in the store and its counters, so that a
 * deploy or an eviction loses neither. The counters are kept in the object's own database as they come, and in the
 * shared store at each renewal, which the alarm brings: memory and timers go with the object, alarms do not.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState } from "@cloudflare/workers-types";
import type {
  OpenSessionOutcome,
  SessionCounters,
  SessionDraft,
  SessionEnd,
  SessionLimits,
} from "../../../realtime/session-store.ts";
import { describeError } from "../../../tasks/ports/log.ts";
import type { Bindings, SessionCalls } from "../bindings.ts";
import { partsOf } from "../parts.ts";

/** Without a renewal a session counts as lost after this, ms: two renewals may fail. */
const LEASE_MS = 120_000;
/** Between two renewals, ms. Each is a call of the store and keeps the object in memory a moment. */
const RENEW_MS = 45_000;
/** A renewal that failed is repeated after this, ms. */
const RETRY_MS = 5_000;

type Held = { id: string; fence: number; counters: SessionCounters };

export class RealtimeSession extends DurableObject<Bindings> implements SessionCalls {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS session (id TEXT PRIMARY KEY, fence INTEGER NOT NULL, counters TEXT NOT NULL)",
    );
  }

  /** Opens the session in the store and keeps it open from here on. An object holds one session in its life. */
  async open(draft: SessionDraft, limits: SessionLimits): Promise<OpenSessionOutcome> {
    const outcome = await partsOf(this.env).store.openSession(draft, limits, LEASE_MS);
    if (outcome.outcome === "opened") {
      const { id, fence, counters } = outcome.session;
      this.#keep({ id, fence, counters });
      await this.ctx.storage.setAlarm(Date.now() + RENEW_MS);
    }
    return outcome;
  }

  /** Adds to the counters; negative and unfinite amounts are left out. False when no session is open here. */
  async count(amounts: SessionCounters): Promise<boolean> {
    const held = this.#held();
    if (held === null) return false;
    const counters: Record<string, number> = { ...held.counters };
    for (const [name, amount] of Object.entries(amounts))
      if (Number.isFinite(amount) && amount > 0) counters[name] = (counters[name] ?? 0) + amount;
    this.#keep({ ...held, counters });
    return true;
  }

  /** Ends and settles the session, with the counters as they are here. False when it had ended before. */
  async end({
    closeReason,
    chargedMicros,
  }: Pick<SessionEnd, "closeReason" | "chargedMicros">): Promise<boolean> {
    const held = this.#held();
    if (held === null) return false;
    const { id, fence, counters } = held;
    const ended = await partsOf(this.env).store.endSession(id, fence, {
      closeReason,
      chargedMicros,
      counters,
    });
    await this.#forget();
    return ended;
  }

  /** Renews the lease. A session that somebody else ended is let go. */
  override async alarm(): Promise<void> {
    const held = this.#held();
    if (held === null) return;
    const { store, log } = partsOf(this.env);
    try {
      if (!(await store.renewSession(held.id, held.fence, LEASE_MS, held.counters))) {
        await this.#forget();
        return;
      }
      await this.ctx.storage.setAlarm(Date.now() + RENEW_MS);
    } catch (error) {
      log.warn("a session's lease could not be renewed", { sessionId: held.id, cause: describeError(error) });
      await this.ctx.storage.setAlarm(Date.now() + RETRY_MS);
    }
  }

  #held(): Held | null {
    const [row] = this.ctx.storage.sql
      .exec<{ id: string; fence: number; counters: string }>("SELECT id, fence, counters FROM session")
      .toArray();
    return row === undefined
      ? null
      : { id: row.id, fence: row.fence, counters: JSON.parse(row.counters) as SessionCounters };
  }

  #keep({ id, fence, counters }: Held): void {
    this.ctx.storage.sql.exec(
      "INSERT OR REPLACE INTO session (id, fence, counters) VALUES (?, ?, ?)",
      id,
      fence,
      JSON.stringify(counters),
    );
  }

  async #forget(): Promise<void> {
    this.ctx.storage.sql.exec("DELETE FROM session");
    await this.ctx.storage.deleteAlarm();
  }
}
