/** The program under Deno: `bun run start:deno`. */

import process from "node:process";
import { runProgram } from "../process/program.ts";
import { denoProcess } from "./server.ts";

// A file that may not grow fails the write that would; left alone, Deno dies of the signal that comes with it.
process.on("SIGXFSZ", () => {});

await runProgram(denoProcess);
