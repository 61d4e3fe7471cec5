/** Pictures that a caller hands in: by address, data URL, or as files and results of earlier tasks. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import { CANVAS_CAPABILITIES } from "../../src/providers/local/capabilities.ts";
import { type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { JPEG, MP4, PNG, WEBP } from "../fixture/media-samples.ts";
import type { ProviderCall } from "../fixture/scripted-provider.ts";
import { answer, hang, ScriptedTransport } from "../fixture/scripted-transport.ts";

const ASYNC = "/v1/images/generations/async";
const VIDEO = "/v1/videos/generations/async";
const ADDRESS = "https://pictures.example.org/fox.png";
const dataUrl = (bytes: Uint8Array<ArrayBuffer>, type = "image/png") =>
  `data:${type};base64,${bytes.toBase64()}`;

const free = { pricing: { kind: "free" as const }, created: 1 };
const MODELS = [
  { providerModel: "canvas", capabilities: CANVAS_CAPABILITIES, ...free },
  {
    providerModel: "editor",
    capabilities: { ...CANVAS_CAPABILITIES, inputs: { images: 4, mask: true } },
    ...free,
  },
  {
    providerModel: "motion",
    capabilities: { ...CANVAS_CAPABILITIES, type: "video" as const, inputs: { images: 1, mask: false } },
    ...free,
  },
];

let world: GatewayWorld;
let network: ScriptedTransport;
/** What the network answers, by address. */
let pages: Map<string, () => ReturnType<typeof answer> | Promise<ReturnType<typeof answer>>>;

beforeEach(async () => {
  pages = new Map();
  serve(ADDRESS, PNG);
  network = new ScriptedTransport((url) => pages.get(url.href)?.() ?? answer(404));
  world = await gatewayWorld({ models: MODELS, transport: network });
});
afterEach(() => world.close());

const json = async <T>(response: Response) => (await response.json()) as T;

function serve(address: string, bytes: Uint8Array<ArrayBuffer>) {
  pages.set(address, () => ({ status: 200, headers: new Headers(), body: new Blob([bytes]).stream() }));
}

const edit = (
  fields: Record<string, unknown>,
  options: { key?: string; headers?: Record<string, string> } = {},
) =>
  world.send("POST", ASYNC, { body: { model: "local/editor", prompt: "at night", ...fields }, ...options });

async function accepted(response: Response): Promise<{ id: string; call: ProviderCall }> {
  expect(response.status).toBe(200);
  const { taskId } = await json<WireAccepted>(response);
  return { id: taskId, call: await world.provider.next() };
}

/** What the provider is handed. */
async function inputsOf({ job, io }: ProviderCall) {
  return Promise.all(
    job.inputs.map(async (input) => ({
      ...input,
      path: undefined,
      content: new Uint8Array(await new Response(await io.openInput(input)).arrayBuffer()),
    })),
  );
}

async function refusal(response: Response) {
  const { error } = await json<{ error: { code: string; param: string | null; message: string } }>(response);
  return { status: response.status, code: error.code, param: error.param, message: error.message };
}

/** A finished task with these files as results, in the name of `key`. */
async function finished(
  files: Uint8Array<ArrayBuffer>[],
  key?: string,
): Promise<{ id: string; urls: string[] }> {
  const response = await edit({ n: files.length }, key === undefined ? {} : { key });
  const { id, call } = await accepted(response);
  const items = [];
  for (const [index, file] of files.entries())
    items.push({ index, media: await call.io.putMedia(file, "application/octet-stream") });
  call.answer({ kind: "done", items });
  await settled();
  const read = await world.send("GET", `/v1/tasks/${id}`, key === undefined ? {} : { key });
  const { result } = await json<WireTask>(read);
  return { id, urls: (result?.images ?? []).map(({ url }) => url) };
}

