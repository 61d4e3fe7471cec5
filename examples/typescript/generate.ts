/**
 * From a request to its result in one call with the client package: a picture and a film at once, saved in this folder.
 *
 *   CONDUIT_KEY=condt_… bun examples/typescript/generate.ts "a lighthouse in a storm"
 */

import { writeFile } from "node:fs/promises";
import { ConduitClient, ConduitError } from "@conduit-gateway/client";

const [prompt = "a lighthouse in a storm"] = process.argv.slice(2);
const conduit = new ConduitClient({
  virtualKey: process.env.CONDUIT_KEY ?? "",
  baseUrl: process.env.CONDUIT_URL ?? "http://localhost:8787",
});
// Slows the built-in models down, so that there is a progress to see.
const slowly = { provider_options: { steps: 10, step_ms: 300 } };

try {
  await Promise.all([
    make("picture.png", { model: "local/canvas", prompt, ...slowly }),
    make("film.webm", {
      type: "video",
      model: "local/motion",
      prompt,
      duration: 1,
      size: "128x72",
      ...slowly,
    }),
  ]);
} catch (error) {
  // Refused, failed, or out of reach: what it says is for people.
  if (!(error instanceof ConduitError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function make(file: string, request: Parameters<ConduitClient["run"]>[0]): Promise<void> {
  const { url } = await conduit.run(request, {
    onProgress: ({ progress, message }) => console.log(`${file} ${progress}% ${message ?? ""}`),
  });
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} was answered with ${answer.status}`);
  await writeFile(file, new Uint8Array(await answer.arrayBuffer()));
  console.log(`saved ${file}`);
}
