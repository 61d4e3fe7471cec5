/** One voice session with what was kept of it: a transcript and its sound, for the key that it is of. */

import type { Hono } from "hono";
import { ApiError } from "../../../protocol/error.ts";
import type {
  WireArtefactsRemoved,
  WireTranscript,
  WireVoiceSessionDetail,
} from "../../../protocol/voice-session.ts";
import type { ArtefactFiles } from "../../../realtime/artefacts/artefact-files.ts";
import type { Session, SessionStore } from "../../../realtime/session-store.ts";
import { isoTime } from "../../../tasks/wire.ts";
import { type HttpContext, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../../exchange.ts";
import { sessionIdOf, wireSession } from "./realtime-sessions.ts";

export type SessionArtefactRouteDependencies = {
  readonly store: Pick<SessionStore, "getSession">;
  readonly artefacts: Pick<ArtefactFiles, "kindsOf" | "transcriptOf" | "recordingOf" | "remove">;
};

const PATH = "/v1/realtime/sessions/:id";

/** Mounts the routes; `key` authenticates. */
export function mountSessionArtefacts(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  { store, artefacts }: SessionArtefactRouteDependencies,
): void {
  app.get(PATH, key, async (c) => {
    const session = await sessionOf(store, c);
    const path = `/v1/realtime/sessions/${session.id}`;
    const { transcript, recording } = await artefacts.kindsOf(session.id);
    c.header("cache-control", "no-store");
    return c.json<WireVoiceSessionDetail>({
      ...wireSession(session),
      transcript: transcript ? `${path}/transcript` : null,
      recording: recording ? `${path}/recording` : null,
    });
  });

  app.get(`${PATH}/transcript`, key, async (c) => {
    const { id, model, startedAt, endedAt } = await sessionOf(store, c);
    const kept = await artefacts.transcriptOf(id);
    if (kept === null) throw nothingKept("transcript", "realtime.keepTranscripts");
    const { complete, entries } = kept;
    c.header("cache-control", "no-store");
    return c.json<WireTranscript>({
      sessionId: id,
      model,
      started: isoTime(startedAt),
      ended: endedAt === null ? null : isoTime(endedAt),
      complete,
      entries: [...entries],
    });
  });

  app.get(`${PATH}/recording`, key, async (c) => {
    const { id } = await sessionOf(store, c);
    const kept = await artefacts.recordingOf(id);
    if (kept === null) throw nothingKept("recording", "realtime.keepRecordings");
    return c.body(kept.open(), 200, {
      "content-type": "audio/wav",
      "content-length": String(kept.bytes),
      "content-disposition": `attachment; filename="${id}.wav"`,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
  });

  app.delete(`${PATH}/artefacts`, key, async (c) => {
    const { id } = await sessionOf(store, c);
    return c.json<WireArtefactsRemoved>({ id, removed: await artefacts.remove(id) });
  });
}

async function sessionOf(store: Pick<SessionStore, "getSession">, c: HttpContext): Promise<Session> {
  const id = sessionIdOf(c.req.param("id") ?? "");
  const session = id === null ? null : await store.getSession(principalOfExchange(c).scope, id);
  if (session !== null) return session;
  throw new ApiError(
    "not_found",
    "There is no voice session with this id. GET /v1/realtime/sessions lists those of this key.",
  );
}

function nothingKept(what: string, setting: string): ApiError {
  return new ApiError(
    "not_found",
    `No ${what} of this session is kept: ${setting} was off, nothing was said, or it was removed.`,
  );
}
