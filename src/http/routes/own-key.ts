/** `GET /v1/key`: what the presented key may do, and what is left of its budgets. */

import type { Hono } from "hono";
import type { Budget, LedgerStore } from "../../accounts/ledger-store.ts";
import type { WireBudgetState, WireOwnKey } from "../../protocol/key.ts";
import { dollars } from "../../tasks/dollars.ts";
import { isoTime } from "../../tasks/wire.ts";
import { type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";

/** Mounts the route; `key` authenticates. */
export function mountOwnKey(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  ledger: Pick<LedgerStore, "balance">,
): void {
  const stateOf = async (keyId: string, { limitMicros, period }: Budget): Promise<WireBudgetState> => {
    const { chargedMicros, reservedMicros } = await ledger.balance(keyId, null, period);
    return {
      limit: dollars(limitMicros),
      period,
      charged: dollars(chargedMicros),
      reserved: dollars(reservedMicros),
      left: dollars(Math.max(0, limitMicros - chargedMicros - reservedMicros)),
    };
  };

  app.get("/v1/key", key, async (c) => {
    const principal = principalOfExchange(c);
    const { keyId } = principal;
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
      budgets: await Promise.all(principal.budgets.map((budget) => stateOf(keyId, budget))),
    };
    return c.json(answer);
  });
}
