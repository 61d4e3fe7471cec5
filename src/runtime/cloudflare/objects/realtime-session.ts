/**
 * One voice session as a Durable Object: both sockets end here, and each of their messages resets the object's limit of CPU time.
 * A deploy or a crash cuts them; what was used is kept in the object's own database, and its alarm settles the session then. The
 * alarm also keeps a silent session's object in memory: an outgoing socket alone holds it for 15 minutes at most, and some two
 * minutes of silence evict it (Cloudflare docs, "Lifecycle of a Durable Object").
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState } from "@cloudflare/workers-types";
import { keyEndOf } from "../../../accounts/keys/key-watch.ts";
import { createVoice } from "../../../compose/voice/voice.ts";
import { ApiError } from "../../../protocol/error.ts";
import { ArtefactFiles } from "../../../realtime/artefacts/artefact-files.ts";
import { END } from "../../../realtime/session/endings.ts";
import { LOST_SESSION, type Session, type SessionCounters } from "../../../realtime/session-store.ts";
import { LONGEST_CALL_MS } from "../../../realtime/usage/lost-sessions.ts";
import type { JournalledCall, SessionJournal } from "../../../realtime/usage/session-journal.ts";
import { sessionCost, sessionPriceOf } from "../../../realtime/usage/session-price.ts";
import type { VoiceOpening } from "../../../realtime/voice-admission.ts";
import type { VoiceService } from "../../../realtime/voice-service.ts";
import type { SocketHandler } from "../../../sockets/socket-upgrade.ts";
import { describeError } from "../../../tasks/ports/log.ts";
import type { Bindings, RefusedSession, SessionCalls } from "../bindings.ts";
import { FetchDialer } from "../clients/fetch-dialer.ts";
import { acceptFor } from "../live-socket.ts";
import { partsOf } from "../parts.ts";
import { socketAnswer } from "../socket-answer.ts";

/** Between two alarms of an open session, ms. */
const ALARM_MS = 45_000;
/** The socket has to come so soon after the opening, ms. */
const ATTACH_MS = 10_000;
/** A settlement that failed is tried again after this, ms. */
const RETRY_MS = 5_000;

/** Between two alarms of a call: one that finds its sideband cut attaches it again, ms. */
const CALL_ALARM_MS = 10_000;
const CONTROL_PATH = "/control";

type Held = {
  readonly id: string;
  readonly fence: number;
  readonly keyId: string;
  readonly counters: SessionCounters;
  readonly call: HeldCall | null;
};
/** `ending`: why it is being hung up; null while it goes on. */
type HeldCall = JournalledCall & { readonly ending: string | null };

