/** What `wrangler.toml` says in words that the code says as well. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RETENTION_CRON } from "../../../../src/compose/cron-schedule.ts";
import { HAND_BACK_MS, SLOTS_PER_RUNNER } from "../../../../src/tasks/engine/steps/step-runner-pool.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

type WranglerToml = {
  main: string;
  compatibility_flags: string[];
  limits: { subrequests: number };
  triggers: { crons: string[] };
  durable_objects: { bindings: { name: string; class_name: string }[] };
  r2_buckets: { binding: string; bucket_name: string }[];
  assets: { binding: string };
  migrations: { new_sqlite_classes: string[] }[];
};

const toml = Bun.TOML.parse(read("wrangler.toml")) as WranglerToml;
const { bindings } = toml.durable_objects;

describe("wrangler.toml", () => {
  test("binds every class of objects that it creates, and the entry exports each of them", () => {
    const classes = toml.migrations.flatMap((migration) => migration.new_sqlite_classes).sort();
    expect(bindings.map(({ class_name }) => class_name).sort()).toEqual(classes);
    const exported = [...read(toml.main).matchAll(/^export \{ (\w+) \} from /gm)].map(([, name]) => name);
    expect(exported.sort()).toEqual(classes);
  });

  test("names its bindings as the code does", () => {
    const source = read("src/runtime/cloudflare/bindings.ts");
    const typed = [...source.matchAll(/^ +readonly ([A-Z_]+)\??:/gm)].map(([, name]) => name);
    const files = [...toml.r2_buckets, toml.assets].map(({ binding }) => binding);
    const bound = [...bindings.map(({ name }) => name), ...files];
    expect(bound.sort()).toEqual(typed.sort());
  });

  test("triggers the sweep every minute and the retention by the expression that the code knows", () => {
    expect(toml.triggers.crons).toEqual(["* * * * *", RETENTION_CRON]);
  });

  test("lets a step runner call often enough for as long as it may work", () => {
    // Each second, for each step: twice a progress for the store and three rooms, and something for the lease.
    const calls = SLOTS_PER_RUNNER * (HAND_BACK_MS / 1_000) * (2 * (1 + 3) + 1);
    expect(toml.limits.subrequests).toBeGreaterThan(calls);
  });

  test("keeps sockets uncompressed, for which shards and rooms are reckoned", () => {
    expect(toml.compatibility_flags).toContain("no_web_socket_compression");
  });
});

describe("the deploy guide", () => {
  const guide = read("docs/deploy.md");

  test("runs scripts that there are", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...guide.matchAll(/\bbun run ([\w:]+)/g)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => scripts[name ?? ""] === undefined)).toEqual([]);
  });

  test("sets variables that are settings, and makes the bucket that is bound", () => {
    const settings = read("docs/configuration.md");
    const named = new Set(guide.match(/\b(?:CONDUIT|UPSTASH|QSTASH)_[A-Z_]*[A-Z]\b/g));
    for (const name of named) expect(settings, name).toContain(`\`${name}\``);
    for (const [, path = ""] of guide.matchAll(/\bCONDUITLLM__([A-Z_]+[A-Z])\b/g))
      expect(settings.toLowerCase(), path).toContain(`\`${path.toLowerCase().replaceAll("__", ".")}\``);
    expect(guide).toContain(`r2 bucket create ${toml.r2_buckets[0]?.bucket_name}\n`);
  });
});
