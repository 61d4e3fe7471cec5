/** `POST /v1/realtime/calls`: voice over WebRTC. The client and the provider agree on it through us; the sound goes past us. */

import type { Hono } from "hono";
import type { EphemeralKeys } from "../../../accounts/ephemeral/ephemeral-keys.ts";
import { CUSTOMER_HEADER, customerOf } from "../../../accounts/money/customer.ts";
import { ApiError } from "../../../protocol/error.ts";
import type { Json } from "../../../protocol/task.ts";
import { type JsonObject, objectOr, parseObject } from "../../../realtime/json.ts";
import type { Session, SessionStore } from "../../../realtime/session-store.ts";
import type { VoiceAdmission, VoiceOpening } from "../../../realtime/voice-admission.ts";
import { isTaskId } from "../../../tasks/ids.ts";
import { isBoundedObject } from "../../creation/json-bounds.ts";
import { type HttpContext, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../../exchange.ts";
import { keyMaker } from "../../middleware/credentials.ts";
import { bodyTooLarge, boundedBytes, brokenOff, isMultipart, requirePlain } from "../../request/body.ts";
import { readMultipart } from "../../request/multipart.ts";

export type RealtimeCallRouteDependencies = {
  readonly ephemeralKeys: Pick<EphemeralKeys, "sessionOf">;
  readonly voice: Pick<VoiceAdmission, "admit">;
  readonly store: Pick<SessionStore, "getSession">;
  /** Makes the call where its sideband will be, and answers with the provider's SDP. */
  makeCall(opening: VoiceOpening, sdp: string): Promise<string>;
  /** Ends an open session, wherever its sideband is. */
  endSession(session: Session): Promise<void>;
};

/** Browsers' offers have some 5 kB. */
const MAX_SDP_BYTES = 262_144;
const MAX_SESSION_BYTES = 32_768;
/** Of a form: what it says, and what is around it. */
const MAX_FORM_BYTES = MAX_SDP_BYTES + MAX_SESSION_BYTES + 4_096;
const SDP_TYPE = /^\s*application\/sdp\s*(?:;|$)/i;
const SDP_HEAD = /^v=0\r?\n/;
/** Ours begins so, as OpenAI's do. */
const CALL_PREFIX = "rtc_";
const PATHS = ["/v1/realtime/calls", "/openai/v1/realtime/calls"] as const;

type Offer = { readonly sdp: string; readonly session: JsonObject | null };

/** Mounts the routes; `key` authenticates. */
export function mountRealtimeCalls(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  dependencies: RealtimeCallRouteDependencies,
): void {
  for (const path of PATHS) {
    app.post(path, key, (c) => make(c, path, dependencies));
    app.post(`${path}/:id/hangup`, key, async (c) => {
      const session = await callOf(dependencies.store, c, c.req.param("id"));
      // Sent again it does the same.
      if (session.endedAt === null) await dependencies.endSession(session);
      return c.body(null, 200);
    });
  }
}

/** The call with this id of the tenant. Rejects with `not_found`. */
export async function callOf(
  store: Pick<SessionStore, "getSession">,
  c: HttpContext,
  callId: string,
): Promise<Session> {
  const id = callId.startsWith(CALL_PREFIX) ? callId.slice(CALL_PREFIX.length).toLowerCase() : "";
  const session = isTaskId(id) ? await store.getSession(principalOfExchange(c).scope, id) : null;
  if (session !== null && session.callId !== null) return session;
  throw new ApiError(
    "not_found",
    "This key has made no call with this id. The Location of the answer to POST /v1/realtime/calls ends with it.",
  );
}

async function make(
  c: HttpContext,
  path: string,
  { ephemeralKeys, voice, makeCall }: RealtimeCallRouteDependencies,
): Promise<Response> {
  const { principal, presented } = keyMaker(c);
  const offer = await offerOf(c.req.raw);
  const configured = offer.session ?? objectOr(await ephemeralKeys.sessionOf(presented));
  const { type, model, ...session } = configured;
  const opening = voice.admit({
    principal,
    model: nameOf(model) ?? nameOf(c.req.query("model")),
    intent: type === "transcription" ? "transcription" : "conversation",
    customer: await customerOf(principal.tenant, [c.req.header(CUSTOMER_HEADER)]),
    beta: false,
    session,
    transport: "webrtc",
  });
  const sdp = await makeCall(opening, offer.sdp);
  return c.body(sdp, 201, {
    "content-type": "application/sdp",
    "cache-control": "no-store",
    location: `${path}/${CALL_PREFIX}${opening.draft.id}`,
  });
}

function nameOf(model: Json | undefined): string | null {
  return typeof model === "string" && model !== "" ? model : null;
}

async function offerOf(request: Request): Promise<Offer> {
  const type = request.headers.get("content-type") ?? "";
  if (isMultipart(type)) return await offerOfForm(request);
  if (!SDP_TYPE.test(type))
    throw new ApiError(
      "unsupported_media_type",
      `Content-Type must be application/sdp, or multipart/form-data with the fields sdp and session; ${type === "" ? "none" : JSON.stringify(type.slice(0, 100))} came.`,
    );
  requirePlain(request.headers);
  const bytes = await boundedBytes(request, MAX_SDP_BYTES);
  if (bytes === null) throw brokenOff();
  return { sdp: checkedSdp(new TextDecoder().decode(bytes)), session: null };
}

async function offerOfForm(request: Request): Promise<Offer> {
  const fields = new Map<string, string>();
  const bounds = { maxBytes: MAX_FORM_BYTES, maxTextBytes: MAX_SDP_BYTES, maxFiles: 2 };
  // Clients that give a part its type send it as a file.
  const texts = await readMultipart(request, bounds, async (name, file) => {
    const text = await new Response(file).text();
    if (text.length > MAX_SDP_BYTES) throw bodyTooLarge(MAX_SDP_BYTES);
    fields.set(name, text);
  });
  for (const { name, text } of texts) fields.set(name, text);
  const session = fields.get("session");
  return {
    sdp: checkedSdp(fields.get("sdp") ?? ""),
    session: session === undefined ? null : checkedSession(session),
  };
}

function checkedSdp(sdp: string): string {
  if (SDP_HEAD.test(sdp)) return sdp;
  throw new ApiError(
    "invalid_parameter",
    'The offer must be the SDP of an RTCPeerConnection, which begins with "v=0": pc.createOffer() makes one.',
    { param: "sdp" },
  );
}

function checkedSession(text: string): JsonObject {
  const session = parseObject(text);
  if (session !== null && isBoundedObject(session, MAX_SESSION_BYTES)) return session;
  throw new ApiError(
    "invalid_parameter",
    `session must be a session's configuration: a JSON object of at most ${MAX_SESSION_BYTES} bytes.`,
    { param: "session" },
  );
}