export class RealtimeSession extends DurableObject<Bindings> implements SessionCalls {
  #voice: VoiceService | null = null;
  /** Serves the client's socket; null before the opening, and once the socket has come. */
  #waiting: SocketHandler | null = null;

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS voice_session (id TEXT PRIMARY KEY, fence INTEGER NOT NULL, key_id TEXT NOT NULL, counters TEXT NOT NULL)",
    );
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS voice_call (id TEXT PRIMARY KEY, call TEXT NOT NULL, ending TEXT)",
    );
  }

  /** Opens the session; its socket has to come with `fetch` then. Answers why there is none, or null. */
  async open(opening: VoiceOpening): Promise<RefusedSession | null> {
    try {
      this.#waiting = await this.#service().open(opening);
    } catch (error) {
      return refusalOf(error);
    }
    await this.ctx.storage.setAlarm(Date.now() + ATTACH_MS);
    return null;
  }

  /** Makes a call, whose sideband is held here. Answers with the provider's SDP, or why there is none. */
  async makeCall(opening: VoiceOpening, sdp: string): Promise<RefusedSession | { readonly sdp: string }> {
    try {
      const answer = await this.#service().calls.make(opening, sdp);
      await this.ctx.storage.setAlarm(Date.now() + CALL_ALARM_MS);
      return { sdp: answer };
    } catch (error) {
      return refusalOf(error);
    }
  }

  /** The client's socket: that of a session which was opened, or one beside a call. */
  override async fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const handler = pathname === CONTROL_PATH ? this.#control(search !== "") : this.#waiting;
    if (pathname !== CONTROL_PATH) this.#waiting = null;
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
      if (held.call === null) await this.#settle(held, LOST_SESSION);
      else await this.#rejoin(held, held.call);
      return;
    }
    await this.ctx.storage.setAlarm(Date.now() + (held.call === null ? ALARM_MS : CALL_ALARM_MS));
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

  /** A call goes on while its sideband is cut: it is attached again, or the call hung up. */
  async #rejoin(held: Held, call: HeldCall): Promise<void> {
    if (call.ending !== null) {
      await this.#settle(held, call.ending);
      return;
    }
    const { store, log } = partsOf(this.env);
    try {
      const session = await store.findSession(held.id);
      const isOpen = session !== null && session.endedAt === null && session.fence === held.fence;
      if (isOpen && (await this.#service().calls.resume(session, call, held.counters)))
        await this.ctx.storage.setAlarm(Date.now() + CALL_ALARM_MS);
      else await this.#settle(held, LOST_SESSION);
    } catch (error) {
      log.warn("a call could not be joined again", { sessionId: held.id, cause: describeError(error) });
      await this.#settle(held, LOST_SESSION);
    }
  }

  /** Settles what was cut off, by what was counted here, once nothing of it goes on. */
  async #settle({ id, fence, counters, call }: Held, closeReason: string): Promise<void> {
    const { store, log, clock } = partsOf(this.env);
    try {
      const hungUp = call === null || (await this.#hangUp(id, call, closeReason));
      const session = await store.findSession(id);
      if (!hungUp && session !== null && clock.now() - session.startedAt < LONGEST_CALL_MS)
        throw new Error("Its provider does not hang up");
      const costMicros = sessionCost(sessionPriceOf(session?.price ?? null), counters);
      await store.endSession(id, fence, { closeReason, counters, costMicros });
      this.#forget();
    } catch (error) {
      log.warn("a voice session could not be settled", { sessionId: id, cause: describeError(error) });
      await this.ctx.storage.setAlarm(Date.now() + RETRY_MS);
    }
  }

  async #hangUp(sessionId: string, { opening, callId }: HeldCall, reason: string): Promise<boolean> {
    this.#journal().ending?.(sessionId, reason);
    const { provider, account = null } = opening.draft;
    return await partsOf(this.env).hangUp.once({ sessionId, provider, account, callId });
  }

  #control(beta: boolean): SocketHandler | null {
    const held = this.#held();
    return held === null ? null : (this.#voice?.calls.control(held.id, beta) ?? null);
  }

  #service(): VoiceService {
    const { settings, voice, voiceHealth, store, media, clock, log } = partsOf(this.env);
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
      health: voiceHealth,
      artefacts: new ArtefactFiles(media),
    });
    return this.#voice;
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
      calling: (id, call) => {
        sql.exec("INSERT OR REPLACE INTO voice_call (id, call) VALUES (?, ?)", id, JSON.stringify(call));
      },
      ending: (id, reason) => {
        sql.exec("UPDATE voice_call SET ending = ? WHERE id = ?", reason, id);
      },
      keep: (id, counters) => {
        sql.exec("UPDATE voice_session SET counters = ? WHERE id = ?", JSON.stringify(counters), id);
      },
      ended: () => this.#forget(),
    };
  }

  #held(): Held | null {
    const [row] = this.ctx.storage.sql
      .exec<{
        id: string;
        fence: number;
        key_id: string;
        counters: string;
        call: string | null;
        ending: string | null;
      }>(
        "SELECT s.id, fence, key_id, counters, call, ending FROM voice_session s LEFT JOIN voice_call c ON c.id = s.id",
      )
      .toArray();
    if (row === undefined) return null;
    const { id, fence, key_id: keyId } = row;
    const { ending } = row;
    const call = row.call === null ? null : { ...(JSON.parse(row.call) as JournalledCall), ending };
    return { id, fence, keyId, counters: JSON.parse(row.counters) as SessionCounters, call };
  }

  #forget(): void {
    this.ctx.storage.sql.exec("DELETE FROM voice_session");
    this.ctx.storage.sql.exec("DELETE FROM voice_call");
    void this.ctx.storage.deleteAlarm();
  }
}

/** An error as a value: a thrown one loses its class and its fields on the way. */
function refusalOf(error: unknown): RefusedSession {
  if (!(error instanceof ApiError)) throw error;
  const { code, message, param, retryAfterSeconds } = error;
  return { code, message, param, retryAfterSeconds };
}
