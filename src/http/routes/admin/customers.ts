/** `/admin/v1/keys/{id}/customers/{customer}`: the budget of one end user of a key's owner. */

import type { Hono } from "hono";
import { z } from "zod";
import type { AuditDraft } from "../../../accounts/audit-store.ts";
import { noSuchKey } from "../../../accounts/keys/key-refusals.ts";
import { type Budget, sameBudget } from "../../../accounts/money/budgets.ts";
import { storedCustomer } from "../../../accounts/money/customer.ts";
import type { LedgerStore } from "../../../accounts/money/ledger-store.ts";
import { wireBudget, wireBudgetState } from "../../../accounts/money/wire-budget.ts";
import { ApiError } from "../../../protocol/error.ts";
import type { SetCustomerRequest, WireCustomer } from "../../../protocol/key.ts";
import { auditActor, type HttpContext, type HttpEnv, type HttpMiddleware } from "../../exchange.ts";
import { jsonBody, validBody } from "../../request/body.ts";
import { keyId } from "./key-query.ts";
import { budgetShape } from "./limits-schema.ts";

const ONE = "/admin/v1/keys/:id/customers/:customer";
/** How often a change is made anew of what another request has left meanwhile. */
const MAX_TRIES = 8;
/** The body of `PUT /admin/v1/keys/{id}/customers/{customer}`. */
export const customerSchema = z.strictObject({ budget: budgetShape.nullable() }) satisfies z.ZodType<
  { budget: Budget | null },
  SetCustomerRequest
>;

export type AdminCustomerDependencies = {
  ledger: Pick<LedgerStore, "customerStanding" | "setCustomerBudget">;
  maxBodyBytes: number;
};

/** Mounts the routes of customers; `admin` authenticates. Every customer there can be is found, also before its first task. */
export function mountAdminCustomers(
  app: Hono<HttpEnv>,
  admin: HttpMiddleware,
  { ledger, maxBodyBytes }: AdminCustomerDependencies,
): void {
  const named = async (c: HttpContext) => ({
    id: keyId(c.req.param("id") ?? ""),
    customer: await storedCustomer(c.req.param("customer") ?? ""),
  });
  const answer = async (c: HttpContext, id: string, customer: string): Promise<Response> => {
    const standing = await ledger.customerStanding(id, customer);
    if (standing === null) return noSuchKey(id);
    const { own, budget } = standing;
    c.header("cache-control", "no-store");
    return c.json({
      customer,
      budget: own === null ? null : wireBudget(own),
      state: budget === null ? null : wireBudgetState(budget),
    } satisfies WireCustomer);
  };
  // The audit log tells what the customer had in the step that changed it, and nothing of what changes nothing.
  const set = async (c: HttpContext, budget: Budget | null): Promise<Response> => {
    const { id, customer } = await named(c);
    const told = (own: Budget | null) => ({ budget: own === null ? null : wireBudget(own) });
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const standing = await ledger.customerStanding(id, customer);
      if (standing === null) return noSuchKey(id);
      const before = standing.own;
      if (sameBudget(before, budget)) return answer(c, id, customer);
      const audit: AuditDraft = {
        actor: auditActor(c),
        action: "customer.changed",
        target: id,
        part: customer,
        before: told(before),
        after: told(budget),
      };
      const outcome = await ledger.setCustomerBudget(id, customer, budget, { before, audit });
      if (outcome === "missing") return noSuchKey(id);
      if (outcome === "set") return answer(c, id, customer);
    }
    throw new ApiError(
      "overloaded",
      "This customer's budget is being changed by several requests at once. Read it and decide anew.",
      { retryAfterSeconds: 1 },
    );
  };

  app.get(ONE, admin, async (c) => {
    const { id, customer } = await named(c);
    return answer(c, id, customer);
  });
  app.put(ONE, admin, jsonBody(maxBodyBytes), validBody(customerSchema, new Set(["budget"])), (c) =>
    set(c, c.req.valid("json").budget),
  );
  app.delete(ONE, admin, (c) => set(c, null));
}
