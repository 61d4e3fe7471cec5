/** How long a page of usage takes over a ledger of millions of movements, through HTTP, for a key and for all keys. */

import { Database } from "bun:sqlite";
import { join } from "node:path";
import { alternate, type Bench, describeSummary, format } from "./harness/bench.ts";
import { ADMIN_KEY, Conduit, KEY } from "./harness/conduit.ts";
import { quantile, round } from "./harness/statistics.ts";

const ROWS = 5_000_000;
const DAYS = 400;
const MODELS = 8;
const CUSTOMERS = 1_000;
const ASKED = 100;
const AIM_MS = 50;
const DAY_MS = 86_400_000;

type Page = { readonly name: string; readonly path: string; readonly admin?: true };

const PAGES: readonly Page[] = [
  { name: "30 days by day", path: "/v1/usage" },
  { name: "400 days by day", path: "/v1/usage?from=FIRST" },
  { name: "400 days by model, CSV", path: "/v1/usage?from=FIRST&groupBy=model&format=csv" },
  { name: "50 customers of 1,000, 30 days", path: "/v1/usage?groupBy=customer" },
  { name: "50 customers of 1,000, 400 days", path: "/v1/usage?from=FIRST&groupBy=customer" },
  { name: "all keys, 400 days by day", path: "/admin/v1/usage?from=FIRST", admin: true },
  { name: "one page of the ledger", path: "/admin/v1/keys/key_bootstrap/ledger?limit=100", admin: true },
];

type Round = { readonly [page: string]: readonly number[] };

export const usage: Bench = {
  name: "usage",
  summary: `pages of usage over a ledger of --rows=${format(ROWS)} movements`,
  async run(context) {
    const rows = context.option("rows", ROWS);
    const folder = context.temporaryFolder();
    const first = await Conduit.start({ folder });
    await first.child.end();
    context.note(`writing ${format(rows)} movements`);
    fill(join(folder, "data/conduit.db"), rows);
    const conduit = await Conduit.start({ folder });
    const results = await alternate<Round>(
      context,
      [{ name: "conduit", run: () => askPages(conduit) }],
      (times) =>
        PAGES.map(({ name }) => `${name}: ${round(quantile(times[name] ?? [], 0.5), 1)} ms`).join(", "),
    );
    await conduit.child.end();
    const rounds = results.get("conduit") ?? [];
    const at = (name: string, part: number) => rounds.map((times) => quantile(times[name] ?? [], part));
    return {
      complaints: [],
      conditions: [
        `SQLite in a file; one key; ${DAYS} days, ${MODELS} models, ${format(CUSTOMERS)} customers, whose sums stand in the file as settlements`,
        `would have written them; each page asked for ${ASKED} times a round, one after the other.`,
      ],
      tables: [
        {
          title: "ms from the request to the whole answer, median of the rounds (range)",
          columns: ["page", "p50", "p99"],
          rows: PAGES.map(({ name }) => [
            name,
            describeSummary(at(name, 0.5), 1),
            describeSummary(at(name, 0.99), 1),
          ]),
        },
      ],
      aims: PAGES.map(({ name }) => ({
        what: `${name}: p99, ms`,
        aim: `< ${AIM_MS}`,
        measured: describeSummary(at(name, 0.99), 1),
        met: quantile(at(name, 0.99), 0.5) < AIM_MS,
      })),
      raw: Object.fromEntries(results),
    };
  },
};

async function askPages(conduit: Conduit): Promise<Round> {
  const first = new Date(Date.now() - (DAYS - 1) * DAY_MS).toISOString().slice(0, 10);
  const times: Record<string, number[]> = {};
  for (const { name, path, admin } of PAGES) {
    const url = conduit.url(path.replace("FIRST", first));
    const headers = { authorization: `Bearer ${admin ? ADMIN_KEY : KEY}` };
    const taken: number[] = [];
    times[name] = taken;
    for (let index = 0; index < ASKED; index += 1) {
      const startedAt = performance.now();
      const answer = await fetch(url, { headers });
      await answer.text();
      if (answer.status !== 200) throw new Error(`${path}: expected 200, got ${answer.status}`);
      taken.push(performance.now() - startedAt);
    }
  }
  return times;
}

/** Movements of one key, evenly over the days, and the sums that they come to. */
function fill(path: string, rows: number): void {
  const database = new Database(path);
  const today = Math.floor(Date.now() / DAY_MS);
  const numbers = `WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ${rows})`;
  const day = `${today - DAYS + 1} + n * ${DAYS} / ${rows}`;
  database.run("PRAGMA synchronous = OFF");
  database.run("BEGIN");
  database.run(`INSERT INTO movements (id, source, source_id, key_id, subject, customer, type, model, provider,
      charged_micros, upstream_micros, windows, at)
    ${numbers} SELECT 'task/' || n, 'task', n, 'key_bootstrap', '', 'customer-' || (n % ${CUSTOMERS}), 'image',
      'openai/model-' || (n % ${MODELS}), 'openai', 40000, 40000, '["total"]', (${day}) * ${DAY_MS} FROM numbers`);
  const sums = "count(*), count(*), sum(charged_micros), sum(upstream_micros)";
  const columns = "completed, items, charged_micros, upstream_micros";
  for (const key of ["''", "key_id"])
    database.run(`INSERT INTO usage (key_id, day, type, model, named, ${columns})
      SELECT ${key}, at / ${DAY_MS}, type, model, 1, ${sums} FROM movements GROUP BY 2, 3, 4`);
  database.run(`INSERT INTO customer_usage (key_id, customer, day, type, model, ${columns})
    SELECT key_id, customer, at / ${DAY_MS}, type, model, ${sums} FROM movements GROUP BY 2, 3, 4, 5`);
  database.run("COMMIT");
  database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}
