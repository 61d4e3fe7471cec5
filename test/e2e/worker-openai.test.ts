/** The Worker in a real workerd with OpenAI behind it: the calls leave it, the pictures come in, the secrets stay. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { FAKE_KEY, type FakeOpenAi, startFakeOpenAi } from "../fixture/providers/fake-openai.ts";
import { WorkerProcess } from "../fixture/worker-process.ts";

const MODEL = "gpt-image-2.6-flare";
let upstream: FakeOpenAi;
let worker: WorkerProcess;

beforeAll(async () => {
  upstream = await startFakeOpenAi();
  worker = await WorkerProcess.start({
    env: { OPENAI_API_KEY: FAKE_KEY, CONDUITLLM__PROVIDERS__OPENAI__BASEURL: upstream.baseUrl },
  });
});
afterAll(async () => {
  await worker.stop();
  await upstream.close();
});

test("a picture of OpenAI's is made, stored and answered", async () => {
  const response = await worker.postJson("/v1/images/generations", {
    model: "dall-e-3",
    prompt: "a red boat",
    response_format: "url",
  });
  const { data } = (await response.json()) as { data: { url: string }[] };
  const picture = await fetch(data[0]?.url ?? "");
  expect(picture.headers.get("content-type")).toBe("image/png");
  expect(new Uint8Array(await picture.arrayBuffer()).subarray(1, 4)).toEqual(new TextEncoder().encode("PNG"));
});

test("9.15: a large answer is stored while it is read", async () => {
  upstream.script({ kind: "large", bytes: 4_000_000 });
  const response = await worker.postJson("/v1/images/generations", {
    model: MODEL,
    prompt: "large",
    response_format: "url",
  });
  expect(response.status).toBe(200);
});

test("a stream has the finished picture, and no previews are paid for that nobody would see", async () => {
  const request = { model: MODEL, prompt: "a red boat", stream: true, partial_images: 2 };
  const text = await (await worker.postJson("/v1/images/generations", request)).text();
  expect([...text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name)).toEqual([
    "image_generation.completed",
  ]);
  expect(upstream.calls.at(-1)?.fields).not.toHaveProperty("stream");
});

test("what the upstream refuses is said without its key and its address, in answers and in the log", async () => {
  upstream.script({
    kind: "status",
    status: 401,
    body: { error: { message: `Incorrect API key provided: ${FAKE_KEY}` } },
  });
  const response = await worker.postJson("/v1/images/generations", { model: MODEL, prompt: "a red boat" });
  expect(response.status).toBe(502);
  for (const text of [await response.text(), worker.output]) {
    expect(text).not.toContain(FAKE_KEY);
    expect(text).not.toContain(upstream.baseUrl);
  }
});
