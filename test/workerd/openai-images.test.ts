/** OpenAI's images on Workers: a large answer goes into the media store while it arrives. */

import { env } from "cloudflare:workers";
import type { R2Bucket } from "@cloudflare/workers-types";
import { expect, test } from "vitest";
import { createChunkedMediaStore } from "../../src/media/chunked.ts";
import { OPENAI_MODELS } from "../../src/providers/openai/models.ts";
import { createImagesApi } from "../../src/providers/openai/provider.ts";
import { createR2MediaStore } from "../../src/runtime/cloudflare/clients/r2-media.ts";
import { systemClock } from "../../src/tasks/ports/clock.ts";
import type { MediaStore } from "../../src/tasks/ports/media-store.ts";
import { mediaJob } from "../fixture/providers/media-job.ts";
import { pngOf } from "../fixture/providers/pictures.ts";
import { scriptedFetch } from "../fixture/providers/scripted-fetch.ts";
import { RecordingIo } from "../fixture/recording-io.ts";

const bucket = env.MEDIA as R2Bucket;
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const GROUPS = 16_384;

/** A step whose files go into a store of the platform. */
class StoringIo extends RecordingIo {
  readonly #store: MediaStore;

  constructor(store: MediaStore) {
    super();
    this.#store = store;
  }

  override putMedia(bytes: Uint8Array | ReadableStream<Uint8Array>, contentType: string) {
    return this.#store.put(mediaJob().taskId, bytes, contentType);
  }
}

/** An answer with one picture of so many blocks of 64 kB base64, made piece by piece as it is read. */
function largeAnswer(blocks: number): Response {
  let sent = 0;
  const encoder = new TextEncoder();
  const png = pngOf(1);
  const head = png.subarray(0, png.length - (png.length % 3)).toBase64();
  const block = encoder.encode("QUJD".repeat(GROUPS));
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (sent === 0) controller.enqueue(encoder.encode(`{"data":[{"b64_json":"${head}`));
        else if (sent <= blocks) controller.enqueue(block);
        else {
          controller.enqueue(encoder.encode('"}],"usage":{"input_tokens":1,"output_tokens":2}}'));
          controller.close();
        }
        sent += 1;
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { "content-type": "application/json" } });
}

test.each([
  [
    "20 MB of base64 go into an R2 bucket",
    320,
    () => createR2MediaStore({ bucket, maxFileBytes: MAX_FILE_BYTES }),
  ],
  // Fewer: an object's local database is slow, and its parts are of 2 MB at most.
  ["2 MB of base64 go into Durable Objects", 32, () => createChunkedMediaStore(env.MEDIA_STORE, {})],
  // Generous: suites share the machine, and how long it takes is not the point.
] as const)("9.15: %s as they arrive", { timeout: 60_000 }, async (_, blocks, open) => {
  const store = open();
  const { fetch } = scriptedFetch(largeAnswer(blocks));
  const provider = createImagesApi({
    name: "openai",
    title: "OpenAI",
    accounts: { apiKey: "sk-test", baseUrl: null, credentials: [] },
    usualBaseUrl: "https://api.openai.test/v1",
    models: OPENAI_MODELS,
    clock: systemClock,
    fetch,
    download: () => Promise.reject(new Error("nothing is downloaded here")),
    maxFileBytes: MAX_FILE_BYTES,
  });
  const outcome = await provider.submit(mediaJob(), new StoringIo(store));
  if (outcome.kind !== "done") throw new Error(`expected done, got ${JSON.stringify(outcome)}`);
  const { media } = outcome.items[0]!;
  const head = pngOf(1).length - (pngOf(1).length % 3);
  expect(media).toMatchObject({ contentType: "image/png", bytes: head + blocks * GROUPS * 3 });
  expect((await store.get(media.path))?.bytes).toBe(media.bytes);
  expect(outcome.usage).toEqual({ images: 1, tokens: { input: 1, output: 2, imageOutput: 2 } });
});
