/** `bun run ledger:check`: what the command line says, and what the operator is told. */

import process from "node:process";
import type { BalanceDifference } from "../../../accounts/money/ledger-store.ts";
import { ConfigError, loadConfig } from "../../../config/load.ts";
import { storeChoice } from "../../../config/store-choice.ts";
import { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";
import { readConfigFile } from "../config-file.ts";
import type { ProcessHost } from "../process-host.ts";
import { openSharedStore, StoreSetupError } from "../store.ts";
import { filesIn } from "./data-directory.ts";
import { checkLedger, checkLedgerFile, LedgerCheckError, type LedgerReport } from "./ledger-check.ts";

const USAGE =
  "Usage: bun run ledger:check\n" +
  "Reckons each balance anew from the ledger and the holds, and prints those that are something else. Reads the data\n" +
  "directory (CONDUIT_DATA_DIR), or Redis or Upstash where the settings name one; also while Conduit runs.\n" +
  "Ends with 0 where all agree, 1 where one does not or nothing could be read.\n";
const EXIT_USAGE = 2;
const MICROS_DECIMALS = 6;

/** Runs the command; ends the process with 0, 1 where a balance disagrees or cannot be read, or 2 where it was not asked for rightly. */
export async function runLedgerCheck(host: ProcessHost, args: readonly string[]): Promise<void> {
  if (args.length > 0) {
    process.stderr.write(USAGE);
    process.exit(args[0] === "--help" ? 0 : EXIT_USAGE);
  }
  try {
    const report = await checkSettings(host);
    for (const line of linesOf(report)) process.stdout.write(`${line}\n`);
    process.exit(report.differences.length === 0 ? 0 : 1);
  } catch (error) {
    const told = [LedgerCheckError, ConfigError, StoreSetupError, StoreUnavailableError];
    if (!told.some((kind) => error instanceof kind)) throw error;
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}

async function checkSettings(host: ProcessHost): Promise<LedgerReport> {
  const { settings } = loadConfig({ env: process.env, file: readConfigFile(process.cwd()) });
  const choice = storeChoice(settings);
  if (choice.kind === "embedded") return checkLedgerFile(host, filesIn(settings.server.dataDir).databaseFile);
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const { store, close } = await openSharedStore(choice, { host, settings, log });
  try {
    return await checkLedger(store);
  } finally {
    await close();
  }
}

function linesOf({ keys, balances, differences, skipped }: LedgerReport): string[] {
  return [
    ...differences.map(lineOf),
    ...skipped.map(({ keyId, reason }) => `key ${keyId}: ${reason}`),
    `${keys} keys, ${balances} balances: ${differences.length === 0 ? "all agree" : `${differences.length} differ`}`,
  ];
}

function lineOf({
  keyId,
  customer,
  window,
  amount,
  balanceMicros,
  expectedMicros,
}: BalanceDifference): string {
  const whose = customer === null ? `key ${keyId}` : `key ${keyId}, customer ${JSON.stringify(customer)}`;
  const dollars = (micros: number) => (micros / 1_000_000).toFixed(MICROS_DECIMALS);
  return (
    `${whose}, ${window}, ${amount}: the balance is ${dollars(balanceMicros)}, ` +
    `its entries come to ${dollars(expectedMicros)} (difference ${dollars(balanceMicros - expectedMicros)})`
  );
}
