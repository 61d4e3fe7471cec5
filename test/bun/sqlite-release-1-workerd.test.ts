/** The first release's Durable Object, opened by workerd itself, whose SQL permits less than a file's. */

import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StoreAnswer } from "../../src/stores/remote/store-calls.ts";
import type { Claim } from "../../src/tasks/ports/task-store.ts";
import { scopeOf } from "../contract/store-harness.ts";
import { claimsGoingOn, RELEASE_1_FOLDER, readRelease1, sinceRelease1 } from "../fixture/release-1.ts";
import { ROOT } from "../fixture/worker-build.ts";
import { freePort, startWorkerd } from "../fixture/workerd.ts";

/** The file of the object named `store` where the class's unique key is its name; see data/release-1/README.md. */
const OBJECT = "b474f753a4ffa09d0965e0d206efb6a8511ab2c3ee74a80f454a3fbbb038020b.sqlite";
const first = readRelease1();
let folder: string;
let child: Bun.Subprocess;
let port: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "conduit-release-1-"));
  const objects = join(folder, "objects/StoreObject");
  mkdirSync(objects, { recursive: true });
  copyFileSync(join(RELEASE_1_FOLDER, "store-object.sqlite"), join(objects, OBJECT));
  const built = await Bun.build({
    entrypoints: [join(ROOT, "test/fixture/worker/store-only.ts")],
    external: ["cloudflare:workers"],
    outdir: folder,
  });
  expect(built.success).toBe(true);
  port = freePort();
  child = await startWorkerd({
    build: {
      modules: [{ name: "store-only.js", kind: "esModule", path: join(folder, "store-only.js") }],
      compatibilityDate: "2026-11-01",
      compatibilityFlags: ["nodejs_compat"],
      objects: { STORE: "StoreObject" },
    },
    folder,
    port,
    variables: {},
    objects: { STORE: "StoreObject" },
  });
}, 60_000);
afterAll(async () => {
  child?.kill();
  await child?.exited;
  rmSync(folder, { recursive: true });
});

async function call(method: string, ...args: unknown[]): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}/${method}`, {
    method: "POST",
    body: JSON.stringify(args),
  });
  const answer = (await response.json()) as StoreAnswer;
  if (!answer.ok) throw new Error(`${method}: ${JSON.stringify(answer.failure)}`);
  return answer.value;
}

test("has every task and balance that it had, and goes on", async () => {
  for (const [id, { task, log }] of Object.entries(first.answers.tasks)) {
    const scope = scopeOf(task.tenant.keyId);
    expect(await call("get", scope, id)).toMatchObject({ task: sinceRelease1(task, first) });
    const read = await call("readLog", scope, id, { epoch: task.epoch, seq: 0 }, 100);
    expect(read).toMatchObject(log === null ? { outcome: "reset" } : { outcome: "events", events: log });
  }
  for (const [keyId, { reservedMicros, spentMicros }] of Object.entries(first.answers.stored.tenants))
    if (!keyId.includes("/"))
      expect(await call("balance", keyId, null, "total")).toEqual({
        reservedMicros,
        chargedMicros: spentMicros,
      });
  expect(await call("stats")).toEqual(first.answers.stats);
  // By workerd's clock more is due than there was.
  const claims = (await call("claim", { lane: "image", leaseMs: 60_000, max: 100 })) as Claim[];
  const expected = claimsGoingOn(first, Date.now()).filter(({ lane }) => lane === "image");
  expect(claims.map(({ task }) => task.id)).toEqual(
    expect.arrayContaining(expected.map(({ taskId }) => taskId)),
  );
  const work = { kind: "cleanup", leaseMs: 60_000, max: 100, maxPerDestination: 100 };
  expect(await call("claimWork", work)).toHaveLength(first.answers.stored.cleanups.length);
});
