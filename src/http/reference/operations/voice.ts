/** The routes of voice sessions. Where none are offered they are not there. */

import { sessionEnded, sessionPage } from "../answers/usage.ts";
import { json, type Operation } from "../operation.ts";
import { AFTER, CUSTOMER, inPath, LIMIT, query } from "../parameters.ts";

const SESSION_ID = inPath("id", "The session's id.");
const CALL_ID = inPath("id", "As the `Location` of the call has it.");
const MODEL = query("model", "The model; default: that of the key's session, or the configured one.");

export const VOICE: readonly Operation[] = [
  {
    method: "get",
    path: "/v1/realtime",
    also: ["/v1/realtime/connect", "/openai/v1/realtime", "/realtime"],
    id: "openVoiceSession",
    tag: "Voice",
    summary: "Open a voice session",
    description:
      "A WebSocket that speaks OpenAI's Realtime events, whatever provider answers: JSON messages with a `type`, one per text frame; binary frames are sound in the session's input format. The session begins with `session.created`. The gateway's own events are `conduit.usage` and `conduit.warning`. A client that sends `OpenAI-Beta: realtime=v1` speaks the beta names and gets them back. What is wrong is answered before the upgrade; to a key that came as a subprotocol, with an `error` event and close 1008. `error.code` and close codes are in the documentation of voice.",
    access: "voice",
    parameters: [
      MODEL,
      query("intent", "`transcription`: what is said is written down, and nothing answered.", {
        type: "string",
        enum: ["transcription"],
      }),
      query("call_id", "Joins a WebRTC call that the caller has made."),
      query("access_token", "The key, where no header can be set; it is not logged."),
      CUSTOMER,
    ],
    answers: { 101: { description: "The request has become a WebSocket." } },
    errors: [
      "invalid_parameter",
      "not_supported",
      "budget_exceeded",
      "permission_denied",
      "model_not_allowed",
      "not_found",
      "model_not_found",
      "model_retired",
      "rate_limit_exceeded",
      "too_many_connections",
    ],
  },
  {
    method: "post",
    path: "/v1/realtime/calls",
    also: ["/openai/v1/realtime/calls"],
    id: "createCall",
    tag: "Voice",
    summary: "Make a WebRTC call",
    description:
      "Takes the SDP of an `RTCPeerConnection`'s offer. The sound goes from the client to the provider; the gateway meters beside it.",
    access: "key",
    parameters: [MODEL, CUSTOMER],
    otherBody: {
      "application/sdp": { type: "string", description: "The offer, at most 256 kB." },
      "multipart/form-data": {
        type: "object",
        properties: {
          sdp: { type: "string" },
          session: { type: "string", description: "The session's configuration, as JSON." },
        },
        required: ["sdp"],
      },
    },
    answers: {
      201: {
        description: "The provider's answer; `Location` ends with the call's id.",
        content: { "application/sdp": "text" },
        headers: ["location"],
      },
    },
    errors: [
      "invalid_json",
      "invalid_parameter",
      "not_supported",
      "budget_exceeded",
      "permission_denied",
      "model_not_allowed",
      "model_not_found",
      "model_retired",
      "payload_too_large",
      "unsupported_media_type",
      "rate_limit_exceeded",
      "too_many_connections",
      "provider_error",
      "provider_unavailable",
      "timeout",
    ],
  },
  {
    method: "post",
    path: "/v1/realtime/calls/{id}/hangup",
    also: ["/openai/v1/realtime/calls/{id}/hangup"],
    id: "endCall",
    tag: "Voice",
    summary: "End a WebRTC call",
    access: "key",
    parameters: [CALL_ID],
    answers: { 200: { description: "It is over." } },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/v1/realtime/connections",
    id: "listOpenVoiceSessions",
    tag: "Voice",
    summary: "List open voice sessions",
    access: "key",
    parameters: [LIMIT, AFTER],
    answers: { 200: json("A page of sessions.", sessionPage) },
    errors: ["invalid_parameter"],
  },
  {
    method: "get",
    path: "/v1/realtime/sessions",
    id: "listVoiceSessions",
    tag: "Voice",
    summary: "List past voice sessions",
    access: "key",
    parameters: [LIMIT, AFTER],
    answers: { 200: json("A page of sessions.", sessionPage) },
    errors: ["invalid_parameter"],
  },
  {
    method: "delete",
    path: "/v1/realtime/connections/{id}",
    id: "endVoiceSession",
    tag: "Voice",
    summary: "End an open voice session",
    access: "key",
    parameters: [SESSION_ID],
    answers: { 200: json("It is being closed.", sessionEnded) },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/admin/v1/realtime/connections",
    id: "listAllOpenVoiceSessions",
    tag: "Administration",
    summary: "List open voice sessions of all keys",
    access: "admin",
    answers: { 200: json("The first 1,000.", sessionPage) },
  },
  {
    method: "delete",
    path: "/admin/v1/realtime/connections/{id}",
    id: "endAnyVoiceSession",
    tag: "Administration",
    summary: "End an open voice session of any key",
    access: "admin",
    parameters: [SESSION_ID],
    answers: { 200: json("It is being closed.", sessionEnded) },
    errors: ["not_found"],
  },
];
