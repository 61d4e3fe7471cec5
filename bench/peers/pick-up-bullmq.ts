/** A BullMQ worker with its defaults and one job that never ends, for the harness to kill and to start again. */

import { Queue, Worker } from "bullmq";
import { hear, numberArgument, say } from "../harness/child.ts";

const QUEUE = "pick-up";
const connection = { host: "127.0.0.1", port: numberArgument("redis"), maxRetriesPerRequest: null };

const worker = new Worker(
  QUEUE,
  () => {
    say("working");
    return new Promise<never>(() => {});
  },
  { connection },
);
await worker.waitUntilReady();
hear(async (command) => {
  if (command.type === "add") await new Queue(QUEUE, { connection }).add("job", {});
});
say("ready");
