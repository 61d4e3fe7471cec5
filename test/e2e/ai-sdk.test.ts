/** Vercel's AI SDK makes pictures and films with the started program and its built-in models. */

import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateImage, experimental_generateVideo as generateVideo } from "ai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createConduit } from "../../src/client/ai/index.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { readWebm } from "../fixture/webm-reader.ts";

const FILM = { prompt: "a sailboat at sunset", resolution: "128x72", duration: 1, seed: 7 } as const;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
beforeAll(async () => {
  folder = await temporaryFolder();
  server = await ServerProcess.start({ dataDir: folder.path });
});
afterAll(async () => {
  await server.kill();
  await folder.remove();
});

test.each([
  ["waiting for it", {}],
  ["asking for it", { poll: { intervalMs: 50 } }],
])(
  "local/motion draws a film for generateVideo, %s",
  async (_, options) => {
    const { video } = createConduit({ baseURL: server.url, apiKey: BOOTSTRAP_KEY });
    const made = await generateVideo({ model: video("local/motion"), ...FILM, ...options });
    expect(made.video.mediaType).toBe("video/webm");
    expect(await readWebm(made.video.uint8Array)).toMatchObject({ width: 128, height: 72 });
    expect(made.providerMetadata).toMatchObject({
      conduit: { videos: [{ width: 128, durationSeconds: 1 }] },
    });
  },
  30_000,
);

test("local/canvas paints a picture by the SDK's own providers", async () => {
  const settings = { baseURL: `${server.url}/v1`, apiKey: BOOTSTRAP_KEY };
  const models = [
    createOpenAI(settings).image("local/canvas"),
    createOpenAICompatible({ name: "conduit", ...settings }).imageModel("local/canvas"),
  ];
  for (const model of models) {
    const { image } = await generateImage({ model, prompt: "a lighthouse in a storm", size: "128x128" });
    expect(image.mediaType).toBe("image/png");
  }
});
