/** What a request for usage asks for: which days, in which groups, as what, and from where in a long list. */

import { z } from "zod";
import { dayNumberOf } from "../../accounts/money/budgets.ts";
import type { DayRange, UsagePlace } from "../../accounts/money/usage-store.ts";
import { ApiError } from "../../protocol/error.ts";
import { USAGE_FORMATS, type UsageGroupName } from "../../protocol/usage.ts";
import { describeReceived } from "../request/schema-issue.ts";

const DEFAULT_DAYS = 30;
export const MAX_DAYS = 400;
/** Rows of one page of JSON, and of one file of CSV. */
const LIMITS = {
  json: { default: 50, max: 1_000 },
  csv: { default: 10_000, max: 10_000 },
} as const;
const MAX_CUSTOMER_CHARACTERS = 512;

const DATE = z.iso.date();
const TIME = z.iso.datetime({ offset: true });
const PLACE = z.strictObject({ keyId: z.string(), customer: z.string().nullable() });

export type AskedUsage = {
  readonly days: DayRange;
  readonly groupBy: UsageGroupName;
  readonly format: (typeof USAGE_FORMATS)[number];
  /** As the caller names it; null: of all. */
  readonly customer: string | null;
  readonly limit: number;
  readonly after: UsagePlace | null;
};

/** Throws `invalid_parameter`. `query` answers the parameter of a name; `now` is the moment in ms. */
export function usageQuery(
  query: (name: string) => string | undefined,
  groups: readonly UsageGroupName[],
  now: number,
): AskedUsage {
  const format = oneOf("format", query("format"), USAGE_FORMATS);
  return {
    days: daysIn(query("from"), query("to"), dayNumberOf(now)),
    groupBy: oneOf("groupBy", query("groupBy"), groups),
    format,
    customer: customerIn(query("customer")),
    limit: limitIn(query("limit"), LIMITS[format]),
    after: placeIn(query("after")),
  };
}

/** The place as a cursor. */
export function cursorOf({ keyId, customer }: UsagePlace): string {
  return new TextEncoder()
    .encode(JSON.stringify({ keyId, customer }))
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The first of the names is the default. */
function oneOf<T extends string>(
  param: string,
  text: string | undefined,
  names: readonly [T, ...T[]] | readonly T[],
): T {
  if (!text) return names[0] as T;
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw wrong(param, `one of ${names.join(", ")}`, text);
}

function daysIn(from: string | undefined, to: string | undefined, today: number): DayRange {
  const last = to ? dayIn("to", to) : Math.max(today, from ? dayIn("from", from) : 0);
  const first = from ? dayIn("from", from) : last - (DEFAULT_DAYS - 1);
  if (first > last) throw wrong("from", "a day that is not after `to`", from ?? "");
  if (last - first + 1 > MAX_DAYS)
    throw new ApiError(
      "invalid_parameter",
      `from and to may be at most ${MAX_DAYS} days apart, both included; ${last - first + 1} days were asked for. Ask for shorter ranges, one after the other.`,
      { param: "from" },
    );
  return { from: first, to: last };
}

/** Sums are of whole UTC days: of a time, the day it lies in. */
function dayIn(param: string, text: string): number {
  const moment = DATE.safeParse(text).success || TIME.safeParse(text).success ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(moment))
    throw wrong(
      param,
      "a date such as 2026-11-30, or an ISO 8601 time with a zone, of which the UTC day counts",
      text,
    );
  return dayNumberOf(moment);
}

function customerIn(text: string | undefined): string | null {
  if (!text) return null;
  if (text.length <= MAX_CUSTOMER_CHARACTERS) return text;
  throw wrong("customer", `at most ${MAX_CUSTOMER_CHARACTERS} characters`, text);
}

function limitIn(text: string | undefined, bounds: { default: number; max: number }): number {
  if (!text) return bounds.default;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= bounds.max) return limit;
  throw wrong("limit", `a whole number from 1 to ${bounds.max}`, text);
}

function placeIn(text: string | undefined): UsagePlace | null {
  if (!text) return null;
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    return PLACE.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw wrong("after", "the cursor `after` of the page before", text);
  }
}

function wrong(param: string, expected: string, came: string): ApiError {
  return new ApiError("invalid_parameter", `${param} must be ${expected}; ${describeReceived(came)} came.`, {
    param,
  });
}
