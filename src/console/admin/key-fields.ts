/** What the form of a key holds, and the request that it becomes. */

import {
  BUDGET_PERIODS,
  type BudgetPeriod,
  type CreateKeyRequest,
  type WireKey,
} from "../../protocol/key.ts";
import type { Priority } from "../../protocol/task.ts";

/** Numbers are texts, as they were typed; empty: no limit. */
export type KeyFormState = {
  name: string;
  enabled: boolean;
  /** Of the browser's own control: local time without a zone. */
  expiresAt: string;
  /** Names, one a line or parted by commas; empty: every model. */
  models: string;
  images: boolean;
  videos: boolean;
  voice: boolean;
  maxPriority: Priority;
  maxConcurrentTasks: string;
  budgets: Readonly<Record<BudgetPeriod, string>>;
  customerLimit: string;
  customerPeriod: BudgetPeriod;
  requestsPerMinute: string;
  requestsPerDay: string;
};

const NO_BUDGETS = Object.fromEntries(BUDGET_PERIODS.map((period) => [period, ""])) as Record<
  BudgetPeriod,
  string
>;

/** The form of a key; without one, of a new key. */
export function formOf(key: WireKey | null): KeyFormState {
  return {
    name: key?.name ?? "",
    enabled: key?.enabled ?? true,
    expiresAt: key?.expiresAt ? localTime(key.expiresAt) : "",
    models: key?.allowedModels?.join("\n") ?? "",
    images: key?.permissions.canGenerateImages ?? true,
    videos: key?.permissions.canGenerateVideos ?? true,
    voice: key?.permissions.canUseRealtimeAudio ?? true,
    maxPriority: key?.maxPriority ?? "high",
    maxConcurrentTasks: textOf(key?.maxConcurrentTasks),
    budgets: {
      ...NO_BUDGETS,
      ...Object.fromEntries(key?.budgets.map(({ period, limit }) => [period, String(limit)]) ?? []),
    },
    customerLimit: textOf(key?.customerBudget?.limit),
    customerPeriod: key?.customerBudget?.period ?? "monthly",
    requestsPerMinute: textOf(key?.requestsPerMinute),
    requestsPerDay: textOf(key?.requestsPerDay),
  };
}

/** The request that makes the key so, which is null for a new one; what it leaves out the form does not show. */
export function fieldsOf(form: KeyFormState, key: WireKey | null): CreateKeyRequest {
  const models = form.models.split(/[\n,]/).flatMap((name) => name.trim() || []);
  const customerLimit = numberOf(form.customerLimit);
  return {
    name: form.name,
    enabled: form.enabled,
    // The browser's control has no seconds: an end that was not touched stays as it was.
    expiresAt: form.expiresAt === formOf(key).expiresAt ? (key?.expiresAt ?? null) : momentOf(form.expiresAt),
    allowedModels: models.length === 0 ? null : models,
    permissions: {
      canGenerateImages: form.images,
      canGenerateVideos: form.videos,
      canUseRealtimeAudio: form.voice,
    },
    maxPriority: form.maxPriority,
    maxConcurrentTasks: numberOf(form.maxConcurrentTasks),
    budgets: BUDGET_PERIODS.flatMap((period) => {
      const limit = numberOf(form.budgets[period]);
      return limit === null ? [] : { period, limit };
    }),
    customerBudget: customerLimit === null ? null : { limit: customerLimit, period: form.customerPeriod },
    requestsPerMinute: numberOf(form.requestsPerMinute),
    requestsPerDay: numberOf(form.requestsPerDay),
  };
}

function momentOf(local: string): string | null {
  return local === "" ? null : new Date(local).toISOString();
}

function numberOf(text: string): number | null {
  return text.trim() === "" ? null : Number(text);
}

function textOf(value: number | null | undefined): string {
  return value === null || value === undefined ? "" : String(value);
}

/** As the browser's control for dates wants it. */
function localTime(iso: string): string {
  const at = new Date(iso);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, "2026-11-30T12:00".length);
}
