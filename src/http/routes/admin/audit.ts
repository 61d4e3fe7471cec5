/** `/admin/v1/audit`: what administrators changed. */

import type { Hono } from "hono";
import {
  AUDIT_ACTIONS,
  type AuditAction,
  type AuditEntry,
  type AuditStore,
} from "../../../accounts/audit-store.ts";
import type { WireAuditEntry, WireAuditPage } from "../../../protocol/audit.ts";
import { ApiError } from "../../../protocol/error.ts";
import { isoTime } from "../../../tasks/wire.ts";
import type { HttpEnv, HttpMiddleware } from "../../exchange.ts";
import { pageLimit } from "../../request/page.ts";
import { describeReceived } from "../../request/schema-issue.ts";

const ENTRY_ID = /^aud_[1-9]\d{0,14}$/;
/** As targets are kept. */
const TARGET = /^[^\s]{1,200}$/;

/** Mounts the route; `admin` authenticates. */
export function mountAudit(
  app: Hono<HttpEnv>,
  admin: HttpMiddleware,
  store: Pick<AuditStore, "listAudit">,
): void {
  app.get("/admin/v1/audit", admin, async (c) => {
    const after = matching(c.req.query("after"), "after", ENTRY_ID, "the `after` of the page before");
    const target = matching(c.req.query("target"), "target", TARGET, "the id of what was changed");
    const action = actionOf(c.req.query("action"));
    const limit = pageLimit(c.req.query("limit"));
    const { entries, hasMore } = await store.listAudit({ limit, after, target, action });
    c.header("cache-control", "no-store");
    const data = entries.map(wireEntry);
    return c.json({ data, hasMore, after: data.at(-1)?.id ?? null } satisfies WireAuditPage);
  });
}

function matching(text: string | undefined, param: string, shape: RegExp, expected: string): string | null {
  if (!text) return null;
  if (shape.test(text)) return text;
  throw new ApiError("invalid_parameter", `${param} must be ${expected}; ${describeReceived(text)} came.`, {
    param,
  });
}

function actionOf(text: string | undefined): AuditAction | null {
  if (!text) return null;
  const action = AUDIT_ACTIONS.find((known) => known === text);
  if (action !== undefined) return action;
  throw new ApiError(
    "invalid_parameter",
    `action must be one of ${AUDIT_ACTIONS.join(", ")}; ${describeReceived(text)} came.`,
    { param: "action" },
  );
}

function wireEntry({ at, ...entry }: AuditEntry): WireAuditEntry {
  return { ...entry, at: isoTime(at) };
}
