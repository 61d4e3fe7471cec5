/** The cron triggers inside workerd: what a sweep ends, frees and rings for, and what the retention removes. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RETENTION_CRON, runSchedule } from "../../src/compose/cron-schedule.ts";
import { createChunkedMediaStore } from "../../src/media/chunked.ts";
import { createR2MediaStore } from "../../src/runtime/cloudflare/clients/r2-media.ts";
import type { Doorbell } from "../../src/tasks/ports/doorbell.ts";
import type { MediaStore } from "../../src/tasks/ports/media-store.ts";
import { pause } from "../fixture/patient-provider.ts";
import { RunnerWorld } from "../fixture/runner-world.ts";
import { pictures } from "../fixture/scripted-provider.ts";

const SWEEP_CRON = "* * * * *";
const PICTURE = new Uint8Array([1, 2, 3]);
const DAY_MS = 86_400_000;

let world: RunnerWorld;
/** What a sweep rang for, when it is not to reach the runners. */
let rings: { lane: string; inMs: number }[];
const silent: Doorbell = { ring: (lane, at) => rings.push({ lane, inMs: at - Date.now() }) };

beforeEach(async () => {
  world = await RunnerWorld.open();
  rings = [];
});
afterEach(() => world.close());

describe("every minute", () => {
  test("tasks end that waited too long or took too long, each once", async () => {
    world.provider.always = null;
    const late = await world.create({ timeoutMs: 40 });
    await world.ring("image/0");
    const call = await world.provider.next();
    const waited = await world.create({ maxWaitMs: 1 });
    await pause(60);
    await runSchedule(SWEEP_CRON, { ...world.parts, doorbell: silent });
    for (const { id } of [late, waited]) {
      expect(await world.read(id)).toMatchObject({ status: "failed", error: { code: "timeout" } });
    }
    call.outcome = pictures();
    await runSchedule(SWEEP_CRON, { ...world.parts, doorbell: silent });
    expect(await world.eventTypes(late.id)).toEqual(["queued", "started", "failed"]);
  });

  test("what a dead worker held is claimable again, and rung for", async () => {
    const { id } = await world.create();
    await world.parts.store.claim({ lane: "image", leaseMs: 1, max: 1 });
    await pause(10);
    world.provider.always = () => pictures();
    await runSchedule(SWEEP_CRON, world.parts);
    await world.ended(id);
    expect(await world.eventTypes(id)).toEqual(["queued", "started", "completed"]);
  });

  test("work whose ring was lost is rung for, as often as there is room", async () => {
    world.maxHeld = 3;
    for (let index = 0; index < 5; index += 1) await world.create();
    await runSchedule(SWEEP_CRON, { ...world.parts, doorbell: silent });
    expect(rings.map(({ lane }) => lane)).toEqual(["image", "image", "image"]);
    world.provider.always = () => pictures();
    await runSchedule(SWEEP_CRON, world.parts);
    while ((await world.stat())?.ready !== 0 || (await world.stat())?.held !== 0) await pause();
    expect(world.provider.mostOpen).toBeLessThanOrEqual(3);
  });

  test("nobody is rung for what may not start: all slots taken, or the key's limit reached", async () => {
    world.maxHeld = 1;
    await world.create();
    await world.parts.store.claim({ lane: "image", leaseMs: 60_000, max: 1 });
    await world.create();
    await runSchedule(SWEEP_CRON, { ...world.parts, doorbell: silent });
    expect(rings).toEqual([]);
    world.maxHeld = 50;
    await world.parts.store.updateKey(world.scope.keyId, { maxConcurrentTasks: 1 }, Date.now());
    await runSchedule(SWEEP_CRON, { ...world.parts, doorbell: silent });
    expect(rings).toEqual([]);
  });

  test.each([
    ["before the next sweep is rung for at its time", 30_000, 1],
    ["later is left to the sweeps to come", 90_000, 0],
  ])("what is due %s", async (_, pollAfterMs, count) => {
    await world.create();
    await world.ring("image/0");
    (await world.provider.next()).outcome = { kind: "pending", state: 1, pollAfterMs };
    while ((await world.stat())?.delayed !== 1) await pause();
    await runSchedule(SWEEP_CRON, { ...world.parts, doorbell: silent });
    expect(rings).toHaveLength(count);
    for (const { inMs } of rings) expect(Math.abs(inMs - pollAfterMs)).toBeLessThan(5_000);
  });

  test("jobs of tasks that were cancelled are cancelled upstream", async () => {
    const { id } = await world.create();
    await world.ring("image/0");
    (await world.provider.next()).outcome = { kind: "pending", state: { job: 7 }, pollAfterMs: 60_000 };
    while ((await world.stat())?.delayed !== 1) await pause();
    await world.parts.store.cancel(world.scope, id);
    await runSchedule(SWEEP_CRON, world.parts);
    // The runner, which is awake, may have taken the item before the sweep.
    while ((await world.read(id))?.settled !== true) await pause();
    expect(world.provider.cancels).toEqual([{ job: 7 }]);
    expect(await world.read(id)).toMatchObject({ status: "cancelled" });
  });
});

describe("every hour", () => {
  test.each<[string, () => MediaStore]>([
    ["the bucket", () => createR2MediaStore({ bucket: bucket(), maxFileBytes: 1_000 })],
    ["Durable Objects", () => createChunkedMediaStore(env.MEDIA_STORE, { maxFileBytes: 1_000 })],
  ])("tasks and media that are old enough are removed, media from %s, and nothing else", async (_, open) => {
    const media = open();
    const finish = async () => {
      const { id } = await world.create();
      const file = await media.put(id, PICTURE, "image/png");
      world.provider.always = () => ({ kind: "done", items: [{ index: 0, media: file }] });
      await world.ring("image/0");
      await world.ended(id);
      return { id, path: file.path };
    };
    const old = await finish();
    const retention = { ...world.parts.settings.retention, tasksDays: 20 / DAY_MS, mediaDays: 1 };
    await pause(40);
    await runSchedule(SWEEP_CRON, world.parts);
    expect(await media.get(old.path)).not.toBeNull();
    const settings = { ...world.parts.settings, retention };
    await runSchedule(RETENTION_CRON, { ...world.parts, media, settings });
    expect(await world.parts.store.get(world.scope, old.id)).toBeNull();
    expect(await media.get(old.path)).toBeNull();

    const young = await finish();
    await runSchedule(RETENTION_CRON, { ...world.parts, media });
    expect((await world.read(young.id)).status).toBe("completed");
    expect(await media.get(young.path)).not.toBeNull();
  });
});

function bucket() {
  if (env.MEDIA === undefined) throw new Error("there is no bucket");
  return env.MEDIA;
}
