/** Sums of usage as they are read; they are written with what is settled. See scripts/parts/money/usage.lua. */

import { dayText } from "../../accounts/money/budgets.ts";
import {
  addUsage,
  type DayRange,
  MAX_LOOKED_AT,
  NOTHING_USED,
  type PayerUsage,
  type UsageCounts,
  type UsageGroup,
  type UsagePage,
  type UsagePlace,
  type UsageRow,
  type UsageScope,
  type UsageStore,
  usageCounts,
} from "../../accounts/money/usage-store.ts";
import type { SettledWork } from "../../tasks/transition.ts";
import type { Reply } from "./server/replies.ts";
import { listReply, numberOf, textOf } from "./server/replies.ts";
import type { ScriptRunner } from "./server/script-runner.ts";

/** How each sum is called in the name of a field. */
const MARKS = {
  completed: "c",
  failed: "f",
  cancelled: "x",
  items: "i",
  chargedMicros: "$",
  upstreamMicros: "u",
  overrunMicros: "o",
} as const satisfies Record<keyof UsageCounts, string>;
const COUNTED = new Map(Object.entries(MARKS).map(([name, mark]) => [mark, name as keyof UsageCounts]));
const FIELD = /^(\d+)([a-z$])([+-]) (\S+) (.*)$/s;
/** Hashes that one script reads at most, so that no other waits long behind it. */
const MAX_HASHES = 3_000;

/** What parts/money/usage.lua adds: what is counted and how much, then type and model. */
export function usageText(work: SettledWork, type: string, model: string): string {
  const counts = Object.entries(relative(usageCounts(work), -1)).filter(([, count]) => count !== 0);
  return `${counts.map(([name, count]) => `${MARKS[name as keyof UsageCounts]} ${count}`).join(" ")}|${type} ${model}`;
}

/** As it is stored, with -1, and back, with 1: results are counted from those that completed, upstream bills from charges. */
function relative(counts: UsageCounts, sign: 1 | -1): UsageCounts {
  return {
    ...counts,
    items: counts.items + sign * counts.completed,
    upstreamMicros: counts.upstreamMicros + sign * counts.chargedMicros,
  };
}

/** One number of one hash. */
type Sum = {
  day: number;
  counted: keyof UsageCounts;
  named: boolean;
  type: string;
  model: string;
  count: number;
};

export class RedisUsage implements UsageStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async usage({ keyId, customer }: UsageScope, days: DayRange, group: UsageGroup): Promise<UsageRow[]> {
    const whose = [keyId ?? "", customer ?? ""];
    const reply = await this.#scripts.run("usage", ...whose, String(days.from), String(days.to));
    const groups = new Map<string, UsageCounts>();
    for (const sum of sumsOf(reply, days)) {
      const name = group === "day" ? dayText(sum.day) : sum[group];
      groups.set(name, added(groups.get(name) ?? NOTHING_USED, sum));
    }
    return [...groups]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, counts]) => ({ group: name, ...relative(counts, 1) }));
  }

  usageOfKeys(days: DayRange, page: { limit: number; after: UsagePlace | null }): Promise<UsagePage> {
    return pageOf(days, page, (range, most, after) =>
      this.#scripts.run("usageOfKeys", ...range, most, after?.keyId ?? ""),
    );
  }

  usageOfCustomers(
    keyId: string | null,
    days: DayRange,
    page: { limit: number; after: UsagePlace | null },
  ): Promise<UsagePage> {
    return pageOf(
      days,
      page,
      (range, most, after) =>
        this.#scripts.run(
          "usageOfCustomers",
          ...range,
          most,
          keyId ?? "",
          // Never behind another key than the one that is asked about.
          (after && (keyId ?? after.keyId)) ?? "",
          after?.customer ?? "",
        ),
      true,
    );
  }
}

/** Reads on until the page is full, in scripts of bounded length. `customers`: a row without one is what named none. */
async function pageOf(
  days: DayRange,
  { limit, after }: { limit: number; after: UsagePlace | null },
  read: (range: readonly string[], most: string, after: UsagePlace | null) => Promise<Reply>,
  customers = false,
): Promise<UsagePage> {
  const range = [String(days.from), String(days.to)];
  const most = Math.max(1, Math.min(limit, Math.floor(MAX_HASHES / (days.to - days.from + 1))));
  const rows: PayerUsage[] = [];
  let next = after;
  for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT; lookedAt += most) {
    const entries = listReply(await read(range, String(most), next));
    for (const entry of entries) {
      if (rows.length === limit) return { rows, next };
      const [keyId, customer, hashes] = listReply(entry);
      const place = { keyId: textOf(keyId), customer: textOf(customer) || null };
      const sums = sumsOf(hashes, days).filter(
        ({ named }) => !customers || place.customer !== null || !named,
      );
      if (sums.length > 0) rows.push({ ...place, ...relative(sums.reduce(added, NOTHING_USED), 1) });
      next = place;
    }
    if (entries.length < most) return { rows, next: null };
  }
  return { rows, next };
}

function added(counts: UsageCounts, { counted, count }: Sum): UsageCounts {
  return addUsage(counts, { ...NOTHING_USED, [counted]: count });
}

/** Of first days and fields; what cannot be read is left out. */
function sumsOf(reply: Reply | undefined, { from, to }: DayRange): Sum[] {
  const hashes = listReply(reply);
  const sums: Sum[] = [];
  for (let index = 0; index < hashes.length; index += 2) {
    const first = numberOf(hashes[index]);
    const fields = listReply(hashes[index + 1]).map(textOf);
    for (let field = 0; field < fields.length; field += 2) {
      const [, offset, mark = "", sign, type = "", model = ""] = FIELD.exec(fields[field] as string) ?? [];
      const counted = COUNTED.get(mark as (typeof MARKS)[keyof UsageCounts]);
      const day = first + Number(offset);
      if (counted === undefined || day < from || day > to) continue;
      sums.push({ day, counted, named: sign === "+", type, model, count: Number(fields[field + 1]) });
    }
  }
  return sums;
}
