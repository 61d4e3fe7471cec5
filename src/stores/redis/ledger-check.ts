/**
 * Reckoning the balances of a key anew. A script reads the balances and the holds at one moment; the movements, of which there may
 * be millions, are read in pages behind it, those that there were at that moment. The retention may take some of them meanwhile:
 * what does not agree is read again, and is told when it disagrees every time.
 */

import { type BudgetWindow, FIRST_WINDOWS } from "../../accounts/money/budgets.ts";
import type { BalanceCheck } from "../../accounts/money/ledger-store.ts";
import { LedgerSums, type StoredBalance } from "../../accounts/money/ledger-sums.ts";
import type { Reply } from "./server/replies.ts";
import { listReply, numberOf, textOf } from "./server/replies.ts";
import type { ScriptRunner } from "./server/script-runner.ts";

/** Holds that one script reads: some ten milliseconds of the server. */
const MAX_HOLDS = 10_000;
const PAGE = 1_000;
const TRIES = 3;
const FIELD = /^(reserved|charged|opening):([^:]+)(?::(.*))?$/s;

export async function checkRedisBalances(scripts: ScriptRunner, keyId: string): Promise<BalanceCheck> {
  let check = await reckon(scripts, keyId);
  for (let tries = 1; tries < TRIES && check.differences.length > 0; tries++)
    check = await reckon(scripts, keyId);
  return check;
}

async function reckon(scripts: ScriptRunner, keyId: string): Promise<BalanceCheck> {
  const [fields, holds, movements, held] = listReply(await scripts.run("balances", keyId, String(MAX_HOLDS)));
  const sums = new LedgerSums();
  for (const hold of listReply(held)) addHold(sums, listReply(hold));
  const count = numberOf(movements);
  for (let from = 0; from < count; from += PAGE) {
    const last = Math.min(from + PAGE, count) - 1;
    for (const text of listReply(await scripts.run("oldMovements", keyId, String(from), String(last))))
      addMovement(sums, textOf(text));
  }
  const balances = balancesOf(fields);
  if (numberOf(holds) <= MAX_HOLDS) return sums.compare(keyId, balances);
  const { differences } = sums.compare(keyId, balances);
  return {
    balances: balances.length,
    differences: differences.filter(({ amount }) => amount === "charged"),
    skipped: `reserved was not compared: the key has ${numberOf(holds)} holds, and at most ${MAX_HOLDS} are read at one moment`,
  };
}

function addHold(sums: LedgerSums, [amount, windows, customer, spec]: readonly Reply[]): void {
  if (!amount) return;
  const named = windows ? (textOf(windows).split(" ") as BudgetWindow[]) : FIRST_WINDOWS;
  sums.addHold(customer ? textOf(customer) : customerIn(textOf(spec)), named, numberOf(amount));
}

/** The customer of a task stands in its spec; one that is damaged names none, as far as anybody can tell. */
function customerIn(spec: string): string | null {
  try {
    return (JSON.parse(spec || "{}") as { customer?: string }).customer ?? null;
  } catch {
    return null;
  }
}

/** A movement that cannot be read adds nothing, so that its balance is told. */
function addMovement(sums: LedgerSums, text: string): void {
  try {
    const { customer, windows, chargedMicros } = JSON.parse(text) as {
      customer?: string;
      windows?: BudgetWindow[];
      chargedMicros?: number;
    };
    sums.addCharge(customer ?? null, windows ?? FIRST_WINDOWS, chargedMicros ?? 0);
  } catch {
    return;
  }
}

function balancesOf(reply: Reply | undefined): StoredBalance[] {
  const fields = listReply(reply).map(textOf);
  const balances = new Map<string, StoredBalance>();
  for (let index = 0; index < fields.length; index += 2) {
    const [, amount, window, customer = ""] = FIELD.exec(fields[index] as string) ?? [];
    if (amount === undefined || window === undefined) continue;
    const place = `${window}:${customer}`;
    const known = balances.get(place) ?? {
      customer: customer || null,
      window: window as BudgetWindow,
      reservedMicros: 0,
      chargedMicros: 0,
      openingMicros: 0,
    };
    balances.set(place, { ...known, [`${amount}Micros`]: Number(fields[index + 1]) });
  }
  return [...balances.values()];
}
