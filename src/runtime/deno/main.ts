/** The program under Deno: `bun run start:deno`. */

import process from "node:process";
import { runProgram } from "../process/program.ts";
import { denoProcess } from "./server.ts";

// A write beyond the file size limit then fails; without a handler SIGXFSZ ends Deno (signal(7)).
process.on("SIGXFSZ", () => {});

await runProgram(denoProcess);
