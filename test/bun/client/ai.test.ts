/** The package's entry for Vercel's AI SDK: its own functions, unmodified, against a whole gateway. */

import {
  APICallError,
  createProviderRegistry,
  experimental_generateVideo as generateVideo,
  experimental_getVideoStatus as getVideoStatus,
  LoadAPIKeyError,
  NoSuchModelError,
  RetryError,
  experimental_startVideo as startVideo,
} from "ai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createConduit } from "../../../src/client/ai/index.ts";
import type { WireTask } from "../../../src/protocol/task.ts";
import { CANVAS_CAPABILITIES } from "../../../src/providers/local/capabilities.ts";
import { BOOTSTRAP_KEY, gatewayWorld } from "../../fixture/gateway-world.ts";
import { type HubServer, startHubServer } from "../../fixture/hub-server.ts";
import { MP4, PNG } from "../../fixture/media-samples.ts";
import type { ProviderCall } from "../../fixture/scripted-provider.ts";

const MODEL = "local/scripted-video";
const prompt = "a sailboat";

let server: HubServer;
let conduit: ReturnType<typeof createConduit>;
beforeAll(async () => {
  server = await startHubServer();
  conduit = createConduit({ baseURL: `${server.url}/v1`, apiKey: server.key });
});
afterAll(() => server.close());

/** Answers the next call of the provider in this way. */
const next = (take: (call: ProviderCall) => void | Promise<void>) => void server.provider.next().then(take);
async function film(call: ProviderCall): Promise<void> {
  const media = await call.io.putMedia(MP4, "video/mp4");
  call.answer({
    kind: "done",
    items: [{ index: 0, media, durationSeconds: 2, width: 64, height: 48, fps: 12 }],
  });
}
const taskOf = async (taskId: string) =>
  (await (await server.request("GET", `/v1/tasks/${taskId}`)).json()) as WireTask;
const tasks = async () =>
  ((await (await server.request("GET", "/v1/tasks?type=video")).json()) as { data: WireTask[] }).data;

describe("generateVideo", () => {
  test("makes a film", async () => {
    next(film);
    const { video, warnings, providerMetadata, responses } = await generateVideo({
      model: conduit.video(MODEL),
      prompt,
      resolution: "64x64",
      seed: 7,
      aspectRatio: "1:1",
    });
    expect(video.mediaType).toBe("video/mp4");
    expect(video.uint8Array).toEqual(MP4);
    expect(warnings).toMatchObject([{ type: "unsupported", feature: "aspectRatio" }]);
    expect(providerMetadata).toMatchObject({
      conduit: { provider: "local", cost: 0, model: MODEL, videos: [{ durationSeconds: 2, width: 64 }] },
    });
    expect(responses[0]?.modelId).toBe(MODEL);
    const { conduit: told } = providerMetadata as { conduit: { taskId: string } };
    expect((await taskOf(told.taskId)).status).toBe("completed");
  });

  test("makes as many as are asked for, each a task", async () => {
    const before = (await tasks()).length;
    next(film);
    next(film);
    const { videos } = await generateVideo({ model: conduit.video(MODEL), prompt, n: 2 });
    expect(videos).toHaveLength(2);
    expect((await tasks()).length).toBe(before + 2);
  });

  test("aborted, cancels the task, at its provider too", async () => {
    const leaving = new AbortController();
    let working: ProviderCall | undefined;
    next((call) => {
      working = call;
      leaving.abort();
    });
    const making = generateVideo({ model: conduit.video(MODEL), prompt, abortSignal: leaving.signal });
    await expect(making).rejects.toMatchObject({ name: "AbortError" });
    await new Promise<void>((resolve) => {
      if (working?.io.signal.aborted) resolve();
      working?.io.signal.addEventListener("abort", () => resolve());
    });
    expect((await tasks())[0]).toMatchObject({ status: "cancelled" });
  });

  test("asks the gateway for nothing when it was aborted before", async () => {
    const before = (await tasks()).length;
    const making = generateVideo({ model: conduit.video(MODEL), prompt, abortSignal: AbortSignal.abort() });
    await expect(making).rejects.toMatchObject({ name: "AbortError" });
    expect((await tasks()).length).toBe(before);
  });

  test("repeats a lost connection, and it is the same task", async () => {
    const before = (await tasks()).length;
    const keys: string[] = [];
    const once = createConduit({
      baseURL: server.url,
      apiKey: server.key,
      async fetch(input, init) {
        const response = await fetch(input, init);
        if (init.method !== "POST") return response;
        keys.push(new Headers(init.headers).get("idempotency-key") ?? "");
        if (keys.length === 1) throw new TypeError("the connection broke after the request had gone");
        return response;
      },
    });
    next(film);
    const { video } = await generateVideo({ model: once.video(MODEL), prompt });
    expect(video.uint8Array).toEqual(MP4);
    expect(keys).toEqual([keys[0], keys[0]]);
    expect((await tasks()).length).toBe(before + 1);
  }, 20_000);

  test("sends what its caller wants every request to have", async () => {
    next(film);
    const model = createConduit({
      baseURL: server.url,
      apiKey: server.key,
      headers: { "x-conduit-customer": "ann" },
    });
    await generateVideo({ model: model.video(MODEL), prompt, headers: { "idempotency-key": "mine" } });
    await generateVideo({ model: model.video(MODEL), prompt, headers: { "Idempotency-Key": "mine" } });
    const usage = await server.request("GET", "/v1/usage?groupBy=customer");
    expect(await usage.text()).toContain("ann");
  });
});

