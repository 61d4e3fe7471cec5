/** What a caller's own key may do and has used, and the keys it makes for browsers. */

import { z } from "zod";
import { USAGE_FORMATS, USAGE_GROUPS } from "../../../protocol/usage.ts";
import {
  betaSession,
  clientSecret,
  ephemeralKey,
  ephemeralKeyDeleted,
  ephemeralKeyPage,
  ownEphemeralKey,
  ownKey,
} from "../answers/keys.ts";
import { usagePage } from "../answers/usage.ts";
import { type Answer, json, type Operation, type Parameter } from "../operation.ts";
import { AFTER, inPath, LIMIT, query } from "../parameters.ts";

const day = { type: "string", description: "A date, or a time with a zone, of which the UTC day counts." };

/** The query of a report of usage, in these groups. */
export function usageParameters(groups: readonly string[]): readonly Parameter[] {
  return [
    query("from", "The first day; default 29 days before `to`.", day),
    query("to", "The last day; default today. At most 400 days.", day),
    query("groupBy", "What the rows are sums of.", { type: "string", enum: [...groups], default: "day" }),
    query("format", "JSON, or a file of CSV.", { type: "string", enum: [...USAGE_FORMATS], default: "json" }),
    query("limit", "Rows of a page: 1-1,000 (50) of JSON, 1-10,000 (10,000) of CSV.", {
      type: "integer",
      minimum: 1,
    }),
    query("after", "The `after` of the page before."),
  ];
}

export const CUSTOMER_QUERY = query("customer", "Only what was used for this end user.", {
  type: "string",
  maxLength: 512,
});
export const USAGE: Answer = {
  description: "What was used.",
  content: { "application/json": usagePage, "text/csv": "text" },
  headers: ["x-conduit-after"],
};
const MADE = "The key: shown this once.";

export const KEYS: readonly Operation[] = [
  {
    method: "get",
    path: "/v1/key",
    id: "readOwnKey",
    tag: "Keys and usage",
    summary: "Read what the presented key may do",
    access: "key",
    answers: { 200: json("Its limits, and what is left of them.", z.union([ownKey, ownEphemeralKey])) },
  },
  {
    method: "get",
    path: "/v1/usage",
    id: "readUsage",
    tag: "Keys and usage",
    summary: "Read what the presented key used",
    access: "key",
    parameters: [...usageParameters(USAGE_GROUPS), CUSTOMER_QUERY],
    answers: { 200: USAGE },
    errors: ["invalid_parameter", "permission_denied"],
  },
  {
    method: "post",
    path: "/v1/auth/ephemeral-keys",
    id: "createEphemeralKey",
    tag: "Keys and usage",
    summary: "Make a short-lived key for a browser",
    description: "It may do what its parent may, or less, and is a tenant of its own by its subject.",
    access: "key",
    body: { form: "json", schema: "CreateEphemeralKey" },
    answers: { 200: json(MADE, ephemeralKey) },
    errors: ["permission_denied", "model_not_allowed", "rate_limit_exceeded"],
  },
  {
    method: "get",
    path: "/v1/auth/ephemeral-keys",
    id: "listEphemeralKeys",
    tag: "Keys and usage",
    summary: "List the key's short-lived keys",
    description: "Those that have not expired, but for those that came with a task.",
    access: "key",
    parameters: [LIMIT, AFTER],
    answers: { 200: json("A page of them.", ephemeralKeyPage) },
    errors: ["invalid_parameter", "permission_denied"],
  },
  {
    method: "delete",
    path: "/v1/auth/ephemeral-keys/{id}",
    id: "takeBackEphemeralKey",
    tag: "Keys and usage",
    summary: "Take a short-lived key back",
    description: "Of any kind: also one that came with a task, or a client secret.",
    access: "key",
    parameters: [inPath("id", "The key's id: the SHA-256 of its plain form.")],
    answers: { 200: json("It is refused from now on.", ephemeralKeyDeleted) },
    errors: ["permission_denied", "not_found"],
  },
  {
    method: "post",
    path: "/v1/realtime/client_secrets",
    id: "createClientSecret",
    tag: "Voice",
    summary: "Make a short-lived key for voice sessions, as OpenAI does",
    access: "key",
    body: { form: "json", schema: "CreateClientSecret" },
    answers: { 200: json(MADE, clientSecret) },
    errors: ["permission_denied", "model_not_allowed", "rate_limit_exceeded"],
  },
  ...(["sessions", "transcription_sessions"] as const).map(
    (kind): Operation => ({
      method: "post",
      path: `/v1/realtime/${kind}`,
      id: kind === "sessions" ? "createBetaSession" : "createBetaTranscriptionSession",
      tag: "Voice",
      summary: `Make such a key in OpenAI's beta shape${kind === "sessions" ? "" : ", for transcription"}`,
      description: "It is valid for a minute.",
      access: "key",
      body: { form: "json", schema: "CreateBetaSession" },
      answers: { 200: json(MADE, betaSession) },
      errors: ["permission_denied", "model_not_allowed", "rate_limit_exceeded"],
    }),
  ),
];
