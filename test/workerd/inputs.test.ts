/** Pictures that callers hand in, on Workers: forms, the platform's fetch, and films read by ranges. */

import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { createGuardedFetch } from "../../src/fetch/guarded-fetch.ts";
import { createCheckedMedia } from "../../src/media/checked.ts";
import type { OpenAiImages } from "../../src/protocol/openai-images.ts";
import type { Bindings } from "../../src/runtime/cloudflare/bindings.ts";
import { createWorkerTransport } from "../../src/runtime/cloudflare/clients/worker-transport.ts";
import { offerProviders } from "../../src/runtime/cloudflare/parts.ts";
import worker from "../../src/runtime/cloudflare/worker.ts";
import { systemClock } from "../../src/tasks/ports/clock.ts";
import { createCopyingOffer } from "../fixture/copying-provider.ts";
import { MP4, PNG, WEBM } from "../fixture/media-samples.ts";
import { MemoryMedia } from "../fixture/memory-media.ts";

// Two pictures of more than one part each, through objects and back.
vi.setConfig({ testTimeout: 20_000 });

offerProviders(() => [createCopyingOffer()]);

const KEY = `condt_${"w".repeat(43)}`;
const bindings: Bindings = {
  ...(env as Bindings),
  CONDUIT_BOOTSTRAP_KEY: KEY,
  CONDUIT_ADMIN_KEY: "the-admin-key-of-this-worker",
  CONDUITLLM__LOGGING__LEVEL: "silent",
};

async function edit(image: Blob | string): Promise<Response> {
  const form = new FormData();
  form.append("model", "copies/editor");
  form.append("prompt", "the same again");
  form.append("image", image);
  return worker.fetch(
    new Request("https://gateway.example/v1/images/edits", {
      method: "POST",
      headers: { authorization: `Bearer ${KEY}` },
      body: form,
    }),
    bindings,
  );
}

describe("a Worker", () => {
  test("stores a form's picture and hands it to the provider", async () => {
    const padded = new Uint8Array(1_200_000);
    padded.set(PNG);
    for (const image of [new File([padded], "狐.png"), `data:image/png;base64,${padded.toBase64()}`]) {
      const response = await edit(image);
      expect(response.status).toBe(200);
      const { data } = (await response.json()) as OpenAiImages;
      const file = await worker.fetch(new Request(data[0]?.url ?? ""), bindings);
      expect(file.headers.get("content-type")).toBe("image/png");
      const content = new Uint8Array(await file.arrayBuffer());
      expect(content.length).toBe(padded.length);
      expect(content.every((byte, index) => byte === padded[index])).toBe(true);
    }
  });

  test("refuses what is no picture, and addresses that it must not ask", async () => {
    for (const image of [
      new File(["<html>"], "fox.png"),
      "https://169.254.169.254/",
      "https://db.internal/x",
    ]) {
      const response = await edit(image);
      expect(response.status).toBe(400);
      expect(((await response.json()) as { error: { param: string } }).error.param).toBe("image");
    }
  });

  test("reads the figures of films", async () => {
    const media = createCheckedMedia(new MemoryMedia());
    for (const [film, contentType] of [
      [MP4, "video/mp4"],
      [WEBM, "video/webm"],
    ] as const) {
      const stored = await media.put("task", new Blob([film]).stream(), "video/mp4");
      expect(stored).toMatchObject({ contentType, width: 64, height: 48, durationSeconds: 2, fps: 12 });
    }
  });
});

test("the platform's fetch is told to follow no redirect itself", async () => {
  const asked: { url: string; redirect: string | undefined }[] = [];
  const transport = createWorkerTransport(async (url, { redirect }) => {
    asked.push({ url: url.href, redirect });
    return new Response(null, { status: 302, headers: { location: "https://localhost/secret" } });
  });
  const guarded = createGuardedFetch(transport, systemClock, { allowHttp: false, allowedHosts: new Set() });
  const timeouts = { connectMs: 1_000, headersMs: 1_000, chunkMs: 1_000, totalMs: 2_000 };
  const fetched = guarded.fetch("https://pictures.example.org/a", {
    maxBytes: 10,
    maxRedirects: 2,
    timeouts,
  });
  await expect(fetched).rejects.toMatchObject({ failure: "refused" });
  expect(asked).toEqual([{ url: "https://pictures.example.org/a", redirect: "manual" }]);
});
