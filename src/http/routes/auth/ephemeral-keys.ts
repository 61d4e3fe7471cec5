/** `POST /v1/auth/ephemeral-keys`: a short-lived key for a browser, made with a virtual key. */

import type { Hono } from "hono";
import { z } from "zod";
import {
  DEFAULT_TTL_SECONDS,
  type EphemeralKeys,
  type MadeEphemeralKey,
} from "../../../accounts/ephemeral/ephemeral-keys.ts";
import type { CreateEphemeralKeyRequest, WireEphemeralKey } from "../../../protocol/ephemeral-key.ts";
import { PRIORITIES } from "../../../protocol/task.ts";
import { isTaskId } from "../../../tasks/ids.ts";
import { isoTime } from "../../../tasks/wire.ts";
import type { HttpEnv, HttpMiddleware } from "../../exchange.ts";
import { keyMaker } from "../../middleware/credentials.ts";
import { jsonBody, validBody } from "../../request/body.ts";
import { modelPatternsField, permissionsField, subjectField, ttlField } from "../../request/key-fields.ts";

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
        .refine(isTaskId, { error: "a task id, as a create answered it" }),
      { error: tasks },
    )
    .max(MAX_TASKS, tasks)
    .optional(),
}) satisfies z.ZodType<CreateEphemeralKeyRequest>;

export type EphemeralKeyRouteDependencies = {
  ephemeralKeys: Pick<EphemeralKeys, "make">;
  maxBodyBytes: number;
};

/** Mounts the route; `key` authenticates. */
export function mountEphemeralKeys(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  { ephemeralKeys, maxBodyBytes }: EphemeralKeyRouteDependencies,
): void {
  app.post(
    "/v1/auth/ephemeral-keys",
    key,
    jsonBody(maxBodyBytes),
    validBody(ephemeralKeySchema),
    async (c) => {
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
      return c.json(wireEphemeralKey(made));
    },
  );
}

function wireEphemeralKey({ key, plain }: MadeEphemeralKey): WireEphemeralKey {
  return {
    key: plain,
    expiresAt: isoTime(key.expiresAt),
    subject: key.subject,
    permissions: key.permissions,
    allowedModels: key.allowedModels,
    maxPriority: key.maxPriority,
    tasks: key.granted,
  };
}
