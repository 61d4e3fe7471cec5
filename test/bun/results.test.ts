/** What a provider delivers is looked at before a task completes with it. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireTask } from "../../src/protocol/task.ts";
import { CANVAS_CAPABILITIES } from "../../src/providers/local/capabilities.ts";
import { type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { MP4, PNG } from "../fixture/media-samples.ts";
import type { ProviderCall } from "../fixture/scripted-provider.ts";

const MODELS = [
  { providerModel: "canvas", capabilities: CANVAS_CAPABILITIES },
  { providerModel: "motion", capabilities: { ...CANVAS_CAPABILITIES, type: "video" as const } },
].map((model) => ({ ...model, pricing: { kind: "free" as const }, created: 1 }));

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld({ models: MODELS });
});
afterEach(() => world.close());

async function started(
  kind: "images" | "videos",
): Promise<{ call: ProviderCall; read(): Promise<WireTask> }> {
  const model = kind === "images" ? "local/canvas" : "local/motion";
  const created = await world.send("POST", `/v1/${kind}/generations/async`, {
    body: { model, prompt: "a fox" },
  });
  const { taskId } = (await created.json()) as { taskId: string };
  const call = await world.provider.next();
  return {
    call,
    async read() {
      await settled();
      return (await (await world.send("GET", `/v1/tasks/${taskId}`)).json()) as WireTask;
    },
  };
}

describe("a delivered film", () => {
  test("is answered with its own size, length and rate where the adapter does not say them", async () => {
    const { call, read } = await started("videos");
    const media = await call.io.putMedia(MP4, "video/webm");
    call.answer({ kind: "done", items: [{ index: 0, media }] });
    expect((await read()).result?.videos?.[0]).toMatchObject({
      width: 64,
      height: 48,
      durationSeconds: 2,
      fps: 12,
      mimeType: "video/mp4",
    });
  });

  test("keeps the figures that the adapter says", async () => {
    const { call, read } = await started("videos");
    const media = await call.io.putMedia(MP4, "video/mp4");
    call.answer({ kind: "done", items: [{ index: 0, media, durationSeconds: 1.96 }] });
    expect((await read()).result?.videos?.[0]).toMatchObject({ width: 64, durationSeconds: 1.96 });
  });

  test("keeps its figures from one step to the next", async () => {
    const { call, read } = await started("videos");
    const media = await call.io.putMedia(MP4, "video/mp4");
    call.answer({ kind: "pending", state: { media }, pollAfterMs: 1_000 });
    await settled();
    await world.clock.advance(1_000);
    const poll = await world.provider.next();
    poll.answer({
      kind: "done",
      items: [{ index: 0, media: (poll.state as { media: typeof media }).media }],
    });
    expect((await read()).result?.videos?.[0]).toMatchObject({ width: 64, fps: 12 });
  });
});

describe("a delivered picture", () => {
  test("is served as what it is, whatever the provider called it", async () => {
    const { call, read } = await started("images");
    const media = await call.io.putMedia(PNG, "image/jpeg");
    call.answer({ kind: "done", items: [{ index: 0, media }] });
    const url = (await read()).result?.images?.[0]?.url ?? "";
    const file = await world.send("GET", new URL(url).pathname, { key: null });
    expect(file.headers.get("content-type")).toBe("image/png");
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(PNG);
  });

  test("that is a page ends the task as provider_error, and nothing is stored", async () => {
    const { call, read } = await started("images");
    const page = new TextEncoder().encode("<!doctype html><title>503 from upstream.example</title>");
    call.explode(
      await call.io.putMedia(page, "image/png").then(
        () => new Error("stored"),
        (error) => error,
      ),
    );
    const task = await read();
    expect(task).toMatchObject({ status: "failed", errorCode: "provider_error" });
    expect(task.error).not.toContain("upstream");
    expect(world.media.files.size).toBe(0);
  });
});
