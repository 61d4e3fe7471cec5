import process from "node:process";
import type { Worker } from "node:worker_threads";

/** A thread that runs `script`. The runtime's module of threads is loaded with the first one, not with the program. */
export function startThread(script: URL): Worker {
  const { Worker: Thread } = process.getBuiltinModule("node:worker_threads");
  return new Thread(script);
}
