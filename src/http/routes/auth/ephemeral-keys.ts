/** `/v1/auth/ephemeral-keys`: short-lived keys for browsers, made, listed and taken back with a virtual key. */

import type { Hono } from "hono";
import { z } from "zod";
import type { EphemeralKey, EphemeralKeyPlace } from "../../../accounts/ephemeral/ephemeral-key-store.ts";
import { DEFAULT_TTL_SECONDS, type EphemeralKeys } from "../../../accounts/ephemeral/ephemeral-keys.ts";
import type {
  CreateEphemeralKeyRequest,
  WireEphemeralKey,
  WireEphemeralKeyDeleted,
  WireEphemeralKeyPage,
  WireListedEphemeralKey,
} from "../../../protocol/ephemeral-key.ts";
import { ApiError } from "../../../protocol/error.ts";
import { PRIORITIES } from "../../../protocol/task.ts";
import { isTaskId } from "../../../tasks/ids.ts";
import { isoTime } from "../../../tasks/wire.ts";
import { type HttpEnv, type HttpMiddleware, principalOfExchange } from "../../exchange.ts";
import { keyMaker } from "../../middleware/credentials.ts";
import { jsonBody, validBody } from "../../request/body.ts";
import { modelPatternsField, permissionsField, subjectField, ttlField } from "../../request/key-fields.ts";
import { pageLimit } from "../../request/page.ts";
import { describeReceived } from "../../request/schema-issue.ts";

const PATH = "/v1/auth/ephemeral-keys";

/** Each is looked at whenever tasks are listed. */
const MAX_TASKS = 100;
const tasks = `a list of at most ${MAX_TASKS} task ids`;

/** The body of `POST /v1/auth/ephemeral-keys`. */
export const ephemeralKeySchema = z.strictObject({
  ttl_seconds: ttlField.optional(),
  subject: subjectField.optional(),
  permissions: permissionsField.optional(),
  allowed_models: modelPatternsField.optional(),
  max_priority: z.enum(PRIORITIES, { error: '"low", "normal" or "high"' }).optional(),
  tasks: z
    .array(
      z
        .string({ error: tasks })
        .toLowerCase()
        .refine(isTaskId, { error: "a task id, as a create answered it" })
        .meta({ format: "uuid" }),
      { error: tasks },
    )
    .max(MAX_TASKS, tasks)
    .optional(),
}) satisfies z.ZodType<CreateEphemeralKeyRequest>;

export type EphemeralKeyRouteDependencies = {
  ephemeralKeys: Pick<EphemeralKeys, "make" | "list" | "takeBack">;
  maxBodyBytes: number;
};

/** Mounts the routes; `key` authenticates. */
export function mountEphemeralKeys(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  { ephemeralKeys, maxBodyBytes }: EphemeralKeyRouteDependencies,
): void {
  app.post(PATH, key, jsonBody(maxBodyBytes), validBody(ephemeralKeySchema), async (c) => {
    const asked: CreateEphemeralKeyRequest = c.req.valid("json");
    const made = await ephemeralKeys.make(keyMaker(c), {
      ttlSeconds: asked.ttl_seconds ?? DEFAULT_TTL_SECONDS,
      subject: asked.subject,
      permissions: asked.permissions,
      allowedModels: asked.allowed_models,
      maxPriority: asked.max_priority,
      tasks: asked.tasks,
    });
    c.header("cache-control", "no-store");
    const { created: _, ...told } = wireEphemeralKey(made.key);
    return c.json({ key: made.plain, ...told } satisfies WireEphemeralKey);
  });

  app.get(PATH, key, async (c) => {
    const limit = pageLimit(c.req.query("limit"));
    const { keys, hasMore } = await ephemeralKeys.list(principalOfExchange(c), {
      limit,
      after: placeAfter(c.req.query("after")),
    });
    const last = keys.at(-1);
    const after = last === undefined ? null : `${last.expiresAt}-${last.hash}`;
    c.header("cache-control", "no-store");
    return c.json({ data: keys.map(wireEphemeralKey), hasMore, after } satisfies WireEphemeralKeyPage);
  });

  app.delete(`${PATH}/:id`, key, async (c) => {
    const id = (c.req.param("id") ?? "").toLowerCase();
    await ephemeralKeys.takeBack(principalOfExchange(c), id);
    return c.json({ id, deleted: true } satisfies WireEphemeralKeyDeleted);
  });
}

const AFTER = /^(\d{1,15})-([0-9a-f]{64})$/;

function placeAfter(text: string | undefined): EphemeralKeyPlace | null {
  if (!text) return null;
  const [, expiresAt, hash] = AFTER.exec(text) ?? [];
  if (expiresAt !== undefined && hash !== undefined) return { expiresAt: Number(expiresAt), hash };
  throw new ApiError(
    "invalid_parameter",
    `after must be the cursor \`after\` of the page before; ${describeReceived(text)} came.`,
    { param: "after" },
  );
}

function wireEphemeralKey(key: EphemeralKey): WireListedEphemeralKey {
  return {
    id: key.hash,
    created: isoTime(key.createdAt),
    expiresAt: isoTime(key.expiresAt),
    subject: key.subject,
    permissions: key.permissions,
    allowedModels: key.allowedModels,
    maxPriority: key.maxPriority,
    tasks: key.granted,
  };
}
