/**
 * What a key's limits cost when requests are accepted: the same load as `accept` on a key without any, and on one with four
 * budgets, both limits of requests and a budget of each customer, with a price, so that money is held back.
 */

import { type AcceptRound, type AcceptVariant, measureConduit } from "./accept.ts";
import {
  alternate,
  type Bench,
  type BenchReport,
  complainAboutSpread,
  describeSummary,
  pairRatios,
} from "./harness/bench.ts";
import { ADMIN_KEY, type Conduit } from "./harness/conduit.ts";
import { complainAboutOthers } from "./harness/core-watch.ts";
import { quantile } from "./harness/statistics.ts";

const HEALTHY_SPREAD = 0.3;
/** The limits may cost 15 % of the rate. */
const AIM = 0.85;
const LIMITS = {
  budgets: ["total", "daily", "weekly", "monthly"].map((period) => ({ limit: 1_000_000, period })),
  customerBudget: { limit: 1_000_000, period: "monthly" },
  requestsPerMinute: 1_000_000,
  requestsPerDay: 1_000_000,
};

const LIMITED: AcceptVariant = {
  settings: { CONDUITLLM__PRICES: JSON.stringify({ "local/canvas": { unit: "image", usd: 0.001 } }) },
  headers: { "x-conduit-customer": "customer-1" },
  prepare: limitKey,
};

async function limitKey(conduit: Conduit): Promise<void> {
  const answer = await fetch(conduit.url("/admin/v1/keys/key_bootstrap"), {
    method: "PATCH",
    headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
    body: JSON.stringify(LIMITS),
  });
  if (answer.status !== 200)
    throw new Error(`the key could not be limited: ${answer.status} ${await answer.text()}`);
}

export const acceptLimits: Bench = {
  name: "accept-limits",
  summary: "the same on a key with every limit and a price, against one without",
  async run(context) {
    const results = await alternate<AcceptRound>(
      context,
      [
        { name: "without limits", run: () => measureConduit(context) },
        { name: "with limits", run: () => measureConduit(context, LIMITED) },
      ],
      ({ perSecond, latency, serverCpu }) =>
        `${perSecond}/s, p50 ${latency.p50Ms} ms, p99 ${latency.p99Ms} ms, server CPU ${serverCpu}`,
    );
    return report(results.get("without limits") ?? [], results.get("with limits") ?? []);
  },
};

function report(free: readonly AcceptRound[], limited: readonly AcceptRound[]): BenchReport {
  const rate = (rounds: readonly AcceptRound[]) => rounds.map(({ perSecond }) => perSecond);
  const row = (name: string, rounds: readonly AcceptRound[]) => [
    name,
    describeSummary(rate(rounds)),
    describeSummary(
      rounds.map(({ latency }) => latency.p99Ms),
      1,
    ),
  ];
  const ratios = pairRatios(rate(limited), rate(free));
  return {
    complaints: [
      ...complainAboutSpread("without limits", rate(free), HEALTHY_SPREAD),
      ...complainAboutOthers("without limits", free),
      ...complainAboutOthers("with limits", limited),
    ],
    conditions: [
      "As `accept`. With limits: four budgets, requestsPerMinute, requestsPerDay, a customerBudget, a customer in each request,",
      "and a price, so that each request holds money back in two windows of the key and of the customer.",
    ],
    tables: [
      {
        title: "median (range)",
        columns: ["", "accepted/s", "p99 ms"],
        rows: [row("without limits", free), row("with limits", limited)],
      },
    ],
    aims: [
      {
        what: "with limits / without",
        aim: `≥ ${AIM}`,
        measured: describeSummary(ratios, 2),
        met: quantile(ratios, 0.5) >= AIM,
      },
    ],
    raw: { free, limited },
  };
}
