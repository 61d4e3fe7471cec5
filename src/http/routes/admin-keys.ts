/** `/admin/v1/keys`: virtual keys made, listed, read, changed, rotated and deleted by an administrator. */

import type { Hono } from "hono";
import { z } from "zod";
import type { KeyChange, KeyDraft, KeyService } from "../../accounts/keys.ts";
import type { Budget } from "../../accounts/ledger-store.ts";
import type { VirtualKey } from "../../accounts/virtual-key.ts";
import { ApiError } from "../../protocol/error.ts";
import {
  BUDGET_PERIODS,
  type ChangeKeyRequest,
  type CreateKeyRequest,
  type WireKey,
  type WireKeyDeleted,
  type WireKeyPage,
  type WireNewKey,
} from "../../protocol/key.ts";
import { type Json, PRIORITIES } from "../../protocol/task.ts";
import { dollars, micros } from "../../tasks/dollars.ts";
import type { TaskService } from "../../tasks/service.ts";
import { isoTime } from "../../tasks/wire.ts";
import { isBoundedObject } from "../creation/json-bounds.ts";
import type { HttpEnv, HttpMiddleware } from "../exchange.ts";
import { jsonBody, validBody } from "../request/body.ts";
import { pageLimit } from "../request/page.ts";
import { mountCancelKey } from "./cancel-tasks.ts";

const LIST = "/admin/v1/keys";
const ONE = "/admin/v1/keys/:id";
const MAX_NAME_CHARACTERS = 100;
const MAX_MODELS = 200;
const MAX_MODEL_CHARACTERS = 200;
const MAX_CONCURRENT_TASKS = 1_000_000;
/** Of every period; this version counts one, the total. */
const MAX_BUDGETS = 1;
const MAX_BUDGET_DOLLARS = 1_000_000_000;
/** Of a key's metadata as JSON; it is read with every key. */
const MAX_METADATA_BYTES = 4_096;
/** An id as listed; bounds what is asked of the store. */
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;

const name = `a text of 1 to ${MAX_NAME_CHARACTERS} characters without control characters`;
const models = `a list of at most ${MAX_MODELS} model names, with * allowed at the end of each`;
const tasks = `a whole number from 1 to ${MAX_CONCURRENT_TASKS}`;
const budgets = 'at most one budget, such as {"limit":5,"period":"total"}';
const limit = `dollars from 0 to ${MAX_BUDGET_DOLLARS}`;
const time = "an ISO 8601 time with a zone, such as 2027-01-31T00:00:00Z";
const flag = z.boolean({ error: "true or false" });

/** Limits that may be lifted again: there, `null` is a value. */
const LIFTABLE: ReadonlySet<string> = new Set([
  "allowedModels",
  "budgets",
  "expiresAt",
  "maxConcurrentTasks",
]);
const fields = {
  enabled: flag.optional(),
  expiresAt: z.iso.datetime({ offset: true, error: time }).transform(Date.parse).nullable().optional(),
  allowedModels: z
    .array(
      z
        .string({ error: models })
        .regex(/^[^*\p{Cc}]*\*?$/u, models)
        .min(1, models)
        .max(MAX_MODEL_CHARACTERS, models),
      {
        error: models,
      },
    )
    .max(MAX_MODELS, models)
    .nullable()
    .optional(),
  permissions: z
    .strictObject(
      {
        canGenerateImages: flag.optional(),
        canGenerateVideos: flag.optional(),
        canUseRealtimeAudio: flag.optional(),
      },
      { error: "an object of permissions" },
    )
    .optional(),
  maxPriority: z.enum(PRIORITIES, { error: '"low", "normal" or "high"' }).optional(),
  maxConcurrentTasks: z
    .int({ error: tasks })
    .min(1, tasks)
    .max(MAX_CONCURRENT_TASKS, tasks)
    .nullable()
    .optional(),
  budgets: z
    .array(
      z
        .strictObject(
          {
            limit: z.number({ error: limit }).min(0, limit).max(MAX_BUDGET_DOLLARS, limit),
            period: z.enum(BUDGET_PERIODS, { error: '"total"' }).default("total"),
          },
          { error: budgets },
        )
        .transform((budget): Budget => ({ limitMicros: micros(budget.limit), period: budget.period })),
      { error: budgets },
    )
    .max(MAX_BUDGETS, budgets)
    .nullable()
    .transform((list) => list ?? [])
    .optional(),
  metadata: z
    .custom<Record<string, Json>>((value) => isBoundedObject(value, MAX_METADATA_BYTES), {
      error: `a JSON object of at most ${MAX_METADATA_BYTES} bytes`,
    })
    .optional(),
} satisfies Record<Exclude<keyof CreateKeyRequest, "name">, z.ZodType>;
const keyName = z
  .string({ error: name })
  .trim()
  .min(1, name)
  .max(MAX_NAME_CHARACTERS, name)
  .regex(/^\P{Cc}*$/u, name);
