/** `GET /v1/usage`: what the presented key used. A key over its budget may still ask. */

import type { Hono } from "hono";
import { storedCustomer } from "../../accounts/money/customer.ts";
import type { UsageStore } from "../../accounts/money/usage-store.ts";
import { ApiError } from "../../protocol/error.ts";
import { USAGE_GROUPS } from "../../protocol/usage.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import { type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";
import { answerUsage } from "../usage/usage-answer.ts";
import { usageQuery } from "../usage/usage-query.ts";

/** Mounts the route; `key` authenticates. An ephemeral key sees the usage of its own subject, which is the customer of its work. */
export function mountUsage(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  store: UsageStore,
  clock: Pick<Clock, "now">,
): void {
  app.get("/v1/usage", key, async (c) => {
    const { keyId, scope } = principalOfExchange(c);
    const query = usageQuery((name) => c.req.query(name), USAGE_GROUPS, clock.now());
    const asked = query.customer === null ? null : await storedCustomer(query.customer);
    const own = scope.subject === null ? null : await storedCustomer(scope.subject);
    if (own !== null && asked !== null && asked !== own)
      throw new ApiError(
        "permission_denied",
        "An ephemeral key reads the usage of its own subject alone. Leave `customer` out.",
        { param: "customer" },
      );
    return answerUsage(c, store, { scope: { keyId, customer: own ?? asked }, admin: false }, query);
  });
}
