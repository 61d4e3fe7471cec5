/** Keys, their money and what administrators changed of them, as they are answered. */

import { z } from "zod";
import type { WireAuditEntry } from "../../../protocol/audit.ts";
import type {
  WireClientSecret,
  WireEphemeralKey,
  WireEphemeralKeyDeleted,
  WireListedEphemeralKey,
  WireOwnEphemeralKey,
} from "../../../protocol/ephemeral-key.ts";
import {
  BUDGET_PERIODS,
  type Permissions,
  type WireBudget,
  type WireBudgetState,
  type WireCustomer,
  type WireDeletedKey,
  type WireGrant,
  type WireKey,
  type WireKeyDeleted,
  type WireNewKey,
  type WireOwnKey,
  type WireRequestRate,
} from "../../../protocol/key.ts";
import type { Json } from "../../../protocol/task.ts";
import { about, dollarsOf, named, page, type Shape, time } from "../shape.ts";
import { priority } from "./tasks.ts";

const json = z.record(z.string(), z.unknown() as z.ZodType<Json>);
const permissions = named(
  "Permissions",
  "What a key may do.",
  z.object({
    canGenerateImages: z.boolean(),
    canGenerateVideos: z.boolean(),
    canUseRealtimeAudio: z.boolean(),
  } satisfies Shape<Permissions>),
);
const models = about(
  "Names of models; `*` as last character takes any rest. Null: every model.",
  z.array(z.string()).nullable(),
);
const budgetFields = {
  limit: dollarsOf("what may be spent in a period."),
  period: about("Days, weeks (from Monday on) and months are those of UTC.", z.enum(BUDGET_PERIODS)),
} satisfies Shape<WireBudget>;
const budget = named("Budget", "What may be spent in a period.", z.object(budgetFields));
const budgetState = named(
  "BudgetState",
  "A budget, and what has become of it in the period that runs.",
  z.object({
    ...budgetFields,
    granted: dollarsOf("what grants add to the limit now."),
    charged: dollarsOf("what was charged."),
    reserved: dollarsOf("what is held back for unfinished work."),
    left: dollarsOf("what is left."),
    resetsAt: time("When the period is over; null: never.").nullable(),
    reached: about(
      "The highest of 50, 80, 90 and 100 per cent that charges have reached; null: none.",
      z.union([z.literal(50), z.literal(80), z.literal(90), z.literal(100), z.null()]),
    ),
  } satisfies Shape<WireBudgetState>),
);
const grant = z.object({
  amount: dollarsOf("what it adds to every budget of the key."),
  expiresAt: time(),
} satisfies Shape<WireGrant>);
const rate = z.object({
  per: z.enum(["minute", "day"]),
  limit: z.int(),
  remaining: z.int(),
  resetsAt: time("When all of it is free again."),
} satisfies Shape<WireRequestRate>);

const keyFields = {
  id: z.string(),
  name: z.string(),
  enabled: z.boolean(),
  expiresAt: time("Null: never.").nullable(),
  allowedModels: models,
  maxConcurrentTasks: about("Null: no limit of its own.", z.int().nullable()),
  maxPriority: priority,
  permissions,
  grants: about("Those that have not expired; each raises every budget.", z.array(grant)),
  customerBudget: about("Of each customer that has none of its own; null: no limit.", budget.nullable()),
  requestsPerMinute: about("Null: no limit.", z.int().nullable()),
  requestsPerDay: about("Null: no limit.", z.int().nullable()),
};
export const ownKey = named(
  "OwnKey",
  "What the presented key may do, and what is left of its limits.",
  z.object({
    ...keyFields,
    budgets: about("Empty: no limit.", z.array(budgetState)),
    requestRates: about("Of each limit of requests that there is, what is left.", z.array(rate)),
  } satisfies Shape<WireOwnKey>),
);
export const ownEphemeralKey = named(
  "OwnEphemeralKey",
  "What the presented ephemeral key may do; nothing of its parent.",
  z.object({
    ephemeral: z.literal(true),
    subject: z.string(),
    tasks: about("Tasks it may read, follow and cancel besides those of its subject.", z.array(z.string())),
    expiresAt: time().nullable(),
    allowedModels: models,
    maxPriority: priority,
    permissions,
  } satisfies Shape<WireOwnEphemeralKey>),
);

