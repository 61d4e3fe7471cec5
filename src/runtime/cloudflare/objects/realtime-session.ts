/**
 * One voice session as a Durable Object: both sockets end here, and each of their messages resets the object's limit of CPU time.
 * A deploy or a crash cuts them; what was used is kept in the object's own database, and its alarm settles the session then. The
 * alarm also keeps a silent session's object in memory: an outgoing socket alone holds it for 15 minutes at most, and some two
 * minutes of silence evict it (Cloudflare docs, "Lifecycle of a Durable Object").
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState } from "@cloudflare/workers-types";
import { keyEndOf } from "../../../accounts/key-watch.ts";
import { createVoice } from "../../../compose/voice.ts";
import { ApiError } from "../../../protocol/error.ts";
import { END } from "../../../realtime/session/endings.ts";
import { LOST_SESSION, type Session, type SessionCounters } from "../../../realtime/session-store.ts";
import type { SessionJournal } from "../../../realtime/usage/session-journal.ts";
import { sessionCost, sessionPriceOf } from "../../../realtime/usage/session-price.ts";
import type { VoiceOpening } from "../../../realtime/voice-admission.ts";
import type { VoiceService } from "../../../realtime/voice-service.ts";
import type { SocketHandler } from "../../../sockets/socket-upgrade.ts";
import { describeError } from "../../../tasks/ports/log.ts";
import type { Bindings, RefusedSession, SessionCalls } from "../bindings.ts";
import { FetchDialer } from "../clients/fetch-dialer.ts";
import { partsOf } from "../parts.ts";
import { socketAnswer } from "../socket-answer.ts";
import { acceptFor } from "./session-socket.ts";

/** Between two alarms of an open session, ms. */
const ALARM_MS = 45_000;
/** The socket has to come so soon after the opening, ms. */
const ATTACH_MS = 10_000;
/** A settlement that failed is tried again after this, ms. */
const RETRY_MS = 5_000;

type Held = { id: string; fence: number; keyId: string; counters: SessionCounters };

export class RealtimeSession extends DurableObject<Bindings> implements SessionCalls {
  #voice: VoiceService | null = null;
  /** Serves the client's socket; null before the opening, and once the socket has come. */
  #waiting: SocketHandler | null = null;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS voice_session (id TEXT PRIMARY KEY, fence INTEGER NOT NULL, key_id TEXT NOT NULL, counters TEXT NOT NULL)",
    );
  }

  /** Opens the session; its socket has to come with `fetch` then. Answers why there is none, or null. */
  async open(opening: VoiceOpening): Promise<RefusedSession | null> {
    const { settings, voice, store, clock, log } = partsOf(this.env);
    this.#voice ??= createVoice({
      settings,
      models: voice.models,
      store,
      clock,
      log,
      host: {
        dialer: new FetchDialer(),
        fetch: (url, init) => fetch(url, init),
        journal: this.#journal(),
      },
      embedded: false,
    });
    try {
      this.#waiting = await this.#voice.open(opening);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { code, message, param, retryAfterSeconds } = error;
      return { code, message, param, retryAfterSeconds };
    }
    await this.ctx.storage.setAlarm(Date.now() + ATTACH_MS);
    return null;
  }

  /** The client's socket. */
  override async fetch(): Promise<Response> {
    const handler = this.#waiting;
    this.#waiting = null;
    if (handler === null) return new Response(null, { status: 410 });
    const { 0: client, 1: server } = new WebSocketPair();
    acceptFor(server, handler);
    return socketAnswer(client);
  }

  /** Ends the session: its owner or an operator wants it. */
  async terminate(): Promise<boolean> {
    const held = this.#held();
    if (held === null) return false;
    if (this.#voice?.close(held.id, END.terminated)) return true;
    await this.#settle(held, "terminated");
    return true;
  }

  override async alarm(): Promise<void> {
    const held = this.#held();
    if (held === null) return;
    this.#waiting?.closed();
    this.#waiting = null;
    const voice = this.#voice;
    if (voice === null || voice.openCount === 0) {
      await this.#settle(held, LOST_SESSION);
      return;
    }
    await this.ctx.storage.setAlarm(Date.now() + ALARM_MS);
    const { store, clock, log } = partsOf(this.env);
    try {
      const end = keyEndOf(await store.getKey(held.keyId), clock.now());
      if (end !== null) voice.closeKey(held.keyId, end);
    } catch (error) {
      log.warn("a voice session's key could not be checked", {
        sessionId: held.id,
        cause: describeError(error),
      });
    }
  }

  /** Settles what was cut off, by what was counted here. */
  async #settle({ id, fence, counters }: Held, closeReason: string): Promise<void> {
    const { store, log } = partsOf(this.env);
    try {
      const session = await store.findSession(id);
      const costMicros = sessionCost(sessionPriceOf(session?.price ?? null), counters);
      await store.endSession(id, fence, { closeReason, counters, costMicros });
      this.#forget();
    } catch (error) {
      log.warn("a voice session could not be settled", { sessionId: id, cause: describeError(error) });
      await this.ctx.storage.setAlarm(Date.now() + RETRY_MS);
    }
  }

  #journal(): SessionJournal {
    const { sql } = this.ctx.storage;
    return {
      opened: ({ id, fence, keyId, counters }: Session) => {
        sql.exec(
          "INSERT OR REPLACE INTO voice_session (id, fence, key_id, counters) VALUES (?, ?, ?, ?)",
          id,
          fence,
          keyId,
          JSON.stringify(counters),
        );
      },
      keep: (id, counters) => {
        sql.exec("UPDATE voice_session SET counters = ? WHERE id = ?", JSON.stringify(counters), id);
      },
      ended: () => this.#forget(),
    };
  }

  #held(): Held | null {
    const [row] = this.ctx.storage.sql
      .exec<{ id: string; fence: number; key_id: string; counters: string }>(
        "SELECT id, fence, key_id, counters FROM voice_session",
      )
      .toArray();
    if (row === undefined) return null;
    const { id, fence, key_id: keyId } = row;
    return { id, fence, keyId, counters: JSON.parse(row.counters) as SessionCounters };
  }

  #forget(): void {
    this.ctx.storage.sql.exec("DELETE FROM voice_session");
    void this.ctx.storage.deleteAlarm();
  }
}
