/** `POST /v1/realtime/client_secrets`: an ephemeral key in OpenAI's words, for realtime sessions and nothing else. */

import type { Hono } from "hono";
import { z } from "zod";
import { DEFAULT_TTL_SECONDS, type EphemeralKeys } from "../../../accounts/ephemeral/ephemeral-keys.ts";
import { allowsModel, requirePermission } from "../../../accounts/permissions.ts";
import type { Principal } from "../../../accounts/principal.ts";
import type { CreateClientSecretRequest, WireClientSecret } from "../../../protocol/ephemeral-key.ts";
import { ApiError } from "../../../protocol/error.ts";
import type { Json } from "../../../protocol/task.ts";
import { gaSession } from "../../../realtime/translators/beta-names.ts";
import { randomToken } from "../../../tasks/ids.ts";
import { isBoundedObject } from "../../creation/json-bounds.ts";
import type { HttpEnv, HttpMiddleware } from "../../exchange.ts";
import { keyMaker } from "../../middleware/credentials.ts";
import { jsonBody, validBody } from "../../request/body.ts";
import { subjectField, ttlField } from "../../request/key-fields.ts";

/** Of a session's configuration as JSON: instructions and a few tools. It is stored with the key. */
const MAX_SESSION_BYTES = 32_768;
const SESSION_ID_CHARACTERS = 21;
const MAX_MODEL_CHARACTERS = 200;
/** OpenAI's names of the two kinds of session, as their objects are called. */
const OBJECTS = { realtime: "realtime.session", transcription: "realtime.transcription_session" } as const;

const session = `a session's configuration: a JSON object of at most ${MAX_SESSION_BYTES} bytes`;
/** The body of `POST /v1/realtime/client_secrets`. */
export const clientSecretSchema = z.strictObject({
  expires_after: z
    .strictObject(
      {
        anchor: z.literal("created_at", { error: '"created_at"' }).optional(),
        seconds: ttlField.optional(),
      },
      { error: 'an object such as {"anchor":"created_at","seconds":600}' },
    )
    .optional(),
  session: z
    .custom<Record<string, Json>>((value) => isBoundedObject(value, MAX_SESSION_BYTES), { error: session })
    .meta({ type: "object" })
    .optional(),
  subject: subjectField.optional(),
}) satisfies z.ZodType<CreateClientSecretRequest>;

export type ClientSecretRouteDependencies = {
  ephemeralKeys: Pick<EphemeralKeys, "make">;
  maxBodyBytes: number;
};

/** Mounts the route; `key` authenticates. */
export function mountClientSecrets(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  { ephemeralKeys, maxBodyBytes }: ClientSecretRouteDependencies,
): void {
  app.post(
    "/v1/realtime/client_secrets",
    key,
    jsonBody(maxBodyBytes),
    validBody(clientSecretSchema),
    async (c) => {
      const { expires_after, subject, session: given = {} } = c.req.valid("json");
      const maker = keyMaker(c);
      requirePermission(maker.principal, "realtime");
      const type = sessionType(given.type);
      const model = sessionModel(given.model);
      if (model !== null) requireSessionModel(maker.principal, model);
      const configuration = { ...given, type };
      const { key: made, plain } = await ephemeralKeys.make(maker, {
        ttlSeconds: expires_after?.seconds ?? DEFAULT_TTL_SECONDS,
        subject,
        permissions: { canUseRealtimeAudio: true },
        // Whoever has it opens sessions of that model, and of no dearer one.
        allowedModels: model === null ? undefined : [model],
        session: configuration,
      });
      c.header("cache-control", "no-store");
      const answer: WireClientSecret = {
        value: plain,
        expires_at: Math.floor(made.expiresAt / 1_000),
        session: {
          ...configuration,
          object: OBJECTS[type],
          id: `sess_${randomToken(SESSION_ID_CHARACTERS)}`,
        },
      };
      return c.json(answer);
    },
  );
}

/** OpenAI's beta spellings: flat fields, and the secret beside the session. Such a secret lasts a minute. */
export function mountBetaSecrets(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  { ephemeralKeys, maxBodyBytes }: ClientSecretRouteDependencies,
): void {
  for (const [path, type] of Object.entries(BETA_PATHS))
    app.post(path, key, jsonBody(maxBodyBytes), validBody(betaSessionSchema), async (c) => {
      const flat = c.req.valid("json") as Record<string, Json>;
      const maker = keyMaker(c);
      requirePermission(maker.principal, "realtime");
      const model = sessionModel(flat.model);
      if (model !== null) requireSessionModel(maker.principal, model);
      const { key: made, plain } = await ephemeralKeys.make(maker, {
        ttlSeconds: BETA_TTL_SECONDS,
        permissions: { canUseRealtimeAudio: true },
        allowedModels: model === null ? undefined : [model],
        session: gaSession(flat, type),
      });
      c.header("cache-control", "no-store");
      return c.json({
        ...flat,
        id: `sess_${randomToken(SESSION_ID_CHARACTERS)}`,
        object: OBJECTS[type],
        client_secret: { value: plain, expires_at: Math.floor(made.expiresAt / 1_000) },
      });
    });
}

const BETA_PATHS = {
  "/v1/realtime/sessions": "realtime",
  "/v1/realtime/transcription_sessions": "transcription",
} as const;
const BETA_TTL_SECONDS = 60;
/** The body of OpenAI's beta routes. */
export const betaSessionSchema = z
  .custom<Record<string, Json>>((value) => isBoundedObject(value, MAX_SESSION_BYTES), {
    error: session,
  })
  .meta({ type: "object" });

function sessionType(type: Json | undefined): keyof typeof OBJECTS {
  if (type === undefined || type === null) return "realtime";
  if (type === "realtime" || type === "transcription") return type;
  throw wrong("session.type", 'must be "realtime" or "transcription"');
}

function sessionModel(model: Json | undefined): string | null {
  if (model === undefined || model === null) return null;
  if (typeof model === "string" && /^[^*\p{Cc}]+$/u.test(model) && model.length <= MAX_MODEL_CHARACTERS)
    return model;
  throw wrong("session.model", "must be the name of a model");
}

function requireSessionModel(principal: Principal, model: string): void {
  if (allowsModel(principal, model)) return;
  throw new ApiError(
    "model_not_allowed",
    `This key may not use the model ${JSON.stringify(model)}. Name one it may use, or none.`,
    { param: "session.model" },
  );
}

function wrong(param: string, expected: string): ApiError {
  return new ApiError("invalid_parameter", `${param} ${expected}.`, { param });
}
