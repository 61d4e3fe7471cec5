import { afterEach, beforeEach, expect, test } from "vitest";
import { deploymentHealth } from "../../../src/compose/deployment-app.ts";
import type { HostHealth } from "../../../src/compose/operations/health.ts";
import { registerMetrics } from "../../../src/compose/operations/metrics.ts";
import { stepWorkerOptions } from "../../../src/compose/options.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { HealthPart } from "../../../src/http/routes/health.ts";
import { MetricsRegistry } from "../../../src/metrics/registry.ts";
import { Catalogue } from "../../../src/providers/catalogue.ts";
import { createLocalOffer } from "../../../src/providers/local/offer.ts";
import { openSqliteFile } from "../../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore, type SqliteStore } from "../../../src/stores/sqlite/store.ts";
import { systemClock } from "../../../src/tasks/ports/clock.ts";
import { StoreUnavailableError } from "../../../src/tasks/ports/store-error.ts";
import { taskDraft } from "../../fixture/task-draft.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";

const UPSTASH = { UPSTASH_REDIS_REST_URL: "https://x.upstash.io", UPSTASH_REDIS_REST_TOKEN: "token" };

let store: SqliteStore;
let rings: HealthPart;

beforeEach(async () => {
  store = createSqliteStore({ database: openSqliteFile(":memory:"), now: Date.now });
  await store.createKey(virtualKey({ id: "a" }));
  rings = { status: "ok", kind: "alarms" };
});
afterEach(() => store.close());

function health(env: Record<string, string> = {}): HostHealth {
  const { settings } = loadConfig({ env, host: "worker" });
  return deploymentHealth({
    store,
    clock: systemClock,
    settings,
    ringHealth: () => rings,
    catalogue: new Catalogue({ offers: [createLocalOffer({ clock: systemClock })] }),
    stepWorkerOptions: stepWorkerOptions(settings),
  });
}

async function accept(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1)
    await store.create(taskDraft({ id: `task-${index}` }), { maxQueuedPerKey: 100 });
}

test.each([
  [{}, "Durable Object"],
  [UPSTASH, "Upstash Redis"],
])("the health says which store it is (%#)", async (env, kind) => {
  expect(await health(env).ready()).toBe(true);
  expect((await health(env).parts()).store).toEqual({ status: "ok", kind });
});

test("it counts what waits and what is held, beside what may be held", async () => {
  await accept(3);
  await store.claim({ lane: "image", leaseMs: 60_000, max: 1 });
  expect((await health().parts()).queue).toMatchObject({
    status: "ok",
    kind: "alarms",
    imageReady: 2,
    imageDelayed: 0,
    imageHeld: 1,
    imageHeldAtMost: 50,
    videoReady: 0,
  });
});

test("it is degraded while rings fail, and still ready", async () => {
  rings = { status: "degraded", kind: "QStash", detail: "rings cannot be sent", ringsFailed: 4 };
  expect(await health().ready()).toBe(true);
  expect((await health().parts()).queue).toMatchObject({ ...rings, imageReady: 0 });
});

test("without its store it is down, says in a word why, and repeats nothing that the store said", async () => {
  store.ping = () => Promise.reject(new StoreUnavailableError("broken", "refused Bearer token"));
  store.stats = store.ping as never;
  expect(await health(UPSTASH).ready()).toBe(false);
  const parts = await health(UPSTASH).parts();
  expect(parts.store).toEqual({
    status: "down",
    kind: "Upstash Redis",
    detail:
      "the store cannot be written to (broken): look at its log and its disk; docs/backup.md says how to restore",
  });
  expect(parts.queue?.status).toBe("down");
  expect(JSON.stringify(parts)).not.toContain("token");
});

test("the metrics tell what waits and what is held in each lane", async () => {
  await accept(2);
  await store.claim({ lane: "image", leaseMs: 60_000, max: 1 });
  const metrics = new MetricsRegistry();
  registerMetrics(metrics, {
    build: { version: "0.0.0", runtime: "a test" },
    store,
    process: undefined,
  });
  const text = await metrics.render();
  expect(text).toContain('conduit_queue_tasks{lane="image",state="ready"} 1');
  expect(text).toContain('conduit_queue_tasks{lane="image",state="held"} 1');
  expect(text).toContain('conduit_queue_tasks{lane="video",state="delayed"} 0');
  expect(text).toContain('conduit_queue_oldest_waiting_seconds{lane="video"} 0\n');
  expect(text).toMatch(/^conduit_queue_oldest_waiting_seconds\{lane="image"\} [\d.]+$/m);
});
