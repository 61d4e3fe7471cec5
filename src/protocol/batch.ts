/** The wire shapes of batches. Shared by the server and the SDK; imports nothing of ours but other wire shapes. */

import type { ImageFields, VideoFields } from "./create-request.ts";
import type { TaskStatus } from "./task.ts";

export const BATCH_STATUSES = ["queued", "running", "completed", "cancelled"] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

/** How many tasks have which status; `total` is all of them. */
export type WireBatchCounts = Record<TaskStatus | "total", number>;

/** The read shape: of `GET`, `DELETE` and lists, and what webhooks are told. */
export type WireBatch = {
  batchId: string;
  status: BatchStatus;
  counts: WireBatchCounts;
  /** In the order of the requests. */
  taskIds: string[];
  metadata: Record<string, string>;
  created: string;
  /** When the last of its tasks ended; null while one has not. */
  finishedAt: string | null;
};

/** What `POST /v1/batches` answers: the read shape, and where to go on. */
export type WireAcceptedBatch = WireBatch & {
  statusUrl: string;
  cancelUrl: string;
  /** Lists its tasks. */
  tasksUrl: string;
};

export type WireBatchPage = { data: WireBatch[]; hasMore: boolean; after: string | null };

/** One request of a batch: a create body, and which create it is. */
export type BatchItem = ({ type: "image" } & ImageFields) | ({ type: "video" } & VideoFields);

export type BatchRequest = {
  requests: BatchItem[];
  /** Hears of the batch's end alone; items may name webhooks of their own. */
  webhook_url?: string | undefined;
  webhook_headers?: Record<string, string> | undefined;
  metadata?: Record<string, string> | undefined;
};
