/** Keys on the wire: what `GET /v1/key` answers, and how administrators make, read and change keys. */

import type { Json, Priority } from "./task.ts";

export type Permissions = {
  canGenerateImages: boolean;
  canGenerateVideos: boolean;
  canUseRealtimeAudio: boolean;
};

/** Periods a budget may count in. */
export const BUDGET_PERIODS = ["total"] as const;

/** What a key may spend in a period, in US dollars. */
export type WireBudget = { limit: number; period: (typeof BUDGET_PERIODS)[number] };

/** The same with what has become of it. */
export type WireBudgetState = WireBudget & {
  charged: number;
  /** Held back for unfinished work. */
  reserved: number;
  left: number;
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
};

/** A key as administrators read it; neither its plain form nor its hash. */
export type WireKey = Omit<WireOwnKey, "budgets"> & {
  budgets: WireBudget[];
  /** The plain key's last four characters. */
  last4: string;
  metadata: Record<string, Json>;
  createdAt: string;
  updatedAt: string;
};

/** The answer to making and to rotating a key: the only one that holds its plain form. */
export type WireNewKey = WireKey & { key: string };

/** A page of keys, newest first; `after` asks for the next one. */
export type WireKeyPage = { data: WireKey[]; hasMore: boolean; after: string | null };

export type WireKeyDeleted = { id: string; deleted: true };

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
  /** At most one, of period `total`; default none. */
  budgets?: { limit: number; period?: WireBudget["period"] | undefined }[] | null | undefined;
  metadata?: Record<string, Json> | undefined;
};

/** The body of `POST /admin/v1/keys`. */
export type CreateKeyRequest = KeyFields & { name: string };

/** The body of `PATCH /admin/v1/keys/{id}`; what is left out stays. */
export type ChangeKeyRequest = KeyFields & { name?: string | undefined };
