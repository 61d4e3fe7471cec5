/** Published client libraries, unmodified, against a gateway with a fake OpenAI behind it. */

import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateImage } from "ai";
import OpenAI, { APIError, BadRequestError, toFile } from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FAKE_KEY, type FakeOpenAi, startFakeOpenAi } from "../../fixture/providers/fake-openai.ts";
import { type PaidGateway, paidGateway } from "../../fixture/providers/paid-gateway.ts";
import { pngOf } from "../../fixture/providers/pictures.ts";

const MODEL = "gpt-image-2.6-flare";
let upstream: FakeOpenAi;
let gateway: PaidGateway;
let client: OpenAI;

beforeAll(async () => {
  upstream = await startFakeOpenAi();
  const mine = {
    kind: "openai-compatible",
    baseUrl: upstream.baseUrl,
    apiKey: FAKE_KEY,
    models: [{ name: "gpt-image-2", free: true, responseFormat: "none" }],
  };
  gateway = await paidGateway({
    providers: { openai: { apiKey: FAKE_KEY, baseUrl: upstream.baseUrl }, mine },
  });
  client = new OpenAI({ apiKey: gateway.key, baseURL: `${gateway.url}/v1` });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => {
  upstream.calls.length = 0;
});

function isPng(base64: string | undefined): boolean {
  return base64?.startsWith("iVBORw0KGgo") === true;
}

describe("OpenAI's library", () => {
  test("makes pictures", async () => {
    const { data, size } = await client.images.generate({
      model: MODEL,
      prompt: "a red boat",
      n: 2,
      size: "1536x864",
    });
    expect(data?.map(({ b64_json }) => isPng(b64_json))).toEqual([true, true]);
    expect(size).toBe("1536x864");
  });

  test("9.5: makes them by a retired name in its own words, and gets an address of the gateway's", async () => {
    const { data } = await client.images.generate({
      model: "dall-e-3",
      prompt: "a red boat",
      size: "1792x1024",
      quality: "hd",
      style: "vivid",
      response_format: "url",
    });
    expect(data?.[0]?.url).toMatch(new RegExp(`^${gateway.url}/v1/media/`));
    expect(upstream.calls[0]?.fields).toMatchObject({ model: "gpt-image-2.6-sunburst", quality: "high" });
    const picture = await fetch(data?.[0]?.url ?? "");
    expect(picture.headers.get("content-type")).toBe("image/png");
  });

  test("sees previews and then the picture (new-api#1234)", async () => {
    const stream = await client.images.generate({
      model: MODEL,
      prompt: "a red boat",
      stream: true,
      partial_images: 2,
    });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events.map(({ type }) => type)).toEqual([
      "image_generation.partial_image",
      "image_generation.partial_image",
      "image_generation.completed",
    ]);
    expect(events.map(({ b64_json }) => isPng(b64_json))).toEqual([true, true, true]);
    expect(events.slice(0, 2)).toMatchObject([{ partial_image_index: 0 }, { partial_image_index: 1 }]);
  });

  test("sees no previews where it asks for none, and the upstream is asked for none", async () => {
    const stream = await client.images.generate({ model: MODEL, prompt: "a red boat", stream: true });
    const types = [];
    for await (const { type } of stream) types.push(type);
    expect(types).toEqual(["image_generation.completed"]);
    expect(upstream.calls[0]?.fields).not.toHaveProperty("stream");
  });

  test("is told of moderation as of its own mistake, once", async () => {
    const body = {
      error: { code: "moderation_blocked", message: "Rejected by the safety system.", type: "x" },
    };
    upstream.script({ kind: "status", status: 400, body });
    const error = await client.images
      .generate({ model: MODEL, prompt: "a red boat" })
      .catch((thrown) => thrown);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ code: "content_policy_violation" });
    expect(upstream.calls).toHaveLength(1);
  });

  test("is told within a stream, too", async () => {
    const body = { error: { code: "moderation_blocked", message: "Rejected.", type: "x" } };
    upstream.script({ kind: "status", status: 400, body });
    const stream = await client.images.generate({ model: MODEL, prompt: "a red boat", stream: true });
    const reading = (async () => {
      for await (const _ of stream);
    })();
    const error = await reading.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: "content_policy_violation" });
  });

  test("9.7: sends once what the upstream fails at first, and repeats of a lost answer are the same task", async () => {
    const before = (await gateway.tasks()).length;
    upstream.script({ kind: "status", status: 503 });
    await client.images.generate({ model: MODEL, prompt: "first it fails" });
    expect(await gateway.tasks()).toHaveLength(before + 1);

    let lost = 0;
    const unlucky = client.withOptions({
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (new Headers(init?.headers).get("x-stainless-retry-count") !== "0") return response;
        lost += 1;
        await response.arrayBuffer();
        throw new TypeError("the answer was lost");
      },
    });
    await unlucky.images.generate({ model: MODEL, prompt: "its answer is lost" });
    await unlucky.images.generate(
      { model: MODEL, prompt: "and with a key" },
      { headers: { "idempotency-key": "one-of-a-kind" } },
    );
    expect(lost).toBe(2);
    expect(await gateway.tasks()).toHaveLength(before + 3);
  });

  test("is not told to send again what will fail again", async () => {
    upstream.script({ kind: "status", status: 401 });
    const error = await client.images.generate({ model: MODEL, prompt: "x" }).catch((thrown) => thrown);
    expect(error).toMatchObject({ status: 502, code: "provider_error" });
    expect(upstream.calls).toHaveLength(1);
  });

  test("works from one picture, and from several in their order", async () => {
    const file = (shade: number) => toFile(pngOf(shade), `${shade}.png`, { type: "image/png" });
    const one = await client.images.edit({ model: MODEL, image: await file(1), prompt: "in blue" });
    expect(isPng(one.data?.[0]?.b64_json)).toBe(true);
    const image = [await file(2), await file(3), await file(4)];
    const { data } = await client.images.edit({ model: MODEL, image, prompt: "together", n: 2 });
    expect(data?.map(({ b64_json }) => isPng(b64_json))).toEqual([true, true]);
    expect(upstream.calls.map(({ operation }) => operation)).toEqual(["edits", "edits"]);
    const sent = upstream.calls.map(({ files }) => files.map(({ bytes }) => Buffer.from(bytes)));
    expect(sent).toEqual([[Buffer.from(pngOf(1))], [2, 3, 4].map((shade) => Buffer.from(pngOf(shade)))]);
    expect(upstream.calls[1]?.fields).toMatchObject({ prompt: "together", n: 2 });
  });

  test("says by a mask where a picture is to change", async () => {
    const { data } = await client.images.edit({
      model: MODEL,
      image: await toFile(pngOf(1), "picture.png", { type: "image/png" }),
      mask: await toFile(pngOf(2), "mask.png", { type: "image/png" }),
      prompt: "a hat",
    });
    expect(isPng(data?.[0]?.b64_json)).toBe(true);
    const files = upstream.calls[0]?.files.map(({ name, bytes }) => [name, Buffer.from(bytes)]);
    expect(files).toEqual(
      expect.arrayContaining([
        ["image", Buffer.from(pngOf(1))],
        ["mask", Buffer.from(pngOf(2))],
      ]),
    );
  });

  test("sees previews of an edit by the names of an edit's events", async () => {
    const stream = await client.images.edit({
      model: MODEL,
      image: await toFile(pngOf(1), "picture.png", { type: "image/png" }),
      prompt: "in blue",
      stream: true,
      partial_images: 1,
    });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(["image_edit.partial_image", "image_edit.completed"]);
    expect(events.every(({ b64_json }) => isPng(b64_json))).toBe(true);
  });

  test("sees a generation's names where a generation works from a picture", async () => {
    const picture = { image: `data:image/png;base64,${pngOf(1).toBase64()}` };
    const stream = await client.images.generate({
      model: MODEL,
      prompt: "in blue",
      stream: true,
      partial_images: 1,
      ...picture,
    });
    const types = [];
    for await (const { type } of stream) types.push(type);
    expect(types).toEqual(["image_generation.partial_image", "image_generation.completed"]);
    expect(upstream.calls[0]?.operation).toBe("edits");
  });

  test("has its stream before the upstream has answered anything", async () => {
    const picture = await toFile(pngOf(1), "picture.png", { type: "image/png" });
    for (const begin of [
      () => client.images.generate({ model: MODEL, prompt: "a red boat", stream: true }),
      () => client.images.edit({ model: MODEL, image: picture, prompt: "in blue", stream: true }),
    ]) {
      const { promise, resolve: letGo } = Promise.withResolvers<void>();
      upstream.script({ kind: "wait", until: promise });
      // Resolves with the headers; the upstream is let go only afterwards.
      const stream = await begin();
      letGo();
      const types = [];
      for await (const { type } of stream) types.push(type);
      expect(types).toHaveLength(1);
    }
  });

  test("finds the models, with what they take", async () => {
    const models = [];
    for await (const model of client.models.list()) models.push(model);
    expect(models.map(({ id }) => id)).toEqual(
      expect.arrayContaining([`openai/${MODEL}`, MODEL, "mine/gpt-image-2"]),
    );
  });
});

