/** A key as administrators see it. */

import type { WireKey } from "../../protocol/key.ts";
import { isoTime } from "../../tasks/wire.ts";
import { wireBudget, wireGrants } from "../money/wire-budget.ts";
import type { VirtualKey } from "./virtual-key.ts";

/** The wire shape of a key: neither its plain form nor its hash. */
export function wireKey(key: VirtualKey): WireKey {
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
    budgets: key.budgets.map(wireBudget),
    grants: wireGrants(key.grants),
    customerBudget: key.customerBudget === null ? null : wireBudget(key.customerBudget),
    requestsPerMinute: key.requestsPerMinute,
    requestsPerDay: key.requestsPerDay,
    metadata: key.metadata,
    previous:
      key.previous === null
        ? null
        : { last4: key.previous.last4, validUntil: isoTime(key.previous.validUntil) },
    createdAt: isoTime(key.createdAt),
    updatedAt: isoTime(key.updatedAt),
  };
}
