/** The form of a key and the request that it becomes. */

import { describe, expect, test } from "vitest";
import { fieldsOf, formOf } from "../../../src/console/admin/key-fields.ts";
import type { WireKey } from "../../../src/protocol/key.ts";

const KEY = {
  name: "shop",
  enabled: true,
  expiresAt: "2027-03-01T12:00:45.500Z",
  allowedModels: ["local/canvas", "openai/*"],
  permissions: { canGenerateImages: true, canGenerateVideos: false, canUseRealtimeAudio: true },
  maxPriority: "normal",
  maxConcurrentTasks: 3,
  budgets: [{ period: "daily", limit: 12.5 }],
  customerBudget: { limit: 2, period: "weekly" },
  requestsPerMinute: null,
  requestsPerDay: 1_000,
} as unknown as WireKey;

describe("the form of a key", () => {
  test("that nobody touched leaves the key as it is, the seconds of its end included", () => {
    expect(fieldsOf(formOf(KEY), KEY)).toEqual(KEY);
  });

  test("sets another end, or none", () => {
    const form = { ...formOf(KEY), expiresAt: "2027-04-01T08:30" };
    expect(fieldsOf(form, KEY).expiresAt).toBe(new Date("2027-04-01T08:30").toISOString());
    expect(fieldsOf({ ...form, expiresAt: "" }, KEY).expiresAt).toBeNull();
  });

  test("of a new key has no limits", () => {
    expect(fieldsOf({ ...formOf(null), name: "new" }, null)).toMatchObject({
      name: "new",
      expiresAt: null,
      allowedModels: null,
      budgets: [],
      customerBudget: null,
      requestsPerDay: null,
    });
  });
});
