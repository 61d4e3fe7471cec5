/** What was charged each day, as bars: days without anything have an empty place. */

import { useMemo } from "react";
import type { WireUsagePage } from "../../protocol/usage.ts";
import { dollarsText } from "../design/format.ts";
import { daysBetween } from "./spans.ts";

export function DayPlot({ page: { from, to, data } }: { page: WireUsagePage }) {
  const bars = useMemo(() => {
    const charged = new Map(data.map((row) => [row.day, row.charged]));
    return daysBetween(from, to).map((day) => ({ day, charged: charged.get(day) ?? 0 }));
  }, [from, to, data]);
  const most = Math.max(...bars.map(({ charged }) => charged), 0);
  return (
    <div className="plot">
      <div
        className="bars"
        role="img"
        aria-label={`Charged each day from ${from} to ${to}, at most ${dollarsText(most)}`}
      >
        {bars.map(({ day, charged }) => (
          <div
            key={day}
            className="bar"
            title={`${day}: ${dollarsText(charged)}`}
            style={{ height: most === 0 ? 0 : `${(100 * charged) / most}%` }}
          />
        ))}
      </div>
      <div className="row apart small-text muted">
        <span>{from}</span>
        <span>at most {dollarsText(most)} a day</span>
        <span>{to}</span>
      </div>
    </div>
  );
}
