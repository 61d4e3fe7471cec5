/** What the key spent, on what, and what is left of its limits. */

import { useCallback } from "react";
import type { WireUsageRow } from "../../protocol/usage.ts";
import { useAction } from "../data/use-action.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { dollarsText } from "../design/format.ts";
import { Empty, Notice } from "../design/notice.tsx";
import { type Column, Table } from "../design/table.tsx";
import { Tabs } from "../design/tabs.tsx";
import type { PageProps } from "../shell/page.ts";
import { goTo, hrefOf } from "../shell/route.ts";
import { useSession } from "../shell/session.ts";
import { DayPlot } from "./day-plot.tsx";
import { KeyLimitCards } from "./key-limits.tsx";
import { SPANS, spanOf } from "./spans.ts";

const GROUPS = ["model", "type", "customer", "day"] as const;
type Group = (typeof GROUPS)[number];

export function SpendPage({ route }: PageProps) {
  const { client } = useSession();
  const span = SPANS.find(({ name }) => name === route.query.get("span")) ?? SPANS[1];
  const group = GROUPS.find((one) => one === route.query.get("by")) ?? "model";
  const choose = (changed: { span?: string; by?: string }) =>
    goTo(hrefOf("spend", { span: span.name, by: group, ...changed }));
  const { days } = span;
  const byDay = useLoaded(
    useCallback(
      (signal) => client.usage.get({ ...spanOf(days), groupBy: "day" }, { signal }),
      [client, days],
    ),
  );
  const grouped = useLoaded(
    useCallback(
      (signal) => client.usage.get({ ...spanOf(days), groupBy: group }, { signal }),
      [client, days, group],
    ),
  );
  const error = byDay.error ?? grouped.error;
  return (
    <>
      <div className="row apart">
        <h1>Spend</h1>
        <select
          className="input span"
          aria-label="Days shown"
          value={span.name}
          onChange={({ target }) => choose({ span: target.value })}
        >
          {SPANS.map(({ name, label }) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </div>
      {error !== null && <Notice tone="bad">The usage could not be loaded: {error.message}</Notice>}
      <KeyLimitCards />
      {byDay.data !== null && (
        <section className="card padded stack" aria-label="Spend by day">
          <div className="row apart">
            <h2>{dollarsText(byDay.data.totals.charged)}</h2>
            <span className="muted">
              {byDay.data.totals.requests} settled, {byDay.data.totals.failed} of them failed
            </span>
          </div>
          <DayPlot page={byDay.data} />
        </section>
      )}
      <section className="card padded stack" aria-label="Spend in groups">
        <Tabs label="Group by" choices={GROUPS} chosen={group} onChoose={(by) => choose({ by })}>
          {grouped.data === null ? (
            <p className="muted">{grouped.error === null && "Loading…"}</p>
          ) : grouped.data.data.length === 0 ? (
            <Empty title="Nothing was settled in these days">
              <a href={hrefOf("")}>Run something in the playground</a>
            </Empty>
          ) : (
            <>
              <Table
                label={`Usage by ${group}`}
                columns={columnsOf(group)}
                rows={grouped.data.data}
                keyOf={(row) => nameOf(row, group)}
              />
              {grouped.data.hasMore && (
                <p className="small-text muted">There are more; the file has all of them.</p>
              )}
            </>
          )}
        </Tabs>
        <CsvButton days={days} group={group} />
      </section>
    </>
  );
}

function columnsOf(group: Group): readonly Column<WireUsageRow>[] {
  return [
    { title: TITLES[group], cell: (row) => nameOf(row, group) },
    { title: "Charged", cell: ({ charged }) => dollarsText(charged) },
    { title: "Settled", cell: ({ requests }) => requests },
    { title: "Completed", cell: ({ completed }) => completed },
    { title: "Failed", cell: ({ failed }) => failed },
    { title: "Cancelled", cell: ({ cancelled }) => cancelled },
    { title: "Results", cell: ({ items }) => items },
  ];
}

const TITLES: Readonly<Record<Group, string>> = {
  model: "Model",
  type: "Type",
  customer: "Customer",
  day: "Day",
};

function nameOf(row: WireUsageRow, group: Group): string {
  return row[group] ?? "(named none)";
}

function CsvButton({ days, group }: { days: number; group: Group }) {
  const { client } = useSession();
  const { busy, perform } = useAction();
  const download = async () => {
    const text = await client.usage.csv({ ...spanOf(days), groupBy: group });
    const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = `usage-by-${group}.csv`;
    link.click();
    URL.revokeObjectURL(address);
  };
  return (
    <div>
      <button className="button small" type="button" disabled={busy} onClick={() => perform(download)}>
        Save as CSV
      </button>
    </div>
  );
}
