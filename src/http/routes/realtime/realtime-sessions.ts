/** Voice sessions, open and past: listed and ended by their owner, and by an operator. */

import type { Hono } from "hono";
import { ApiError } from "../../../protocol/error.ts";
import type {
  WireVoiceAnalytics,
  WireVoiceSession,
  WireVoiceSessionEnded,
  WireVoiceSessionPage,
} from "../../../protocol/voice-session.ts";
import type { Session, SessionCounters, SessionStore } from "../../../realtime/session-store.ts";
import { sessionCost, sessionPriceOf } from "../../../realtime/usage/session-price.ts";
import { dollars } from "../../../tasks/dollars.ts";
import { isTaskId } from "../../../tasks/ids.ts";
import { isoTime } from "../../../tasks/wire.ts";
import { type HttpContext, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../../exchange.ts";
import { pageLimit } from "../../request/page.ts";

export type RealtimeSessionRouteDependencies = {
  readonly store: Pick<SessionStore, "getSession" | "listSessions" | "listOpenSessions" | "findSession">;
  /** Ends an open session, wherever its sockets are. */
  endSession(session: Session): Promise<void>;
  /** What a session that is open in this process has used until now; null for one that is not. Default: as it is in the store. */
  usedNow?(sessionId: string): SessionCounters | null;
};

const SECOND_MS = 1_000;
/** Open sessions that an operator is shown; there are at most as many as the deployment allows. */
const ADMIN_LIMIT = 1_000;

/** Mounts the routes; `key` and `admin` authenticate. */
export function mountRealtimeSessions(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  admin: HttpMiddleware,
  { store, endSession, usedNow = () => null }: RealtimeSessionRouteDependencies,
): void {
  const untilNow = (session: Session): Session => {
    const counters = session.endedAt === null ? usedNow(session.id) : null;
    return counters === null ? session : { ...session, counters };
  };
  const list = (open: boolean) => async (c: HttpContext) => {
    const limit = pageLimit(c.req.query("limit"));
    const before = c.req.query("after") ?? null;
    const page = await store.listSessions(principalOfExchange(c).scope, { open, limit, before });
    c.header("cache-control", "no-store");
    return c.json(pageOf(page.sessions.map(untilNow), page.hasMore));
  };
  app.get("/v1/realtime/connections", key, list(true));
  app.get("/v1/realtime/sessions", key, list(false));

  app.delete("/v1/realtime/connections/:id", key, async (c) => {
    const id = sessionId(c.req.param("id"));
    const session = await store.getSession(principalOfExchange(c).scope, id);
    return c.json(await ended(session, endSession));
  });

  app.get("/admin/v1/realtime/connections", admin, async (c) => {
    const sessions = await store.listOpenSessions(ADMIN_LIMIT);
    c.header("cache-control", "no-store");
    return c.json(pageOf(sessions.map(untilNow), sessions.length === ADMIN_LIMIT));
  });

  app.delete("/admin/v1/realtime/connections/:id", admin, async (c) => {
    const session = await store.findSession(sessionId(c.req.param("id")));
    return c.json(await ended(session, endSession));
  });
}

async function ended(
  session: Session | null,
  endSession: RealtimeSessionRouteDependencies["endSession"],
): Promise<WireVoiceSessionEnded> {
  if (session === null || session.endedAt !== null) throw noSession();
  await endSession(session);
  return { id: session.id, ended: true };
}

function pageOf(sessions: readonly Session[], hasMore: boolean): WireVoiceSessionPage {
  return { data: sessions.map(wireSession), hasMore, after: sessions.at(-1)?.id ?? null };
}

export function wireSession(session: Session): WireVoiceSession {
  const { id, model, provider, keyId, customer, startedAt, endedAt, closeReason, counters, settled } =
    session;
  const costMicros = settled ? session.chargedMicros : sessionCost(sessionPriceOf(session.price), counters);
  return {
    id,
    model,
    provider,
    keyId,
    customer,
    started: isoTime(startedAt),
    ended: endedAt === null ? null : isoTime(endedAt),
    closeReason,
    usage: counters,
    analytics: analyticsOf(counters),
    cost: dollars(costMicros),
    settled,
  };
}

function analyticsOf(counters: Session["counters"]): WireVoiceAnalytics {
  const { firstAudioMs, medianFirstAudioMs, turns = 0, responses = 0, interruptions = 0 } = counters;
  const { userSpeechMs, audioInMs = 0, audioOutMs = 0 } = counters;
  return {
    timeToFirstAudioMs: { first: firstAudioMs ?? null, median: medianFirstAudioMs ?? null },
    turns,
    responses,
    interruptions,
    talkedSeconds: {
      user: (userSpeechMs ?? audioInMs) / SECOND_MS,
      assistant: audioOutMs / SECOND_MS,
    },
  };
}

/** As it is listed, or as the session's own events have it, with `sess_` before it. Null for what is none. */
export function sessionIdOf(text: string): string | null {
  const id = text.replace(/^sess_/, "").toLowerCase();
  return isTaskId(id) ? id : null;
}

function sessionId(text: string): string {
  const id = sessionIdOf(text);
  if (id === null) throw noSession();
  return id;
}

function noSession(): ApiError {
  return new ApiError(
    "not_found",
    "There is no open voice session with this id. GET /v1/realtime/connections lists those that are open.",
  );
}
