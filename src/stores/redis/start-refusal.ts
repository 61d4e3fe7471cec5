/** Why a key may not begin something, as scripts answer it (scripts/parts/money/budgets.lua and rates.lua). */

import { dayNumberOf, periodEnd } from "../../accounts/money/budgets.ts";
import type { BudgetPeriod } from "../../protocol/key.ts";
import type { KeyRefused, RequestRate, StartRefusal } from "../../tasks/ports/start-refusal.ts";
import { DamagedKeyError } from "./server/errors.ts";
import type { Reply } from "./server/replies.ts";
import { listReply, numberOf, textOf } from "./server/replies.ts";

/** Null when the outcome is none of these. Throws `DamagedKeyError` when the key could not be read. */
export function readRefusal(outcome: Reply | undefined, rest: readonly Reply[]): StartRefusal | null {
  switch (outcome) {
    case "key_refused":
      return { outcome, reason: textOf(rest[0]) as KeyRefused["reason"] };
    case "rate_limited":
      return { outcome, retryAfterMs: numberOf(rest[0]), rate: readRate(rest[1] ?? null) };
    case "budget_exceeded": {
      const [limit, reserved, charged, named, customer, moment, rate] = rest;
      const period = textOf(named) as BudgetPeriod;
      return {
        outcome,
        period,
        customer: textOf(customer) || null,
        limitMicros: numberOf(limit),
        chargedMicros: numberOf(charged),
        reservedMicros: numberOf(reserved),
        resetsAt: periodEnd(period, dayNumberOf(numberOf(moment))),
        rate: readRateIfAny(rate),
      };
    }
    case "unreadable":
      throw new DamagedKeyError();
    default:
      return null;
  }
}

/** A limit of requests, as `told_rate` has it. */
export function readRate(reply: Reply): RequestRate {
  const [per, limit, remaining, resetMs] = listReply(reply);
  return {
    per: textOf(per) as RequestRate["per"],
    limit: numberOf(limit),
    remaining: numberOf(remaining),
    resetMs: numberOf(resetMs),
  };
}

/** Null where the key has no limit of requests. */
export function readRateIfAny(reply: Reply | undefined): RequestRate | null {
  return reply === null || reply === undefined ? null : readRate(reply);
}
