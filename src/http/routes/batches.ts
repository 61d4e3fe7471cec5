/** `/v1/batches`: requests that are accepted together, all or none, read and cancelled together. */

import type { Hono } from "hono";
import type { WireAcceptedBatch, WireBatch, WireBatchPage } from "../../protocol/batch.ts";
import type { BatchService } from "../../tasks/batches/service.ts";
import { toWireBatch } from "../../tasks/batches/wire.ts";
import { acceptBatch, BATCHES, type BatchAcceptanceDependencies } from "../creation/batch-acceptance.ts";
import { batchReader } from "../creation/batch-body.ts";
import type { CreationLimits } from "../creation/creation-schema.ts";
import { type HttpContext, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";
import { ownMediaBases } from "../request/base-url.ts";
import { readJson } from "../request/body.ts";
import { pageLimit } from "../request/page.ts";
import { idOf } from "../request/task-filter.ts";
import { notSupported } from "./unsupported.ts";

export type BatchRouteDependencies = BatchAcceptanceDependencies & {
  batches: BatchService;
  limits: CreationLimits & { jsonBodyBytes: number };
};

const ONE = `${BATCHES}/:id`;
/** Seconds after which asking again is worth while. */
const POLL_SECONDS = "1";

/** Mounts the batch routes; `key` authenticates. */
export function mountBatches(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  dependencies: BatchRouteDependencies,
): void {
  const { batches, limits, urls } = dependencies;
  const read = batchReader(limits);

  app.post(BATCHES, key, async (c) => {
    const body = await readJson(c.req.raw, limits.jsonBodyBytes);
    if (typeof body === "object" && body !== null && "input_file_id" in body)
      throw notSupported("Batches of files", "input_file_id");
    const asked = read(body, () => ownMediaBases(c.req.raw, urls));
    const { batch, base } = await acceptBatch(c, asked, body, dependencies);
    const address = `${base}${BATCHES}/${batch.id}`;
    const accepted: WireAcceptedBatch = {
      ...toWireBatch(batch),
      statusUrl: address,
      cancelUrl: address,
      tasksUrl: `${base}/v1/tasks?batchId=${batch.id}`,
    };
    return c.json(accepted);
  });

  app.get(BATCHES, key, async (c) => {
    const { after, limit } = c.req.query();
    const from = after ? idOf("after", after, "the `after` of the page before") : null;
    const page = await batches.list(principalOfExchange(c).scope, { limit: pageLimit(limit), after: from });
    const data = page.batches.map(toWireBatch);
    c.header("cache-control", "no-store");
    return c.json({
      data,
      hasMore: page.hasMore,
      after: data.at(-1)?.batchId ?? null,
    } satisfies WireBatchPage);
  });

  app.get(ONE, key, async (c) =>
    answer(c, toWireBatch(await batches.read(principalOfExchange(c).scope, batchId(c)))),
  );
  app.delete(ONE, key, async (c) =>
    answer(c, toWireBatch(await batches.cancel(principalOfExchange(c).scope, batchId(c)))),
  );
}

function answer(c: HttpContext, batch: WireBatch): Response {
  c.header("cache-control", "no-store");
  if (batch.finishedAt === null) c.header("retry-after", POLL_SECONDS);
  return c.json(batch);
}

/** The `id` of the path in lower case; what is no id is found by nobody. */
function batchId(c: HttpContext): string {
  return (c.req.param("id") ?? "").toLowerCase();
}
