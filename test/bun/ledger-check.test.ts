/** `bun run ledger:check`: every balance is reckoned anew, in a file that is in use and on Redis; one that is broken is told. */

import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import { Bench, COMPLETE } from "../contract/store-harness.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisWorld } from "../fixture/redis-world.ts";
import { virtualKey } from "../fixture/virtual-key.ts";

const COMMAND = resolve(import.meta.dirname, "../../src/runtime/bun/ledger-check.ts");
const NOW = Date.UTC(2026, 10, 22);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "conduit-ledger-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function check(env: Record<string, string>, ...args: string[]) {
  const child = Bun.spawn([process.execPath, COMMAND, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, lines: (output + errors).trim().split("\n") };
}

/** A picture that is finished and one that is not, of key `a`. */
async function work(bench: Bench): Promise<void> {
  await bench.store.createKey(virtualKey({ id: "a" }));
  await bench.submit({ customer: "ann" });
  await bench.apply(await bench.claimOne(), COMPLETE);
  await bench.submit({ customer: "ann" });
}

test("balances of a file that is in use agree; one that is broken is told with what it should be", async () => {
  const path = join(folder, "conduit.db");
  const store = createSqliteStore({ database: openSqliteFile(path), now: () => NOW });
  const bench = new Bench({ store, now: () => NOW, advance: () => {}, dispose: () => store.close() });
  await work(bench);
  const env = { CONDUIT_DATA_DIR: folder };
  expect(await check(env)).toEqual({ code: 0, lines: ["1 keys, 4 balances: all agree"] });

  const other = new Database(path);
  other.run(
    "UPDATE balances SET charged_micros = charged_micros + 7 WHERE customer = 'ann' AND period = 'total'",
  );
  other.run("UPDATE balances SET reserved_micros = 0 WHERE customer = '' AND period = '2026-11-22'");
  other.close();
  const broken = await check(env);
  expect(broken.code).toBe(1);
  expect(broken.lines.sort()).toEqual([
    "1 keys, 4 balances: 2 differ",
    "key a, 2026-11-22, reserved: the balance is 0.000000, its entries come to 0.001000 (difference -0.001000)",
    'key a, customer "ann", total, charged: the balance is 0.000407, its entries come to 0.000400 (difference 0.000007)',
  ]);
  await bench.dispose();
});

test("a folder without a database, and words it does not know, are refused", async () => {
  const none = await check({ CONDUIT_DATA_DIR: folder });
  expect(none.code).toBe(1);
  expect(none.lines[0]).toContain("There is no database at");
  expect((await check({ CONDUIT_DATA_DIR: folder }, "--fix")).code).toBe(2);
});

describeWithRedis("on Redis", () => {
  let world: RedisWorld;
  beforeAll(async () => {
    world = await RedisWorld.start();
  });
  afterAll(() => world.stop());

  test("balances agree; one that is broken is told", async () => {
    const bench = new Bench(world.open({ prefix: "conduit:" }));
    await work(bench);
    const env = { CONDUITLLM__REDIS__CONNECTIONSTRING: `127.0.0.1:${world.server.port}` };
    expect(await check(env)).toEqual({ code: 0, lines: ["1 keys, 4 balances: all agree"] });
    await world.command("HINCRBY", "conduit:0:balance:a", "charged:total", "7");
    const broken = await check(env);
    expect(broken.code).toBe(1);
    expect(broken.lines[0]).toBe(
      "key a, total, charged: the balance is 0.000407, its entries come to 0.000400 (difference 0.000007)",
    );
    await bench.dispose();
  });
});
