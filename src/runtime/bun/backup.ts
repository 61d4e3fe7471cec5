/** The backup under Bun: `bun run backup <folder>`. */

import process from "node:process";
import { runBackup } from "../process/data/backup-program.ts";
import { bunProcess } from "./server.ts";

await runBackup(bunProcess, process.argv.slice(2));
