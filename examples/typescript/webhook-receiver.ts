/**
 * Is called by the gateway when a picture is ready, checks that it was the gateway, and saves the picture. Runs under Node and Bun.
 *
 *   CONDUIT_KEY=condt_… bun examples/typescript/webhook-receiver.ts
 *
 * The gateway has to be let call this machine: its `webhooks.allowHttp` is true and `webhooks.allowedHosts` has localhost.
 */

import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { ConduitClient, type WireTask } from "@conduit-gateway/client";

const baseUrl = process.env.CONDUIT_URL ?? "http://localhost:8787";
const virtualKey = process.env.CONDUIT_KEY ?? "";
const conduit = new ConduitClient({ virtualKey, baseUrl });
/** More than a message of the gateway ever is. */
const MOST_BYTES = 1_000_000;

const received = Promise.withResolvers<WireTask>();
// A call may come twice, under the same id: a real receiver remembers the ids of a day.
const seen = new Set<string>();
const server = createServer(async (request, response) => {
  try {
    const message = await conduit.webhooks.verify({
      body: await bodyOf(request),
      headers: request.headers,
      secret: endpoint.secret,
    });
    // Answered first and worked on afterwards: a try may take 10 s, and another one would follow.
    response.writeHead(204).end();
    const id = String(request.headers["webhook-id"]);
    if (seen.has(id)) return;
    seen.add(id);
    console.log(message.type);
    if (message.type.startsWith("task.")) received.resolve(message.data as unknown as WireTask);
  } catch (error) {
    console.error((error as Error).message);
    response.writeHead(400).end();
  }
});
await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
const { port } = server.address() as AddressInfo;

// One endpoint for every task of the key. Its secret is shown this once: a real receiver keeps it.
const endpoint: { id: string; secret: string } = await asked("POST", "/v1/webhooks/endpoints", {
  url: `http://localhost:${port}/hooks`,
  description: "the example",
});
try {
  const { taskId } = await conduit.images.generateAsync({ model: "local/canvas", prompt: "a fox" });
  console.log(`waiting for ${taskId}`);
  const task = await received.promise;
  const url = task.result?.images?.[0]?.url;
  if (url === undefined) throw new Error(task.error ?? `The task is ${task.status}.`);
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} was answered with ${answer.status}`);
  await writeFile("picture.png", new Uint8Array(await answer.arrayBuffer()));
  console.log("saved picture.png");
} finally {
  await asked("DELETE", `/v1/webhooks/endpoints/${endpoint.id}`);
  server.close();
  server.closeAllConnections();
}

async function asked(method: string, path: string, body?: object) {
  const answer = await fetch(baseUrl + path, {
    method,
    headers: { authorization: `Bearer ${virtualKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** The raw bytes: what is parsed and printed again is signed no more. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error("The body is too large.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
