/** `GET /v1/key`: what the presented key may do, and what is left of its limits. */

import type { Hono } from "hono";
import type { LedgerStore } from "../../accounts/ledger-store.ts";
import { wireBudget, wireBudgetState, wireGrants, wireRequestRate } from "../../accounts/wire-budget.ts";
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
    const standing = await ledger.keyStanding(keyId);
    const { at, budgets, rates } = standing ?? { at: 0, budgets: [], rates: [] };
    c.header("cache-control", "no-store");
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
