/**
 * BullMQ's whole way: `queue.add` to completed, producers and worker in one process, as the contender of `lifecycle`.
 * Jobs are empty, kept neither when completed nor when failed, with the three attempts that Conduit grants as well.
 */

import { Queue, Worker } from "bullmq";
import { hear, numberArgument, say } from "../harness/child.ts";
import type { LifecycleRun } from "../harness/lifecycle-run.ts";
import { createLifecycleRun } from "../harness/lifecycle-run.ts";

const connection = { host: "127.0.0.1", port: numberArgument("redis"), maxRetriesPerRequest: null };
const concurrency = numberArgument("concurrency");
const QUEUE = "lifecycle";
const JOB = { attempts: 3, removeOnComplete: true, removeOnFail: true };

const queue = new Queue(QUEUE, { connection });
const worker = new Worker(QUEUE, async () => {}, { connection, concurrency, autorun: false });
await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);

const run: LifecycleRun = createLifecycleRun({
  producers: concurrency,
  submit: async () => void (await queue.add("job", {}, JOB)),
  pause: () => worker.pause(true),
  resume: async () => worker.resume(),
});
worker.on("completed", () => run.completed());
await worker.pause(true);
void worker.run();

hear(async (command) => {
  if (command.type === "whole") say("result", { ...(await run.whole(Number(command.jobs))) });
  if (command.type === "drain") say("result", { ...(await run.drain(Number(command.jobs))) });
});
say("ready");
