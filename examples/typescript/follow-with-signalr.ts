/**
 * Submits a task and follows it through the SignalR hub with Microsoft's own client.
 *
 *   CONDUIT_KEY=condt_… bun examples/typescript/follow-with-signalr.ts "a balloon over mountains"
 */

import { HubConnectionBuilder } from "@microsoft/signalr";

const [prompt = "a balloon over mountains"] = process.argv.slice(2);
const base = process.env.CONDUIT_URL ?? "http://localhost:8787";
const key = process.env.CONDUIT_KEY ?? "";

const hub = new HubConnectionBuilder()
  .withUrl(`${base}/hubs/image-generation`, { accessTokenFactory: () => key })
  .withAutomaticReconnect()
  .build();

const finished = Promise.withResolvers<void>();
hub.on("TaskProgress", (_id: string, percent: number) => console.log(`${percent}%`));
hub.on("TaskCompleted", (_id: string, result: { image_url: string }) => {
  console.log(result.image_url);
  finished.resolve();
});
hub.on("TaskFailed", (_id: string, reason: string) => finished.reject(new Error(reason)));
// After four tries to reconnect it gives up.
hub.onclose((error) => finished.reject(error ?? new Error("The connection was closed.")));
await hub.start();

const created = await fetch(`${base}/v1/images/generations/async`, {
  method: "POST",
  headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
  body: JSON.stringify({ model: "local/canvas", prompt }),
});
if (!created.ok) throw new Error(await created.text());
const { taskId } = await created.json();
await hub.invoke("SubscribeToTask", taskId);
// A reconnected client has a new connection: it subscribes again, and is told the state as it is.
hub.onreconnected(() => hub.invoke("SubscribeToTask", taskId).catch(finished.reject));

await finished.promise;
await hub.stop();
