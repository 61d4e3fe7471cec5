/** The days that a page of spend shows. */

const DAY_MS = 86_400_000;

export type DaySpan = { name: string; label: string; days: number };

export const SPANS: readonly [DaySpan, DaySpan, DaySpan] = [
  { name: "week", label: "Last 7 days", days: 7 },
  { name: "month", label: "Last 30 days", days: 30 },
  { name: "quarter", label: "Last 90 days", days: 90 },
];

/** The UTC days of the last `days` days, today's included. */
export function spanOf(days: number, now: number = Date.now()): { from: string; to: string } {
  return { from: dayOf(now - (days - 1) * DAY_MS), to: dayOf(now) };
}

/** Every day from the first to the last, as `YYYY-MM-DD`. */
export function daysBetween(from: string, to: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS) days.push(dayOf(at));
  return days;
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, "2026-11-30".length);
}
