/** The program under Deno: `bun run start:deno`. */

import { runProgram } from "../process/program.ts";
import { denoProcess } from "./server.ts";

await runProgram(denoProcess);