const draftSchema = z.strictObject({ name: keyName, ...fields }) satisfies z.ZodType<
  KeyDraft,
  CreateKeyRequest
>;
const changeSchema = z.strictObject({ name: keyName.optional(), ...fields }) satisfies z.ZodType<
  KeyChange,
  ChangeKeyRequest
>;

export type AdminKeyDependencies = {
  keys: KeyService;
  tasks: Pick<TaskService, "cancelMany">;
  maxBodyBytes: number;
};

/** Mounts the key routes; `admin` authenticates. */
export function mountAdminKeys(
  app: Hono<HttpEnv>,
  admin: HttpMiddleware,
  { keys, tasks, maxBodyBytes }: AdminKeyDependencies,
): void {
  const body = jsonBody(maxBodyBytes);

  app.post(LIST, admin, body, validBody(draftSchema, LIFTABLE), async (c) => {
    const draft: KeyDraft = c.req.valid("json");
    const { key, plain } = await keys.create(draft);
    c.header("cache-control", "no-store");
    return c.json({ ...wireKey(key), key: plain } satisfies WireNewKey);
  });

  app.get(LIST, admin, async (c) => {
    const after = c.req.query("after");
    const page = await keys.list(pageLimit(c.req.query("limit")), after ? keyId(after, "after") : null);
    const answer: WireKeyPage = {
      data: page.keys.map(wireKey),
      hasMore: page.hasMore,
      after: page.keys.at(-1)?.id ?? null,
    };
    return c.json(answer);
  });

  app.get(ONE, admin, async (c) => c.json(wireKey(await keys.read(keyId(c.req.param("id"), "id")))));

  app.patch(ONE, admin, body, validBody(changeSchema, LIFTABLE), async (c) => {
    const change: KeyChange = c.req.valid("json");
    return c.json(wireKey(await keys.change(keyId(c.req.param("id"), "id"), change)));
  });

  app.post(`${ONE}/rotate`, admin, async (c) => {
    const { key, plain } = await keys.rotate(keyId(c.req.param("id"), "id"));
    c.header("cache-control", "no-store");
    return c.json({ ...wireKey(key), key: plain } satisfies WireNewKey);
  });

  mountCancelKey(app, admin, { tasks, keys, keyIdOf: (text) => keyId(text, "id") });

  app.delete(ONE, admin, async (c) => {
    const id = keyId(c.req.param("id"), "id");
    await keys.remove(id);
    return c.json({ id, deleted: true } satisfies WireKeyDeleted);
  });
}

function keyId(text: string, param: string): string {
  if (KEY_ID.test(text)) return text;
  if (param === "id")
    throw new ApiError("not_found", "There is no key with that id. GET /admin/v1/keys lists the keys.");
  throw new ApiError(
    "invalid_parameter",
    `${param} must be the id of a key, as the page before answered it.`,
    { param },
  );
}

/** A key as administrators see it; neither its plain form nor its hash. */
function wireKey(key: VirtualKey): WireKey {
  return {
    id: key.id,
    name: key.name,
    last4: key.last4,
    enabled: key.enabled,
    expiresAt: key.expiresAt === null ? null : isoTime(key.expiresAt),
    allowedModels: key.allowedModels,
    permissions: key.permissions,
    maxPriority: key.maxPriority,
    maxConcurrentTasks: key.maxConcurrentTasks,
    budgets: key.budgets.map(({ limitMicros, period }) => ({ limit: dollars(limitMicros), period })),
    metadata: key.metadata,
    createdAt: isoTime(key.createdAt),
    updatedAt: isoTime(key.updatedAt),
  };
}
