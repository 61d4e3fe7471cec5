/** A batch as clients read it. */

import type { WireBatch } from "../../protocol/batch.ts";
import { isoTime } from "../wire.ts";
import { type Batch, batchStatus } from "./batch.ts";

/** The read shape. On Redis the end of a batch is printed by scripts/batches/batch-counts.lua: a field stands in both. */
export function toWireBatch(batch: Batch): WireBatch {
  const { id, taskIds, metadata, createdAt, finishedAt, counts } = batch;
  return {
    batchId: id,
    status: batchStatus(batch),
    counts: { ...counts, total: Object.values(counts).reduce((sum, count) => sum + count, 0) },
    taskIds: [...taskIds],
    metadata: { ...metadata },
    created: isoTime(createdAt),
    finishedAt: finishedAt === null ? null : isoTime(finishedAt),
  };
}