describe("Vercel's AI SDK", () => {
  test("makes pictures by its OpenAI provider", async () => {
    const openai = createOpenAI({ apiKey: gateway.key, baseURL: `${gateway.url}/v1` });
    const { images } = await generateImage({
      model: openai.image(MODEL),
      prompt: "a red boat",
      n: 2,
      size: "1024x1024",
    });
    expect(images.map(({ mediaType }) => mediaType)).toEqual(["image/png", "image/png"]);
    expect(images.every(({ base64 }) => isPng(base64))).toBe(true);
  });

  test("makes pictures by its OpenAI-compatible provider, also of an added one", async () => {
    const conduit = createOpenAICompatible({
      name: "conduit",
      apiKey: gateway.key,
      baseURL: `${gateway.url}/v1`,
    });
    for (const name of [`openai/${MODEL}`, "mine/gpt-image-2"]) {
      const { image } = await generateImage({ model: conduit.imageModel(name), prompt: "a red boat" });
      expect(isPng(image.base64), name).toBe(true);
    }
  });
});

test("no log line holds a picture, a key or an upstream's address (litellm#34753)", () => {
  const text = JSON.stringify(gateway.log.lines);
  expect(text).not.toContain(pngOf(1).toBase64().slice(0, 40));
  expect(text).not.toContain(FAKE_KEY);
  expect(text).not.toContain(upstream.baseUrl);
});
