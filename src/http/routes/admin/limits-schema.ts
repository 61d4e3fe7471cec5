/** What administrators may set of money and requests: budgets, grants, numbers of requests. */

import { z } from "zod";
import type { Budget, Grant } from "../../../accounts/money/budgets.ts";
import { BUDGET_PERIODS, type BudgetPeriod } from "../../../protocol/key.ts";
import { dollars, micros } from "../../../tasks/dollars.ts";

const MAX_DOLLARS = 1_000_000_000;
const MAX_GRANTS = 20;
const MAX_REQUESTS = 1_000_000;

const amount = `dollars from 0 to ${MAX_DOLLARS}, in whole millionths`;
const period = `one of ${BUDGET_PERIODS.map((one) => `"${one}"`).join(", ")}`;
const budget = 'a budget such as {"limit":5,"period":"daily"}';
const budgets = `a list of budgets such as {"limit":5,"period":"daily"}, at most one of each period (${BUDGET_PERIODS.join(", ")})`;
const grant = 'a grant such as {"amount":5,"expiresAt":"2027-01-31T00:00:00Z"}';
const grants = `a list of at most ${MAX_GRANTS} grants such as {"amount":5,"expiresAt":"2027-01-31T00:00:00Z"}`;
const requests = `a whole number from 1 to ${MAX_REQUESTS}`;
const time = "an ISO 8601 time with a zone, such as 2027-01-31T00:00:00Z";

/** Milliseconds since the epoch. */
export const timeWithZone = z.iso.datetime({ offset: true, error: time }).transform(Date.parse);

/** A number of dollars that is a whole number of micro-dollars. */
const dollarAmount = z
  .number({ error: amount })
  .min(0, amount)
  .max(MAX_DOLLARS, amount)
  .refine((value) => dollars(micros(value)) === value, { error: amount });

/** `total` where no period is named. */
export const budgetShape = z
  .strictObject(
    { limit: dollarAmount, period: z.enum(BUDGET_PERIODS, { error: period }).default("total") },
    { error: budget },
  )
  .transform(({ limit, period }): Budget => ({ limitMicros: micros(limit), period }));

export const budgetList = z
  .array(budgetShape, { error: budgets })
  .max(BUDGET_PERIODS.length, budgets)
  .refine((list) => twice(list) === undefined, {
    error: ({ input }) => `${budgets}, and "${twice(input as readonly Budget[])}" is named twice`,
  });

export const grantList = z
  .array(
    z
      .strictObject({ amount: dollarAmount, expiresAt: timeWithZone }, { error: grant })
      .transform(({ amount, expiresAt }): Grant => ({ amountMicros: micros(amount), expiresAt })),
    { error: grants },
  )
  .max(MAX_GRANTS, grants);

/** A period that more than one of the budgets names. */
function twice(list: readonly Budget[]): BudgetPeriod | undefined {
  return list.find(({ period }, index) => list.findIndex((other) => other.period === period) < index)?.period;
}

/** How many requests a minute or a day. */
export const requestLimit = z.int({ error: requests }).min(1, requests).max(MAX_REQUESTS, requests);
