/** What administrators may send about a key: the bodies of `POST /admin/v1/keys` and `PATCH /admin/v1/keys/{id}`. */

import { z } from "zod";
import type { KeyChange, KeyDraft } from "../../../accounts/keys/keys.ts";
import type { ChangeKeyRequest, CreateKeyRequest } from "../../../protocol/key.ts";
import { type Json, PRIORITIES } from "../../../protocol/task.ts";
import { isBoundedObject } from "../../creation/json-bounds.ts";
import { modelPatternsField, permissionsField } from "../../request/key-fields.ts";
import { budgetList, budgetShape, grantList, requestLimit, timeWithZone } from "./limits-schema.ts";

const MAX_NAME_CHARACTERS = 100;
const MAX_CONCURRENT_TASKS = 1_000_000;
/** Of a key's metadata as JSON; it is read with every key. */
const MAX_METADATA_BYTES = 4_096;

const name = `a text of 1 to ${MAX_NAME_CHARACTERS} characters without control characters`;
const tasks = `a whole number from 1 to ${MAX_CONCURRENT_TASKS}`;
const flag = z.boolean({ error: "true or false" });

/** Limits that may be lifted again: there, `null` is a value. */
export const LIFTABLE: ReadonlySet<string> = new Set([
  "allowedModels",
  "budgets",
  "customerBudget",
  "expiresAt",
  "grants",
  "maxConcurrentTasks",
  "requestsPerDay",
  "requestsPerMinute",
]);
const fields = {
  enabled: flag.optional(),
  expiresAt: timeWithZone.nullable().optional(),
  allowedModels: modelPatternsField.nullable().optional(),
  permissions: permissionsField.optional(),
  maxPriority: z.enum(PRIORITIES, { error: '"low", "normal" or "high"' }).optional(),
  maxConcurrentTasks: z
    .int({ error: tasks })
    .min(1, tasks)
    .max(MAX_CONCURRENT_TASKS, tasks)
    .nullable()
    .optional(),
  budgets: budgetList
    .nullable()
    .transform((list) => list ?? [])
    .optional(),
  grants: grantList
    .nullable()
    .transform((list) => list ?? [])
    .optional(),
  customerBudget: budgetShape.nullable().optional(),
  requestsPerMinute: requestLimit.nullable().optional(),
  requestsPerDay: requestLimit.nullable().optional(),
  metadata: z
    .custom<Record<string, Json>>((value) => isBoundedObject(value, MAX_METADATA_BYTES), {
      error: `a JSON object of at most ${MAX_METADATA_BYTES} bytes`,
    })
    .meta({ type: "object" })
    .optional(),
} satisfies Record<Exclude<keyof CreateKeyRequest, "name">, z.ZodType>;
const keyName = z
  .string({ error: name })
  .trim()
  .min(1, name)
  .max(MAX_NAME_CHARACTERS, name)
  .regex(/^\P{Cc}*$/u, name);
export const draftSchema = z.strictObject({ name: keyName, ...fields }) satisfies z.ZodType<
  KeyDraft,
  CreateKeyRequest
>;
export const changeSchema = z.strictObject({ name: keyName.optional(), ...fields }) satisfies z.ZodType<
  KeyChange,
  ChangeKeyRequest
>;
