/** The check of the ledger under Bun: `bun run ledger:check`. */

import process from "node:process";
import { runLedgerCheck } from "../process/data/ledger-check-program.ts";
import { bunProcess } from "./server.ts";

await runLedgerCheck(bunProcess, process.argv.slice(2));
