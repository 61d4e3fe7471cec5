/** `GET /v1/key`: what the presented key may do, and what is left of its limits. */

import type { Hono } from "hono";
import type { LedgerStore } from "../../accounts/money/ledger-store.ts";
import {
  wireBudget,
  wireBudgetState,
  wireGrants,
  wireRequestRate,
} from "../../accounts/money/wire-budget.ts";
import { isEphemeral, type Principal } from "../../accounts/principal.ts";
import type { WireOwnEphemeralKey } from "../../protocol/ephemeral-key.ts";
import type { WireOwnKey } from "../../protocol/key.ts";
import { isoTime } from "../../tasks/wire.ts";
import { type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";

/** Mounts the route; `key` authenticates. */
export function mountOwnKey(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  ledger: Pick<LedgerStore, "keyStanding">,
): void {
  app.get("/v1/key", key, async (c) => {
    const principal = principalOfExchange(c);
    const { keyId, customerBudget } = principal;
    c.header("cache-control", "no-store");
    if (isEphemeral(principal)) return c.json(ownEphemeralKey(principal));
    const standing = await ledger.keyStanding(keyId);
    const { at, budgets, rates } = standing ?? { at: 0, budgets: [], rates: [] };
    const answer: WireOwnKey = {
      id: keyId,
      name: principal.keyName,
      enabled: true,
      expiresAt: principal.expiresAt === null ? null : isoTime(principal.expiresAt),
      allowedModels: principal.allowedModels,
      maxConcurrentTasks: principal.maxConcurrentTasks,
      maxPriority: principal.maxPriority,
      permissions: principal.permissions,
      budgets: budgets.map(wireBudgetState),
      grants: wireGrants(principal.grants.filter(({ expiresAt }) => expiresAt > at)),
      customerBudget: customerBudget === null ? null : wireBudget(customerBudget),
      requestsPerMinute: principal.requestsPerMinute,
      requestsPerDay: principal.requestsPerDay,
      requestRates: rates.map((rate) => wireRequestRate(rate, at)),
    };
    return c.json(answer);
  });
}

/** Nothing of its parent: neither its name nor its money are the business of whoever sits before a browser. */
function ownEphemeralKey(principal: Principal): WireOwnEphemeralKey {
  const { tenant, scope, expiresAt, allowedModels, maxPriority, permissions } = principal;
  return {
    ephemeral: true,
    subject: tenant.subject,
    tasks: scope.granted ?? [],
    expiresAt: expiresAt === null ? null : isoTime(expiresAt),
    allowedModels,
    maxPriority,
    permissions,
  };
}
