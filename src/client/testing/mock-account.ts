/** What the mock gateway says of a key: its models, its usage, its keys for browsers. */

import type { WireEphemeralKey } from "../../protocol/ephemeral-key.ts";
import type { WireOwnKey } from "../../protocol/key.ts";
import type { WireEstimate, WireModel, WireModelList } from "../../protocol/model.ts";
import type { TaskType, WireTask } from "../../protocol/task.ts";
import type { WireUsage, WireUsagePage } from "../../protocol/usage.ts";

const PERMISSIONS = { canGenerateImages: true, canGenerateVideos: true, canUseRealtimeAudio: true };
const SECONDS = { kind: "range", min: 1, max: 60, default: 4 } as const;

export const MOCK_KEY: WireOwnKey = {
  id: "key_mock",
  name: "mock",
  enabled: true,
  expiresAt: null,
  allowedModels: null,
  maxConcurrentTasks: null,
  maxPriority: "high",
  permissions: PERMISSIONS,
  budgets: [],
  grants: [],
  customerBudget: null,
  requestsPerMinute: null,
  requestsPerDay: null,
  requestRates: [],
};

export const MOCK_ESTIMATE: WireEstimate = {
  reserved: 0,
  currency: "USD",
  price: { free: true },
  usualSeconds: null,
};

export const MOCK_MODELS: WireModelList = {
  object: "list",
  data: [modelOf("mock/image", "image"), modelOf("mock/video", "video")],
};

export function mockEphemeralKey(
  body: { ttl_seconds?: number; subject?: string; tasks?: string[] },
  now: number,
): WireEphemeralKey {
  return {
    id: "ek_id_mock",
    key: "ek_mock",
    expiresAt: new Date(now + (body.ttl_seconds ?? 600) * 1_000).toISOString(),
    subject: body.subject ?? "mock",
    permissions: PERMISSIONS,
    allowedModels: null,
    maxPriority: "high",
    tasks: body.tasks ?? [],
  };
}

/** What ended, in one sum and by what it is grouped by. */
export function mockUsage(tasks: readonly WireTask[], query: URLSearchParams, now: number): WireUsagePage {
  const day = new Date(now).toISOString().slice(0, 10);
  const groupBy = (query.get("groupBy") ?? "day") as WireUsagePage["groupBy"];
  const groups = new Map<string | null, WireTask[]>();
  const ended = tasks.filter(({ finished }) => finished !== undefined);
  for (const task of ended) {
    const group =
      groupBy === "customer"
        ? null
        : groupBy === "day"
          ? (task.finished ?? "").slice(0, 10)
          : String(task[groupBy as "type" | "model"]);
    groups.set(group, [...(groups.get(group) ?? []), task]);
  }
  return {
    from: query.get("from") ?? day,
    to: query.get("to") ?? day,
    groupBy,
    currency: "USD",
    totals: sumOf(ended),
    data: [...groups].map(([group, members]) => ({ [groupBy]: group, ...sumOf(members) })),
    hasMore: false,
    after: null,
  };
}

export function mockUsageCsv({ groupBy, data }: WireUsagePage): string {
  const names = [groupBy, "requests", "completed", "failed", "cancelled", "items", "charged"] as const;
  const lines = data.map((row) => names.map((name) => String(row[name] ?? "")).join(","));
  return `${[names.join(","), ...lines].join("\r\n")}\r\n`;
}

function sumOf(tasks: readonly WireTask[]): WireUsage {
  const count = (status: string) => tasks.filter((task) => task.status === status).length;
  const items = tasks.map(({ result }) => (result?.images ?? result?.videos ?? []).length);
  return {
    requests: tasks.length,
    completed: count("completed"),
    failed: count("failed"),
    cancelled: count("cancelled"),
    items: items.reduce((sum, more) => sum + more, 0),
    charged: 0,
  };
}

function modelOf(id: string, type: TaskType): WireModel {
  const size = { kind: "range", minSide: 64, maxSide: 4_096, multipleOf: 1, default: "1024x1024" } as const;
  return {
    id,
    object: "model",
    created: 0,
    owned_by: "mock",
    provider: "mock",
    aliasOf: null,
    capabilities: {
      type,
      maxN: type === "image" ? 10 : 1,
      sizes: size,
      durations: type === "image" ? null : SECONDS,
      fps: null,
      qualities: [],
      styles: [],
      backgrounds: [],
      outputFormats: [],
      seed: false,
      measuredProgress: true,
      providerOptions: [],
      furtherFields: [],
    },
    parameters: { type: "object", properties: { prompt: { type: "string" } }, required: ["prompt"] },
    pricing: { free: true },
  };
}
