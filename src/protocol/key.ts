/** Keys on the wire: what `GET /v1/key` answers, and how administrators make, read and change keys. */

import type { Json, Priority } from "./task.ts";

export type Permissions = {
  canGenerateImages: boolean;
  canGenerateVideos: boolean;
  canUseRealtimeAudio: boolean;
};

/** Periods a budget may count in. */
export const BUDGET_PERIODS = ["total", "daily", "weekly", "monthly"] as const;
export type BudgetPeriod = (typeof BUDGET_PERIODS)[number];

/** What may be spent in a period, in US dollars. Days, weeks (from Monday on) and months are those of UTC. */
export type WireBudget = { limit: number; period: BudgetPeriod };

/** The same with what has become of it in the period that runs. */
export type WireBudgetState = WireBudget & {
  /** What grants add to the limit now. */
  granted: number;
  charged: number;
  /** Held back for unfinished work. */
  reserved: number;
  left: number;
  /** ISO 8601: when the period is over; null: never. */
  resetsAt: string | null;
  /** The highest of 50, 80, 90 and 100 per cent that charges have reached in the period; null: none. */
  reached: 50 | 80 | 90 | 100 | null;
};

/** Raises every budget of a key until it expires. */
export type WireGrant = {
  /** US dollars. */
  amount: number;
  /** ISO 8601. */
  expiresAt: string;
};

/** A limit of requests and what is left of it. */
export type WireRequestRate = {
  per: "minute" | "day";
  limit: number;
  remaining: number;
  /** ISO 8601: when all of it is free again. */
  resetsAt: string;
};

/** The answer of `GET /v1/key`: what the caller's key may do. */
export type WireOwnKey = {
  id: string;
  name: string;
  enabled: boolean;
  /** ISO 8601; null = never. */
  expiresAt: string | null;
  /** Model names, `*` as last character matches any rest; null allows every model. */
  allowedModels: readonly string[] | null;
  /** Null = no limit of its own. */
  maxConcurrentTasks: number | null;
  maxPriority: Priority;
  permissions: Readonly<Permissions>;
  /** Empty: no limit. */
  budgets: WireBudgetState[];
  /** Those that have not expired. */
  grants: WireGrant[];
  /** The budget of each customer that has none of its own; null: no limit. */
  customerBudget: WireBudget | null;
  /** Null: no limit. */
  requestsPerMinute: number | null;
  requestsPerDay: number | null;
  /** Of each of these two limits that there is, what is left. */
  requestRates: WireRequestRate[];
};

/** A customer of a key as administrators read it. */
export type WireCustomer = {
  customer: string;
  /** Its own budget; null: the default of its key's customers. */
  budget: WireBudget | null;
  /** The budget that holds, with what has become of it; null: no limit. */
  state: WireBudgetState | null;
};

/** The body of `PUT /admin/v1/keys/{id}/customers/{customer}`; null: the default of its key's customers. */
export type SetCustomerRequest = { budget: { limit: number; period?: BudgetPeriod | undefined } | null };

/** A key as administrators read it; neither its plain form nor its hash. */
export type WireKey = Omit<WireOwnKey, "budgets" | "requestRates"> & {
  budgets: WireBudget[];
  /** The plain key's last four characters. */
  last4: string;
  metadata: Record<string, Json>;
  /** The plain form before the last rotation, and until when it works; null: none does. */
  previous: { last4: string; validUntil: string } | null;
  createdAt: string;
  updatedAt: string;
};

/** The answer to making and to rotating a key: the only one that holds its plain form. */
export type WireNewKey = WireKey & {
  key: string;
  /** Of a new key: what signs the webhooks that its requests name (`whsec_…`). */
  webhookSecret?: string;
};

/** A page of keys, newest first; `after` asks for the next one. */
export type WireKeyPage = { data: WireKey[]; hasMore: boolean; after: string | null };

export type WireKeyDeleted = { id: string; deleted: true };

/** What is left of a deleted key: `?deleted=true` lists and reads them. */
export type WireDeletedKey = {
  id: string;
  name: string;
  last4: string;
  createdAt: string;
  deletedAt: string;
};

/** A page of deleted keys, the one deleted last first. */
export type WireDeletedKeyPage = { data: WireDeletedKey[]; hasMore: boolean; after: string | null };

/** The body of `POST /admin/v1/keys/{id}/rotate`; without one the old plain form is refused at once. */
export type RotateKeyRequest = {
  /** How long the old plain form still works, 0 to 86,400. */
  overlapSeconds?: number | undefined;
};

/** What an administrator may set; null lifts a limit. */
type KeyFields = {
  /** Default true. */
  enabled?: boolean | undefined;
  /** ISO 8601 with a zone; default never. */
  expiresAt?: string | null | undefined;
  /** Default every model. */
  allowedModels?: string[] | null | undefined;
  /** Default all; where some are named for a new key, the others are not granted. */
  permissions?: { [K in keyof Permissions]?: boolean | undefined } | undefined;
  /** Default `high`. */
  maxPriority?: Priority | undefined;
  maxConcurrentTasks?: number | null | undefined;
  /** At most one of each period; `total` where none is named. Default none. */
  budgets?: { limit: number; period?: BudgetPeriod | undefined }[] | null | undefined;
  /** Default none. */
  grants?: WireGrant[] | null | undefined;
  customerBudget?: { limit: number; period?: BudgetPeriod | undefined } | null | undefined;
  requestsPerMinute?: number | null | undefined;
  requestsPerDay?: number | null | undefined;
  metadata?: Record<string, Json> | undefined;
};

/** The body of `POST /admin/v1/keys`. */
export type CreateKeyRequest = KeyFields & { name: string };

/** The body of `PATCH /admin/v1/keys/{id}`; what is left out stays. */
export type ChangeKeyRequest = KeyFields & { name?: string | undefined };
