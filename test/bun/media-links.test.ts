/** Links to results where a CDN stands in front of the media. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import { CANVAS_CAPABILITIES } from "../../src/providers/local/capabilities.ts";
import { type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { PNG } from "../fixture/media-samples.ts";

const CDN = "https://cdn.example.org/pictures";
const MODEL = {
  providerModel: "editor",
  capabilities: { ...CANVAS_CAPABILITIES, inputs: { images: 4, mask: true } },
  pricing: { kind: "free" as const },
  created: 1,
};
const BODY = { model: "local/editor", prompt: "a lake" };

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld({ models: [MODEL], env: { CONDUITLLM__MEDIA__PUBLICBASEURL: `${CDN}/` } });
});
afterEach(() => world.close());

async function painted(): Promise<{ path: string; task: WireTask }> {
  const response = await world.send("POST", "/v1/images/generations/async", { body: BODY });
  const { taskId } = (await response.json()) as WireAccepted;
  const call = await world.provider.next();
  const media = await call.io.putMedia(PNG, "image/png");
  call.answer({ kind: "done", items: [{ index: 0, media }] });
  await settled();
  const read = await world.send("GET", `/v1/tasks/${taskId}`);
  return { path: media.path, task: (await read.json()) as WireTask };
}

describe("with media.publicBaseUrl", () => {
  test("results are linked below it, in answers and in events, and all else at the gateway", async () => {
    const { path, task } = await painted();
    expect(task.result?.images?.[0]?.url).toBe(`${CDN}/${path}`);
    const events = await world.send("GET", `/v1/tasks/${task.taskId}/events`);
    expect(await events.text()).toContain(`"url":"${CDN}/${path}"`);
    const accepted = await world.send("POST", "/v1/images/generations/async", { body: BODY });
    expect(((await accepted.json()) as WireAccepted).statusUrl).toMatch(/^http:\/\/gateway\.test:8787\/v1\//);
  });

  test.each([
    ["the CDN", CDN],
    ["the gateway", "http://gateway.test:8787/v1/media"],
    ["the gateway's path alone", "/v1/media"],
  ])("a result's address at %s is an input without being fetched", async (_name, base) => {
    const { path } = await painted();
    const body = { ...BODY, image: `${base}/${path}?width=3` };
    expect((await world.send("POST", "/v1/images/generations/async", { body })).status).toBe(200);
    const { job, io } = await world.provider.next();
    const input = new Uint8Array(await new Response(await io.openInput(job.inputs[0]!)).arrayBuffer());
    expect(input).toEqual(PNG);
  });

  test("another key's result is no input by the CDN's address either", async () => {
    const { path } = await painted();
    const { key } = await world.makeKey({ name: "other" });
    const body = { ...BODY, image: `${CDN}/${path}` };
    const response = await world.send("POST", "/v1/images/generations/async", { body, key });
    expect(response.status).toBe(404);
  });

  test("the gateway itself goes on answering", async () => {
    const { path } = await painted();
    expect((await world.send("GET", `/v1/media/${path}`, { key: null })).status).toBe(200);
  });
});
