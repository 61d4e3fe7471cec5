/** The program under Bun: `bun run start`. */

import { runProgram } from "../process/program.ts";
import { bunProcess } from "./server.ts";

await runProgram(bunProcess);
