/** What all keys together spent in the last thirty days, and each of them. */

import { useCallback } from "react";
import type { WireUsageRow } from "../../protocol/usage.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { dollarsText } from "../design/format.ts";
import { Notice } from "../design/notice.tsx";
import { type Column, Table } from "../design/table.tsx";
import { hrefOf } from "../shell/route.ts";
import { DayPlot } from "../spend/day-plot.tsx";
import { spanOf } from "../spend/spans.ts";
import { useAdmin } from "./admin-gate.tsx";

const SHOWN_DAYS = 30;

const COLUMNS: readonly Column<WireUsageRow>[] = [
  {
    title: "Key",
    cell: ({ key = "" }) => <a href={hrefOf(`admin/keys/${encodeURIComponent(key)}`)}>{key}</a>,
  },
  { title: "Charged", cell: ({ charged }) => dollarsText(charged) },
  { title: "Providers billed", cell: ({ upstreamCost = 0 }) => dollarsText(upstreamCost) },
  { title: "Beyond what was held", cell: ({ overrun = 0 }) => dollarsText(overrun) },
  { title: "Settled", cell: ({ requests }) => requests },
  { title: "Failed", cell: ({ failed }) => failed },
];

export function AdminSpend() {
  const { admin } = useAdmin();
  const byDay = useLoaded(
    useCallback((signal) => admin.usage(null, { ...spanOf(SHOWN_DAYS), groupBy: "day" }, signal), [admin]),
  );
  const byKey = useLoaded(
    useCallback((signal) => admin.usage(null, { ...spanOf(SHOWN_DAYS), groupBy: "key" }, signal), [admin]),
  );
  const error = byDay.error ?? byKey.error;
  return (
    <>
      {error !== null && <Notice tone="bad">The usage could not be loaded: {error.message}</Notice>}
      {byDay.data !== null && (
        <section className="card padded stack" aria-label="Spend by day">
          <h2>
            {dollarsText(byDay.data.totals.charged)} charged,{" "}
            {dollarsText(byDay.data.totals.upstreamCost ?? 0)} billed by providers
          </h2>
          <DayPlot page={byDay.data} />
        </section>
      )}
      {byKey.data !== null && (
        <div className="card">
          <Table
            label="Spend by key"
            columns={COLUMNS}
            rows={byKey.data.data}
            keyOf={({ key = "" }) => key}
          />
        </div>
      )}
    </>
  );
}