describe("an input", () => {
  test("is fetched, stored and handed to the provider as what it is", async () => {
    const { id, call } = await accepted(await edit({ image: ADDRESS }));
    expect(await inputsOf(call)).toEqual([
      {
        role: "image",
        contentType: "image/png",
        bytes: PNG.byteLength,
        width: 48,
        height: 32,
        content: PNG,
        path: undefined,
      },
    ]);
    expect(call.job.inputs[0]?.path).toContain(id);
    expect(network.asked.map(({ url }) => url)).toEqual([ADDRESS]);
    call.answer({ kind: "done", items: [] });
  });

  test("comes in the caller's order, the mask last, whatever arrives first", async () => {
    serve("https://pictures.example.org/b.webp", WEBP);
    const fields = {
      image: [dataUrl(JPEG), { image_url: ADDRESS }],
      images: [{ image_url: { url: "https://pictures.example.org/b.webp" } }],
      mask: { url: ADDRESS },
    };
    const { call } = await accepted(await edit(fields));
    const inputs = await inputsOf(call);
    expect(inputs.map(({ role, contentType }) => [role, contentType])).toEqual([
      ["image", "image/jpeg"],
      ["image", "image/png"],
      ["image", "image/webp"],
      ["mask", "image/png"],
    ]);
  });

  test("may be the first frame of a film", async () => {
    const body = { model: "local/motion", prompt: "it moves", image: dataUrl(PNG) };
    const { call } = await accepted(await world.send("POST", VIDEO, { body }));
    expect((await inputsOf(call)).map(({ content }) => content)).toEqual([PNG]);
  });

  test("sent as null counts as absent", async () => {
    const { call } = await accepted(await edit({ image: null, images: null, mask: null }));
    expect(call.job.inputs).toEqual([]);
    expect(world.media.files.size).toBe(0);
  });

  test("may be a result of an earlier task, by its address, its path or its task", async () => {
    const { id, urls } = await finished([PNG, JPEG]);
    const path = new URL(urls[1] ?? "").pathname;
    const image = [urls[0], path, { task_id: id.toUpperCase(), index: 1 }, { task_id: id }];
    const { call } = await accepted(await edit({ image }));
    const inputs = await inputsOf(call);
    expect(inputs.map(({ content }) => content)).toEqual([PNG, JPEG, JPEG, PNG]);
    expect(network.asked).toEqual([]);
    // They are its own, and outlive the task that they came from.
    expect((await world.send("DELETE", `/v1/tasks/${id}?purge=true`)).status).toBe(200);
    expect((await inputsOf(call)).map(({ content }) => content)).toEqual([PNG, JPEG, JPEG, PNG]);
  });

  test("of another tenant's task is not there, whatever names it", async () => {
    const other = await world.makeKey({ name: "other" });
    const { id, urls } = await finished([PNG], other.key);
    for (const image of [urls[0], new URL(urls[0] ?? "").pathname, { task_id: id, index: 0 }]) {
      expect(await refusal(await edit({ image }))).toMatchObject({
        status: 404,
        code: "not_found",
        param: "image",
      });
    }
  });

  test.each([
    { task_id: "019aa000-0000-7000-8000-000000000001", index: 0 },
    { task_id: "no id" },
    "/v1/media/2026/11/21/019aa000-0000-7000-8000-000000000001/aaaaaaaaaaaaaaaaaaaaaa.png",
    "/v1/media/../../etc/passwd",
  ])("that is not there is refused: %j", async (image) => {
    expect(await refusal(await edit({ image }))).toMatchObject({ status: 404, param: "image" });
  });
});

