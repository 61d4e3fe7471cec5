/** `/admin/v1/usage` and `/admin/v1/keys/{id}/usage`, `/ledger`: what keys used, and each entry of it. */

import type { Hono } from "hono";
import { storedCustomer } from "../../../accounts/money/customer.ts";
import type { LedgerStore, Movement } from "../../../accounts/money/ledger-store.ts";
import type { UsageStore } from "../../../accounts/money/usage-store.ts";
import { ApiError } from "../../../protocol/error.ts";
import {
  ADMIN_USAGE_GROUPS,
  USAGE_GROUPS,
  type WireMovement,
  type WireMovementPage,
} from "../../../protocol/usage.ts";
import { dollars } from "../../../tasks/dollars.ts";
import type { Clock } from "../../../tasks/ports/clock.ts";
import { isoTime } from "../../../tasks/wire.ts";
import type { HttpContext, HttpEnv, HttpMiddleware } from "../../exchange.ts";
import { pageLimit } from "../../request/page.ts";
import { describeReceived } from "../../request/schema-issue.ts";
import { answerUsage } from "../../usage/usage-answer.ts";
import { usageQuery } from "../../usage/usage-query.ts";
import { keyId } from "./key-query.ts";

type AdminUsageStore = UsageStore & Pick<LedgerStore, "listMovements">;

/** Mounts the routes; `admin` authenticates. What a deleted key used is told as long as it is kept. */
export function mountAdminUsage(
  app: Hono<HttpEnv>,
  admin: HttpMiddleware,
  store: AdminUsageStore,
  clock: Pick<Clock, "now">,
): void {
  app.get("/admin/v1/usage", admin, async (c) => {
    const query = usageQuery((name) => c.req.query(name), ADMIN_USAGE_GROUPS, clock.now());
    if (query.customer !== null)
      throw new ApiError(
        "invalid_parameter",
        "Customers belong to keys: ask GET /admin/v1/keys/{id}/usage for one of them.",
        { param: "customer" },
      );
    return answerUsage(c, store, { scope: { keyId: null, customer: null }, admin: true }, query);
  });

  app.get("/admin/v1/keys/:id/usage", admin, async (c) => {
    const id = keyId(c.req.param("id"), "id");
    const query = usageQuery((name) => c.req.query(name), USAGE_GROUPS, clock.now());
    const customer = query.customer === null ? null : await storedCustomer(query.customer);
    return answerUsage(c, store, { scope: { keyId: id, customer }, admin: true }, query);
  });

  app.get("/admin/v1/keys/:id/ledger", admin, async (c) =>
    answerLedger(c, store, keyId(c.req.param("id") ?? "", "id")),
  );
}

async function answerLedger(c: HttpContext, store: AdminUsageStore, id: string): Promise<Response> {
  const limit = pageLimit(c.req.query("limit"));
  const { movements, hasMore } = await store.listMovements(id, {
    limit,
    before: placeIn(c.req.query("after")),
  });
  const last = movements.at(-1);
  const answer: WireMovementPage = {
    data: movements.map(wireMovement),
    hasMore,
    after: last === undefined ? null : `${last.at}-${last.id}`,
  };
  c.header("cache-control", "no-store");
  return c.json(answer);
}

/** Of a later bill the id has what was billed before it at its end. */
const CURSOR = /^(\d{1,15})-((?:task|session)\/[0-9a-f-]{36}(?:\/\d{1,16})?)$/;

function placeIn(text: string | undefined): Pick<Movement, "id" | "at"> | null {
  if (!text) return null;
  const [, at, id] = CURSOR.exec(text) ?? [];
  if (at !== undefined && id !== undefined) return { at: Number(at), id };
  throw new ApiError(
    "invalid_parameter",
    `after must be the cursor \`after\` of the page before; ${describeReceived(text)} came.`,
    { param: "after" },
  );
}

function wireMovement(movement: Movement): WireMovement {
  const { source, sourceId, subject, customer, type, model, provider, windows, at } = movement;
  return {
    source,
    id: sourceId,
    subject: subject || null,
    customer,
    type,
    model,
    provider,
    charged: dollars(movement.chargedMicros),
    upstreamCost: movement.upstreamMicros === null ? null : dollars(movement.upstreamMicros),
    overrun: dollars(movement.overrunMicros),
    windows,
    at: isoTime(at),
  };
}