const wireKeyFields = {
  ...keyFields,
  budgets: about("Empty: no limit.", z.array(budget)),
  last4: about("The plain key's last four characters.", z.string()),
  metadata: json,
  previous: about(
    "The plain form before the last rotation, and until when it works; null: none does.",
    z.object({ last4: z.string(), validUntil: time() }).nullable(),
  ),
  createdAt: time(),
  updatedAt: time(),
} satisfies Shape<WireKey>;
export const virtualKey = named(
  "Key",
  "A virtual key as administrators read it; neither its plain form nor its hash.",
  z.object(wireKeyFields),
);
export const newKey = named(
  "NewKey",
  "The only answer that holds a key's plain form.",
  z.object({
    ...wireKeyFields,
    key: about("`condt_…`: shown this once.", z.string()),
    webhookSecret: about(
      "Of a new key: what signs the webhooks that its requests name.",
      z.string().exactOptional(),
    ),
  } satisfies Shape<WireNewKey>),
);
export const keyPage = named("KeyPage", "Keys, newest first.", z.object(page(virtualKey)));
export const keyDeleted = named(
  "KeyDeleted",
  "The key is refused from now on.",
  z.object({ id: z.string(), deleted: z.literal(true) } satisfies Shape<WireKeyDeleted>),
);
export const deletedKey = named(
  "DeletedKey",
  "What is left of a deleted key.",
  z.object({
    id: z.string(),
    name: z.string(),
    last4: z.string(),
    createdAt: time(),
    deletedAt: time(),
  } satisfies Shape<WireDeletedKey>),
);
export const deletedKeyPage = named(
  "DeletedKeyPage",
  "Deleted keys, the one deleted last first.",
  z.object(page(deletedKey)),
);
export const customer = named(
  "Customer",
  "An end user of a key's owner.",
  z.object({
    customer: z.string(),
    budget: about("Its own; null: the default of its key's customers.", budget.nullable()),
    state: about("The budget that holds; null: no limit.", budgetState.nullable()),
  } satisfies Shape<WireCustomer>),
);

const ephemeralKeyFields = {
  id: about("Takes it back: the SHA-256 of the plain key in lower-case hex.", z.string()),
  expiresAt: time(),
  subject: about("The tenant that it is within its parent.", z.string()),
  permissions,
  allowedModels: models,
  maxPriority: priority,
  tasks: z.array(z.string()),
};
export const ephemeralKey = named(
  "EphemeralKey",
  "The only answer that holds the plain key.",
  z.object({
    key: about("`ek_…`.", z.string()),
    ...ephemeralKeyFields,
  } satisfies Shape<WireEphemeralKey>),
);
const listedEphemeralKey = named(
  "ListedEphemeralKey",
  "An ephemeral key without its plain form.",
  z.object({ ...ephemeralKeyFields, created: time() } satisfies Shape<WireListedEphemeralKey>),
);
export const ephemeralKeyPage = named(
  "EphemeralKeyPage",
  "Those that have not expired, the one that ends last first.",
  z.object(page(listedEphemeralKey)),
);
export const ephemeralKeyDeleted = named(
  "EphemeralKeyDeleted",
  "It is gone.",
  z.object({ id: z.string(), deleted: z.literal(true) } satisfies Shape<WireEphemeralKeyDeleted>),
);
export const clientSecret = named(
  "ClientSecret",
  "OpenAI's shape of an ephemeral key for realtime sessions.",
  z.object({
    value: about("`ek_…`.", z.string()),
    expires_at: about("Seconds since the epoch.", z.int()),
    session: about("The configuration that sessions opened with it have.", json),
  } satisfies Shape<WireClientSecret>),
);
export const betaSession = named(
  "BetaSession",
  "OpenAI's beta shape: the session as it was sent, with the secret in it.",
  z.looseObject({
    id: z.string(),
    object: z.enum(["realtime.session", "realtime.transcription_session"]),
    client_secret: z.object({ value: z.string(), expires_at: z.int() }),
  }),
);

const auditEntry = named(
  "AuditEntry",
  "A change that an administrator, or the gateway's own start, made.",
  z.object({
    id: z.string(),
    at: time(),
    actor: z.object({
      by: z.enum(["admin", "start"]),
      fingerprint: about(
        "The first 8 hex digits of the admin key's SHA-256; null at a start.",
        z.string().nullable(),
      ),
      requestId: z.string().nullable(),
    }),
    action: about("Such as `key.changed`.", z.string()),
    target: about("The id of what was changed.", z.string()),
    part: about(
      "Which part of it, such as a customer of a key; null: the target itself.",
      z.string().nullable(),
    ),
    before: about("The fields that changed, as they were; null where the target was made.", json.nullable()),
    after: about("The same as they are; null where the target is gone.", json.nullable()),
  } satisfies Shape<WireAuditEntry>),
);
export const auditPage = named("AuditPage", "Changes, newest first.", z.object(page(auditEntry)));