describe("a request with an input", () => {
  test("to a model that takes none is refused before anything is fetched", async () => {
    const answered = await refusal(await edit({ model: "local/canvas", image: ADDRESS }));
    expect(answered).toMatchObject({ status: 400, code: "invalid_parameter", param: "image" });
    expect(answered.message).toContain("works from a prompt alone");
    expect(network.asked).toEqual([]);
  });

  test.each([
    [{ image: Array(5).fill(ADDRESS) }, "image.4"],
    [{ mask: ADDRESS }, "mask"],
    [{ image: ADDRESS, mask: [ADDRESS, ADDRESS] }, "mask.1"],
    [{ image: [] }, "image"],
    [{ image: Array(17).fill(ADDRESS) }, "image"],
    [{ image: 7 }, "image"],
    [{ image: "" }, "image"],
    [{ image: { task_id: "x", index: -1 } }, "image"],
    [{ image: { href: ADDRESS } }, "image"],
    [{ image_url: ADDRESS }, "image_url"],
    [{ init_image: ADDRESS }, "init_image"],
    [{ image: "data:image/png,plain" }, "image"],
    [{ image: "data:image/png;base64,%%%" }, "image"],
    [{ image: "data:image/png;base64," }, "image"],
    [{ image: PNG.toBase64() }, "image"],
    [{ image: dataUrl(MP4) }, "image"],
    [{ image: dataUrl(new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg'/>")) }, "image"],
    [{ image: [ADDRESS, "https://127.0.0.1/x.png"] }, "image.1"],
    [{ image: "http://pictures.example.org/fox.png" }, "image"],
    [{ image: "https://pictures.example.org/gone.png" }, "image"],
    [{ image: "file:///etc/passwd" }, "image"],
  ])("that is wrong is refused by name, and leaves nothing: %j", async (fields, param) => {
    expect(await refusal(await edit(fields))).toMatchObject({
      status: 400,
      code: "invalid_parameter",
      param,
    });
    expect(world.media.files.size).toBe(0);
    expect(network.asked.every(({ url }) => url.startsWith("https://pictures.example.org/"))).toBe(true);
  });

  test("quotes neither the address nor the bytes in what is wrong", async () => {
    for (const image of [
      "https://10.1.2.3/secret",
      "https://pictures.example.org/secret?token=x",
      dataUrl(MP4),
    ]) {
      const { message } = await refusal(await edit({ image }));
      expect(message).not.toMatch(/secret|token|10\.1|AAAA/);
    }
  });

  test("refuses OpenAI's file ids by name", async () => {
    expect(await refusal(await edit({ image: { file_id: "file-1" } }))).toMatchObject({
      code: "not_supported",
      param: "image",
    });
  });

  test("refuses what is larger than an input may be, wherever it comes from", async () => {
    await world.close();
    const env = { CONDUITLLM__LIMITS__INPUTBYTES: "1024" };
    world = await gatewayWorld({ models: MODELS, transport: network, env });
    const large = new Uint8Array(2_000);
    large.set(PNG);
    serve("https://pictures.example.org/large.png", large);
    const { id } = await finished([large]);
    for (const image of [dataUrl(large), "https://pictures.example.org/large.png", { task_id: id }]) {
      expect(await refusal(await edit({ image }))).toMatchObject({
        status: 413,
        code: "payload_too_large",
        param: "image",
      });
    }
    expect(world.media.files.size).toBe(1);
  });

  test("whose address hangs ends, and the others are given up", async () => {
    pages.set("https://pictures.example.org/slow.png", () => hang());
    const answered = edit({ image: ["https://pictures.example.org/slow.png", ADDRESS] });
    await settled();
    await world.clock.advance(10_000);
    expect(await refusal(await answered)).toMatchObject({ status: 400, param: "image.0" });
    await settled();
    expect(world.media.files.size).toBe(0);
    expect(world.clock.pendingTimers).toBeLessThan(10);
  });

  test("that is over the queue's limit leaves no file", async () => {
    await world.close();
    const env = { CONDUITLLM__QUEUE__MAXQUEUEDPERKEY: "1", CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "1" };
    world = await gatewayWorld({ models: MODELS, transport: network, env });
    await accepted(await edit({}));
    expect((await edit({})).status).toBe(200);
    expect(await refusal(await edit({ image: ADDRESS }))).toMatchObject({ status: 429, code: "queue_full" });
    expect(world.media.files.size).toBe(0);
  });
});

describe("a repeat of a request with an input", () => {
  const headers = { "idempotency-key": "one" };

  test("answers the first one's task and keeps one copy", async () => {
    const { id } = await accepted(await edit({ image: ADDRESS }, { headers }));
    const repeated = await edit({ image: ADDRESS }, { headers });
    expect((await json<WireAccepted>(repeated)).taskId).toBe(id);
    expect(repeated.headers.get("idempotent-replayed")).toBe("true");
    expect(world.media.files.size).toBe(1);
  });

  test("asks nothing of an address that may be gone by now", async () => {
    const { id } = await accepted(await edit({ image: ADDRESS }, { headers }));
    pages.clear();
    expect((await json<WireAccepted>(await edit({ image: ADDRESS }, { headers }))).taskId).toBe(id);
    expect(network.asked).toHaveLength(1);
  });

  test("that overtakes the first one makes one task and keeps one copy", async () => {
    const both = await Promise.all([1, 2].map(() => edit({ image: ADDRESS }, { headers })));
    const [first, second] = await Promise.all(both.map((response) => json<WireAccepted>(response)));
    expect(first?.taskId).toBe(second?.taskId);
    expect(world.media.files.size).toBe(1);
  });

  test("with another picture is a conflict, and leaves no file", async () => {
    await accepted(await edit({ image: dataUrl(PNG) }, { headers }));
    expect(await refusal(await edit({ image: dataUrl(JPEG) }, { headers }))).toMatchObject({ status: 422 });
    expect(world.media.files.size).toBe(1);
  });
});

describe("a retry", () => {
  async function failed(): Promise<string> {
    const { id, call } = await accepted(await edit({ image: [ADDRESS, dataUrl(JPEG)] }));
    call.answer({
      kind: "failed",
      failure: { kind: "permanent", code: "provider_error", message: "it failed" },
    });
    await settled();
    return id;
  }

  test("has the inputs of the task it repeats, as files of its own", async () => {
    const id = await failed();
    const before = world.media.files.size;
    const { call } = await accepted(await world.send("POST", `/v1/tasks/${id}/retry`));
    expect((await inputsOf(call)).map(({ content }) => content)).toEqual([PNG, JPEG]);
    expect(world.media.files.size).toBe(before * 2);
    expect(network.asked).toHaveLength(1);
  });

  test("is refused by the name of an input that is gone", async () => {
    const id = await failed();
    const jpeg = [...world.media.files].find(([, { bytes }]) => bytes.byteLength === JPEG.byteLength);
    world.media.files.delete(jpeg?.[0] ?? "");
    const answered = await refusal(await world.send("POST", `/v1/tasks/${id}/retry`));
    expect(answered).toMatchObject({ status: 404, code: "not_found", param: "input 2 (image)" });
    expect(world.media.files.size).toBe(1);
  });
});

test("models say what they take", async () => {
  const { data } = await json<{ data: { id: string; capabilities: { inputs?: unknown } }[] }>(
    await world.send("GET", "/v1/models"),
  );
  const taken = Object.fromEntries(data.map(({ id, capabilities }) => [id, capabilities.inputs]));
  expect(taken["local/canvas"]).toEqual({ images: 0, mask: false });
  expect(taken["local/editor"]).toEqual({ images: 4, mask: true });
});
