/** `GET /v1/realtime`: a voice session over a WebSocket. What is wrong is answered before the upgrade, where a client can read it. */

import type { Hono } from "hono";
import type { EphemeralKeys } from "../../../accounts/ephemeral/ephemeral-keys.ts";
import { CUSTOMER_HEADER, customerOf } from "../../../accounts/money/customer.ts";
import { requirePermission } from "../../../accounts/permissions.ts";
import type { Principal } from "../../../accounts/principal.ts";
import { CLOSE_POLICY } from "../../../protocol/close-codes.ts";
import { ApiError } from "../../../protocol/error.ts";
import {
  BETA_PROTOCOL,
  KEY_PROTOCOL_PREFIXES,
  REALTIME_PROTOCOL,
  type RealtimeErrorCode,
} from "../../../protocol/realtime.ts";
import type { Json } from "../../../protocol/task.ts";
import type { Session, SessionStore } from "../../../realtime/session-store.ts";
import type { VoiceAdmission, VoiceOpening, VoiceRequest } from "../../../realtime/voice-admission.ts";
import type { Socket, SocketHandler, UpgradeAnswer } from "../../../sockets/socket-upgrade.ts";
import { asksForWebSocket, incompleteHandshake, offeredProtocols } from "../../../sockets/socket-upgrade.ts";
import type { HttpContext, HttpEnv } from "../../exchange.ts";
import { type KeyLookup, missingKey, presentedKey } from "../../middleware/credentials.ts";
import { type OriginPolicy, requireSocketOrigin } from "../../middleware/origin-policy.ts";
import { callOf } from "./realtime-calls.ts";

/** Where sessions are held: in this process, or elsewhere. */
export interface VoiceSockets {
  /**
   * Opens the session and turns the request into its socket. Null when the request is no valid handshake. Rejects with
   * `too_many_connections` or `budget_exceeded`.
   */
  open(request: Request, opening: VoiceOpening, answer: UpgradeAnswer): Promise<Response | null>;
  /** The client's own socket beside its call. Null when the request is no valid handshake. Rejects with `not_supported` where the call is out of reach. */
  join(request: Request, call: Session, beta: boolean, answer: UpgradeAnswer): Promise<Response | null>;
  /** A socket on which nothing but a refusal is said. */
  refuse(request: Request, handler: SocketHandler, answer: UpgradeAnswer): Response | null;
}

export type RealtimeRouteDependencies = {
  readonly keys: KeyLookup;
  readonly ephemeralKeys: Pick<EphemeralKeys, "sessionOf">;
  readonly voice: Pick<VoiceAdmission, "admit">;
  readonly store: Pick<SessionStore, "getSession">;
  readonly sockets: VoiceSockets;
  readonly origins: OriginPolicy;
};

/** The paths under which clients look for it. */
const PATHS = ["/v1/realtime", "/v1/realtime/connect", "/openai/v1/realtime", "/realtime"] as const;
/** What a spent budget is called in a session, by OpenAI as by us: a client of sockets reads one name of it. */
const BUDGET_SPENT: RealtimeErrorCode = "insufficient_quota";
const BETA_HEADER = /\brealtime=v1\b/i;

/** Mounts the route, which authenticates by itself: here a key may also come as a subprotocol. */
export function mountRealtime(app: Hono<HttpEnv>, dependencies: RealtimeRouteDependencies): void {
  for (const path of PATHS) app.get(path, (c) => connect(c, dependencies));
}

