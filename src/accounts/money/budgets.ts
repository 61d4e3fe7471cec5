/**
 * What a key, and each customer of it, may spend, and when. A hold counts in the windows it was made in: `total`, and the
 * UTC day of that moment. A budget of another period adds up the days of that period, so that periods end by themselves and a
 * budget counts what was spent before it was set. Money is micro-dollars, times are milliseconds.
 */

import type { BudgetPeriod } from "../../protocol/key.ts";

/** What may be spent in a period: charges and holds together. */
export type Budget = { readonly limitMicros: number; readonly period: BudgetPeriod };

/** Raises every budget of a key until it expires. */
export type Grant = { readonly amountMicros: number; readonly expiresAt: number };

/** A window that money is held and charged in: `total`, or a UTC day such as `2026-11-30`. */
export type BudgetWindow = string;

/** Of a period, the window that marks and answers name: `total`, the day, the Monday of the week, or the month (`2026-11`). */
export type PeriodName = string;

const DAY_MS = 86_400_000;
const DAYS_OF_WEEK = 7;
/** 1970-01-01 was a Thursday, so many days after a Monday. */
const FIRST_DAY_AFTER_MONDAY = 3;
/** Of a day's text, the month. */
const MONTH_CHARACTERS = "2026-11".length;

/** The windows that hold which was made by the first release. */
export const FIRST_WINDOWS: readonly BudgetWindow[] = ["total"];

/** The number of a moment's UTC day since 1970. */
export function dayNumberOf(at: number): number {
  return Math.floor(at / DAY_MS);
}

/** When a UTC day begins. */
export function startOfDay(day: number): number {
  return day * DAY_MS;
}

/** A day by its number, as windows name it. */
export function dayText(day: number): BudgetWindow {
  return new Date(startOfDay(day)).toISOString().slice(0, "2026-11-30".length);
}

let heldToday: { day: number; windows: readonly BudgetWindow[]; text: string } | null = null;

/** The windows of a hold that is made at this moment, and the same as JSON: most often it is the same day again. */
export function windowsAt(at: number): { readonly windows: readonly BudgetWindow[]; readonly text: string } {
  const day = dayNumberOf(at);
  if (heldToday?.day !== day) {
    const windows = ["total", windowsIn("daily", day).first];
    heldToday = { day, windows, text: JSON.stringify(windows) };
  }
  return heldToday;
}

/** The number of the day among the windows of a hold; null for one of an earlier release, which has none. */
export function dayIn(windows: readonly BudgetWindow[]): number | null {
  const day = windows.find((window) => window !== "total");
  const at = day === undefined ? Number.NaN : Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(at) ? null : dayNumberOf(at);
}

type Windows = { readonly first: BudgetWindow; readonly last: BudgetWindow };

const TOTAL: Windows = { first: "total", last: "total" };
/** Of each period, the windows that were asked for last: most often it is the same day again. */
const asked = new Map<BudgetPeriod, { day: number; windows: Windows }>();

/** The first and the last window of the period that the day lies in; windows are in the order of their texts. */
export function windowsIn(period: BudgetPeriod, day: number): Windows {
  if (period === "total") return TOTAL;
  const before = asked.get(period);
  if (before?.day === day) return before.windows;
  const [first, next] = daysOf(period, day);
  const windows = { first: dayText(first), last: dayText(next - 1) };
  asked.set(period, { day, windows });
  return windows;
}

/** The name of the period that the day lies in. */
export function periodName(period: BudgetPeriod, day: number): PeriodName {
  const { first } = windowsIn(period, day);
  return period === "monthly" ? first.slice(0, MONTH_CHARACTERS) : first;
}

/** When the period that the day lies in is over; null for one that never is. */
export function periodEnd(period: BudgetPeriod, day: number): number | null {
  return period === "total" ? null : startOfDay(daysOf(period, day)[1]);
}

/** Whether both are the same limit of the same period, or there is neither. */
export function sameBudget(one: Budget | null, other: Budget | null): boolean {
  return one?.limitMicros === other?.limitMicros && one?.period === other?.period;
}

/** What the grants that have not expired come to. */
export function grantedMicros(grants: readonly Grant[], now: number): number {
  let sum = 0;
  for (const { amountMicros, expiresAt } of grants) if (expiresAt > now) sum += amountMicros;
  return sum;
}

/** Of each budget, from so much charged on somebody is told, in per cent of the limit. */
export const SPEND_THRESHOLDS = [50, 80, 90, 100] as const;
export type SpendThreshold = (typeof SPEND_THRESHOLDS)[number];

/** The thresholds that the charges have reached, lowest first. A limit of nought has none. */
export function reachedThresholds(chargedMicros: number, limitMicros: number): SpendThreshold[] {
  if (limitMicros <= 0) return [];
  return SPEND_THRESHOLDS.filter((percent) => chargedMicros >= (limitMicros * percent) / 100);
}

/** The days of the period from the first to the one after the last. */
function daysOf(period: Exclude<BudgetPeriod, "total">, day: number): [number, number] {
  switch (period) {
    case "daily":
      return [day, day + 1];
    case "weekly": {
      const monday = day - ((day + FIRST_DAY_AFTER_MONDAY) % DAYS_OF_WEEK);
      return [monday, monday + DAYS_OF_WEEK];
    }
    case "monthly": {
      const date = new Date(startOfDay(day));
      const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
      return [dayNumberOf(Date.UTC(year, month)), dayNumberOf(Date.UTC(year, month + 1))];
    }
  }
}
