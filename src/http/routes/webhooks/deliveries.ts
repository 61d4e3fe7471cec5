/** What was sent to webhooks, and is still to be: for a task, for a key, for administrators; and sending it again. */

import type { Hono } from "hono";
import type { AuditStore } from "../../../accounts/audit-store.ts";
import { ApiError } from "../../../protocol/error.ts";
import type { WireAdminDelivery, WireDelivery, WireDeliveryPage } from "../../../protocol/webhook.ts";
import type { TaskService } from "../../../tasks/service.ts";
import { isoTime } from "../../../tasks/wire.ts";
import {
  DELIVERY_STATUSES,
  type Delivery,
  type DeliveryQuery,
  type DeliveryStore,
} from "../../../webhooks/delivery-store.ts";
import {
  auditActor,
  type HttpContext,
  type HttpEnv,
  type HttpMiddleware,
  principalOfExchange,
} from "../../exchange.ts";
import { pageLimit } from "../../request/page.ts";
import { describeReceived } from "../../request/schema-issue.ts";
import { taskIdOf } from "../../request/task-id.ts";
import { webhookOwner } from "./owner.ts";

const LIST = "/v1/webhooks/deliveries";
const ADMIN_LIST = "/admin/v1/webhook-deliveries";
/** Bounds what is asked of the store. */
const DELIVERY_ID = /^[A-Za-z0-9_-]{1,256}$/;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

export type DeliveryRouteDependencies = {
  store: Pick<DeliveryStore, "listDeliveries" | "taskDeliveries" | "replayDelivery"> &
    Pick<AuditStore, "recordAudit">;
  tasks: Pick<TaskService, "read">;
  /** The delivery is to be sent now; where nobody can be told, a sweep finds it. */
  ring(id: string): void;
};

/** Mounts the routes; `key` and `admin` authenticate. */
export function mountDeliveries(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  admin: HttpMiddleware,
  { store, tasks, ring }: DeliveryRouteDependencies,
): void {
  const replay = async (keyId: string | null, id: string): Promise<Delivery> => {
    const delivery = DELIVERY_ID.test(id) ? await store.replayDelivery(keyId, id) : null;
    if (delivery === null) throw missing();
    ring(id);
    return delivery;
  };

  app.get("/v1/tasks/:id/deliveries", key, async (c) => {
    const { scope, tenant } = principalOfExchange(c);
    const { task } = await tasks.read(scope, taskIdOf(c));
    // The endpoints of a key are its own business, and so are the addresses it gave its tasks: none of the keys made from it.
    const mine = task.tenant.subject === tenant.subject;
    const own = ({ endpointId }: Delivery) => tenant.subject === "" || (mine && endpointId === null);
    const data = (await store.taskDeliveries(task.id)).filter(own).map(wireDelivery);
    c.header("cache-control", "no-store");
    return c.json({ data, hasMore: false, after: null } satisfies WireDeliveryPage);
  });

  app.get(LIST, key, async (c) => {
    const owner = webhookOwner(c);
    const endpointId = nameIn(c, "endpointId");
    const page = await store.listDeliveries(owner, { ...queryOf(c), endpointId });
    return c.json(pageOf(page.deliveries.map(wireDelivery), page.hasMore) satisfies WireDeliveryPage);
  });

  app.post(`${LIST}/:id/replay`, key, async (c) =>
    c.json(wireDelivery(await replay(webhookOwner(c), c.req.param("id")))),
  );

  app.get(ADMIN_LIST, admin, async (c) => {
    const keyId = nameIn(c, "keyId") ?? null;
    const endpointId = nameIn(c, "endpointId");
    if (endpointId !== undefined && keyId === null)
      throw new ApiError("missing_parameter", "endpointId goes with keyId: name the key it is of.", {
        param: "keyId",
      });
    const page = await store.listDeliveries(keyId, { ...queryOf(c), endpointId });
    const answer = pageOf(page.deliveries.map(adminDelivery), page.hasMore);
    return c.json(answer satisfies WireDeliveryPage<WireAdminDelivery>);
  });

  app.post(`${ADMIN_LIST}/:id/replay`, admin, async (c) => {
    const delivery = await replay(null, c.req.param("id"));
    await store.recordAudit({
      actor: auditActor(c),
      action: "delivery.replayed",
      target: delivery.id,
      part: null,
      before: null,
      after: { keyId: delivery.keyId },
    });
    return c.json(adminDelivery(delivery));
  });
}

function queryOf(c: HttpContext): DeliveryQuery {
  const { status, limit, after } = c.req.query();
  const query = { limit: pageLimit(limit) };
  const known = DELIVERY_STATUSES.find((one) => one === status);
  if (status && known === undefined)
    throw invalid("status", `one of ${DELIVERY_STATUSES.join(", ")}`, status);
  if (after && !DELIVERY_ID.test(after)) throw invalid("after", "the `after` of the page before", after);
  c.header("cache-control", "no-store");
  return { ...query, status: known, after: after || undefined };
}

function nameIn(c: HttpContext, param: string): string | undefined {
  const text = c.req.query(param);
  if (!text) return undefined;
  if (!NAME.test(text)) throw invalid(param, "an id, as it was answered", text);
  return text;
}

function pageOf<One extends { id: string }>(data: One[], hasMore: boolean): WireDeliveryPage<One> {
  return { data, hasMore, after: data.at(-1)?.id ?? null };
}

function wireDelivery(delivery: Delivery): WireDelivery {
  const { id, taskId, endpointId, url, type, status, attempts, nextAttemptAt, at } = delivery;
  return {
    id,
    taskId,
    endpointId,
    url,
    type,
    status,
    attempts: attempts.map(({ at, ms, httpStatus, error }) => ({ at: isoTime(at), ms, httpStatus, error })),
    nextAttemptAt: nextAttemptAt === null ? null : isoTime(nextAttemptAt),
    created: isoTime(at),
  };
}

function adminDelivery(delivery: Delivery): WireAdminDelivery {
  return { ...wireDelivery(delivery), keyId: delivery.keyId };
}

function invalid(param: string, expected: string, came: string): ApiError {
  return new ApiError("invalid_parameter", `${param} must be ${expected}; ${describeReceived(came)} came.`, {
    param,
  });
}

function missing(): ApiError {
  return new ApiError(
    "not_found",
    "There is no delivery with that id. They are kept as long as tasks; a task that is purged takes its own along.",
    { param: "id" },
  );
}