async function connect(c: HttpContext, dependencies: RealtimeRouteDependencies): Promise<Response> {
  const request = c.req.raw;
  if (!asksForWebSocket(request)) throw notASocket();
  requireSocketOrigin(request, dependencies.origins);
  const offered = offeredProtocols(request);
  const answer: UpgradeAnswer = {
    protocol: offered.includes(REALTIME_PROTOCOL) ? REALTIME_PROTOCOL : null,
    headers: { "x-request-id": c.get("exchange").requestId },
  };
  const inHeader = presentedKey(request, true);
  const inProtocol = inHeader === null ? protocolKey(offered) : null;
  try {
    const key = inHeader ?? inProtocol;
    if (key === null) throw missingKey();
    const principal = await dependencies.keys.authenticate(key);
    c.get("exchange").principal = principal;
    const callId = c.req.query("call_id");
    const response =
      callId === undefined
        ? await open(c, principal, key, offered, answer, dependencies)
        : await join(c, principal, callId, offered, answer, dependencies);
    if (response === null) throw incompleteHandshake();
    return response;
  } catch (error) {
    // A browser cannot read the status of a refused handshake, and would try it again.
    if (inProtocol === null || !(error instanceof ApiError)) throw error;
    const refused = dependencies.sockets.refuse(request, new RefusedSocket(error), answer);
    if (refused === null) throw error;
    return refused;
  }
}

async function open(
  c: HttpContext,
  principal: Principal,
  key: string,
  offered: readonly string[],
  answer: UpgradeAnswer,
  { ephemeralKeys, voice, sockets }: RealtimeRouteDependencies,
): Promise<Response | null> {
  const session = await ephemeralKeys.sessionOf(key);
  const opening = voice.admit(await requestOf(c, principal, offered, session));
  return await sockets.open(c.req.raw, opening, answer);
}

/** The client's own socket beside a call that it has made. */
async function join(
  c: HttpContext,
  principal: Principal,
  callId: string,
  offered: readonly string[],
  answer: UpgradeAnswer,
  { store, sockets }: RealtimeRouteDependencies,
): Promise<Response | null> {
  requirePermission(principal, "realtime");
  const call = await callOf(store, c, callId);
  if (call.endedAt !== null) throw new ApiError("not_found", "This call has ended. Make a new one.");
  return await sockets.join(c.req.raw, call, speaksBeta(c, offered), answer);
}

function speaksBeta(c: HttpContext, offered: readonly string[]): boolean {
  return BETA_HEADER.test(c.req.header("openai-beta") ?? "") || offered.includes(BETA_PROTOCOL);
}

/** What is asked for: by the address, else by the session that the key was made with. */
async function requestOf(
  c: HttpContext,
  principal: Principal,
  offered: readonly string[],
  configured: Json,
): Promise<VoiceRequest> {
  const { type, model, ...session } = isObject(configured) ? configured : {};
  const transcribes = c.req.query("intent") === "transcription" || type === "transcription";
  return {
    principal,
    model: c.req.query("model") || (typeof model === "string" ? model : null),
    intent: transcribes ? "transcription" : "conversation",
    customer: await customerOf(principal.tenant, [c.req.header(CUSTOMER_HEADER)]),
    beta: speaksBeta(c, offered),
    session,
    transport: "socket",
  };
}

function isObject(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The key among the subprotocols that a client offers. */
function protocolKey(offered: readonly string[]): string | null {
  for (const item of offered)
    for (const prefix of KEY_PROTOCOL_PREFIXES)
      if (item.startsWith(prefix)) return item.slice(prefix.length) || null;
  return null;
}

/** Says why there is no session, and closes. */
class RefusedSocket implements SocketHandler {
  readonly #error: ApiError;

  constructor(error: ApiError) {
    this.#error = error;
  }

  opened(socket: Socket): void {
    const { message, code, param, type } = this.#error;
    const told = code === "budget_exceeded" ? BUDGET_SPENT : code;
    socket.send(
      JSON.stringify({
        type: "error",
        event_id: "event_refused",
        error: { type, code: told, message, param: param ?? null, event_id: null },
      }),
    );
    socket.close(CLOSE_POLICY, told);
  }

  received(): void {
    // It is closing.
  }

  closed(): void {
    // Nothing was opened.
  }
}

function notASocket(): ApiError {
  return new ApiError(
    "invalid_parameter",
    "/v1/realtime is a WebSocket: connect with wss:// (or send Connection: Upgrade, Upgrade: websocket).",
    { param: "Upgrade" },
  );
}
