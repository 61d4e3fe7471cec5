/**
 * Live progress over one hub connection with the client package: the events, and waiting for one of two ends.
 *
 *   CONDUIT_KEY=condt_… bun examples/typescript/realtime.ts "a lighthouse in a storm"
 */

import { ConduitRealtimeClient, type TaskResult } from "@conduit-gateway/client";

const [prompt = "a lighthouse in a storm"] = process.argv.slice(2);
const client = new ConduitRealtimeClient({
  virtualKey: process.env.CONDUIT_KEY ?? "",
  baseUrl: process.env.CONDUIT_URL ?? "http://localhost:8787",
});

client.on("connected", ({ hubType }) => console.log(`connected (${hubType}, ${client.transport})`));
client.on("reconnecting", () => console.log("reconnecting"));
client.on("reconnected", () => console.log("reconnected"));
client.on("progress", ({ progress, message }) => console.log(`${progress}% ${message ?? ""}`));
client.on("error", ({ type, error }) => console.error(type, error.message));

try {
  await client.connect("image");
  const ended = new Promise<TaskResult>((resolve, reject) => {
    client.once("completed", resolve);
    client.once("failed", ({ error }) => reject(new Error(error)));
    client.once("disconnected", ({ error }) => reject(error ?? new Error("disconnected")));
  });
  // Large, so that the built-in painter takes a moment.
  const made = client.generateImage({ model: "local/canvas", prompt, size: "2048x2048" });
  const [{ imageUrl }] = await Promise.all([ended, made]);
  console.log(imageUrl);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await client.disconnect();
}