describe("an error is one of the SDK's", () => {
  const caught = (making: Promise<unknown>) => making.then(() => null).catch((error: unknown) => error);
  const ask = (model = conduit.video(MODEL), given: object = {}) =>
    caught(generateVideo({ model, prompt, maxRetries: 0, ...given }));

  test("for what the gateway refuses, with its code and the field", async () => {
    const error = await ask(conduit.video(MODEL), { resolution: "7x7" });
    expect(APICallError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({
      statusCode: 400,
      isRetryable: false,
      url: `${server.url}/v1/videos/generations/async`,
      requestBodyValues: { size: "7x7" },
      data: { code: "invalid_parameter", param: "size" },
    });
  });

  test("for a wrong key", async () => {
    const stranger = createConduit({ baseURL: server.url, apiKey: `condt_${"x".repeat(40)}` });
    expect(await ask(stranger.video(MODEL))).toMatchObject({
      statusCode: 401,
      data: { code: "invalid_api_key" },
    });
  });

  test("for a model that there is not", async () => {
    const error = await ask(conduit.video("local/none"));
    expect(NoSuchModelError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ modelId: "local/none", modelType: "videoModel" });
  });

  test("for a task that failed, which is not made again", async () => {
    next((call) =>
      call.answer({
        kind: "failed",
        failure: { kind: "permanent", code: "content_policy_violation", message: "Not this." },
      }),
    );
    const error = await caught(generateVideo({ model: conduit.video(MODEL), prompt }));
    expect(APICallError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({
      message: "Not this.",
      isRetryable: false,
      data: { code: "content_policy_violation", taskId: expect.any(String) },
    });
  });

  test("for a gateway that is not there, which is tried again", async () => {
    const nowhere = createConduit({
      baseURL: "http://127.0.0.1:9",
      apiKey: server.key,
      fetch: () => Promise.reject(new TypeError("refused")),
    });
    expect(await ask(nowhere.video(MODEL))).toMatchObject({ isRetryable: true });
    const error = await caught(generateVideo({ model: nowhere.video(MODEL), prompt, maxRetries: 1 }));
    expect(RetryError.isInstance(error)).toBe(true);
  }, 20_000);

  test("for a limit, with the time to wait in its headers", async () => {
    const { key } = await server.makeKey({ requestsPerMinute: 1 });
    const limited = createConduit({ baseURL: server.url, apiKey: key });
    next(film);
    await generateVideo({ model: limited.video(MODEL), prompt });
    const error = await ask(limited.video(MODEL));
    expect(error).toMatchObject({
      statusCode: 429,
      isRetryable: true,
      data: { code: "rate_limit_exceeded" },
    });
    expect(Number((error as APICallError).responseHeaders?.["retry-after"])).toBeGreaterThan(0);
  });

  test("for models of other kinds, and for no key", () => {
    expect(() => conduit.imageModel("local/canvas")).toThrow(/createOpenAI/);
    for (const refused of [conduit.imageModel, conduit.languageModel, conduit.embeddingModel])
      expect(() => refused("x")).toThrow(NoSuchModelError);
    expect(() => createConduit({ baseURL: server.url, apiKey: "" })).toThrow(LoadAPIKeyError);
  });
});

describe("a film that is started and asked for", () => {
  test("is pending, then completed, for whoever has its operation", async () => {
    const { operation, warnings } = await startVideo({ model: conduit.video(MODEL), prompt });
    expect(warnings).toEqual([]);
    const stored = JSON.parse(JSON.stringify(operation)) as { taskId: string };
    const elsewhere = createConduit({ baseURL: server.url, apiKey: server.key }).video(MODEL);
    expect(await getVideoStatus(elsewhere, { operation: stored })).toMatchObject({ status: "pending" });
    await film(await server.provider.next());
    await server.request("GET", `/v1/tasks/${stored.taskId}/events`).then((stream) => stream.text());
    expect(await getVideoStatus(elsewhere, { operation: stored })).toMatchObject({
      status: "completed",
      videos: [{ type: "binary", mediaType: "video/mp4" }],
      providerMetadata: { conduit: { taskId: stored.taskId } },
    });
  });

  test("tells why it failed, and what no operation is", async () => {
    const { operation } = await startVideo({ model: conduit.video(MODEL), prompt });
    const { taskId } = operation as { taskId: string };
    await server.provider.next();
    await server.request("DELETE", `/v1/tasks/${taskId}`);
    const model = conduit.video(MODEL);
    expect(await getVideoStatus(model, { operation })).toMatchObject({
      status: "error",
      error: "Task was cancelled",
    });
    await expect(getVideoStatus(model, { operation: "x" })).rejects.toThrow(
      /operation that startVideo answered/,
    );
    const unknown = { taskId: "01900000-0000-7000-8000-000000000000" };
    await expect(getVideoStatus(model, { operation: unknown })).rejects.toMatchObject({ statusCode: 404 });
  });

  test("is polled by generateVideo where that is asked for", async () => {
    next(film);
    const { video } = await generateVideo({ model: conduit.video(MODEL), prompt, poll: { intervalMs: 5 } });
    expect(video.uint8Array).toEqual(MP4);
  });

  test("may be told of by the gateway's webhook, whose address the SDK names", async () => {
    const url = "https://hooks.example.com/films";
    const heard = Promise.withResolvers<{ headers: Record<string, string>; body: null }>();
    next(async (call) => {
      await film(call);
      const [task] = await tasks();
      await server.request("GET", `/v1/tasks/${task?.taskId}/events`).then((stream) => stream.text());
      const deliveries = await server.request("GET", `/v1/tasks/${task?.taskId}/deliveries`);
      expect(await deliveries.json()).toMatchObject({ data: [{ url, type: "task.completed" }] });
      heard.resolve({ headers: {}, body: null });
    });
    const webhook = async () => ({ url, received: heard.promise });
    const { video } = await generateVideo({ model: conduit.video(MODEL), prompt, webhook });
    expect(video.uint8Array).toEqual(MP4);
  });
});

test("a film begins with a picture, which goes to the gateway as a file", async () => {
  const capabilities = { ...CANVAS_CAPABILITIES, type: "video" as const, inputs: { images: 1, mask: false } };
  const pricing = { kind: "free" as const };
  const world = await gatewayWorld({
    models: [{ providerModel: "motion", capabilities, pricing, created: 1 }],
  });
  try {
    const send = async (input: string | URL, init?: RequestInit) => world.app.fetch(new Request(input, init));
    const { video } = createConduit({
      baseURL: "http://gateway.test:8787/v1",
      apiKey: BOOTSTRAP_KEY,
      fetch: send,
    });
    const making = generateVideo({
      model: video("local/motion"),
      prompt: { image: PNG, text: prompt },
      // A film of a public address is fetched by the SDK itself.
      download: async ({ url }) => ({ data: await (await send(url)).bytes(), mediaType: undefined }),
    });
    const call = await world.provider.next();
    expect(call.job.request.prompt).toBe(prompt);
    expect(await new Response(await call.io.openInput(call.job.inputs[0]!)).bytes()).toEqual(PNG);
    await film(call);
    expect((await making).video.uint8Array).toEqual(MP4);
  } finally {
    await world.close();
  }
});

test("a registry of providers finds it", async () => {
  next(film);
  const registry = createProviderRegistry({ conduit });
  const { video } = await generateVideo({ model: registry.videoModel(`conduit:${MODEL}`), prompt });
  expect(video.uint8Array).toEqual(MP4);
});
