/** Forms with files, as browsers, SDKs, curl and worse send them. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OpenAiImages } from "../../src/protocol/openai-images.ts";
import { CANVAS_CAPABILITIES } from "../../src/providers/local/capabilities.ts";
import { type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { JPEG, MP4, PNG, WEBP } from "../fixture/media-samples.ts";
import type { ProviderCall } from "../fixture/scripted-provider.ts";

const EDITS = "/v1/images/edits";
const EDITOR = {
  providerModel: "editor",
  capabilities: {
    ...CANVAS_CAPABILITIES,
    furtherFields: ["input_fidelity"],
    inputs: { images: 4, mask: true },
  },
  pricing: { kind: "free" as const },
  created: 1,
};
const FIELDS: Field[] = [
  ["model", "local/editor"],
  ["prompt", "at night"],
];

type Content = string | Uint8Array;
/** A name, what it holds, and the rest of its head: `filename` with quotes, further headers. */
type Field = [name: string, content: Content, head?: string];

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld({ models: [EDITOR] });
});
afterEach(() => world.close());

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const utf8 = (text: string) => new TextEncoder().encode(text);
const bytesOf = (content: Content) => (typeof content === "string" ? utf8(content) : content);

/** Byte for byte what a client would send. */
function formOf(
  fields: readonly Field[],
  boundary = "b0undary",
  end = `--${boundary}--\r\n`,
): Uint8Array<ArrayBuffer> {
  const parts = fields.flatMap(([name, content, head = ""]) => [
    latin1(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${head}\r\n\r\n`),
    bytesOf(content),
    utf8("\r\n"),
  ]);
  return new Uint8Array(Buffer.concat([...parts, utf8(end)]));
}

const file = (name: string, type?: string) =>
  `; filename="${name}"${type === undefined ? "" : `\r\nContent-Type: ${type}`}`;

/** Sends it in small pieces, without a length. */
function post(
  body: Uint8Array<ArrayBuffer>,
  { path = EDITS, headers = {}, type = "multipart/form-data; boundary=b0undary" } = {},
): Promise<Response> {
  let offset = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (offset >= body.byteLength) return controller.close();
      controller.enqueue(body.slice(offset, offset + 50));
      offset += 50;
    },
  });
  const request = new Request(`http://gateway.test:8787${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${"condt_".concat("b".repeat(43))}`, "content-type": type, ...headers },
    body: stream,
    duplex: "half",
  } as RequestInit);
  return Promise.resolve(world.app.fetch(request));
}

async function edited(fields: readonly Field[]): Promise<{ call: ProviderCall; answer: Promise<Response> }> {
  const answer = post(formOf([...FIELDS, ...fields]));
  return { call: await world.provider.next(), answer };
}

async function inputsOf({ job, io }: ProviderCall): Promise<[string, string, Uint8Array][]> {
  return Promise.all(
    job.inputs.map(async (input) => [
      input.role,
      input.contentType,
      new Uint8Array(await new Response(await io.openInput(input)).arrayBuffer()),
    ]),
  );
}

async function refusal(response: Response) {
  const { error } = (await response.json()) as { error: { code: string; param: string | null } };
  return [response.status, error.code, error.param];
}

describe("an edit by multipart", () => {
  test("hands the picture to the provider and answers as OpenAI does", async () => {
    const { call, answer } = await edited([["image", PNG, file("fox.png", "image/png")]]);
    expect(call.job.request).toEqual({ prompt: "at night", n: 1 });
    expect(await inputsOf(call)).toEqual([["image", "image/png", PNG]]);
    const media = await call.io.putMedia(JPEG, "image/jpeg");
    call.answer({ kind: "done", items: [{ index: 0, media }] });
    const { data } = (await (await answer).json()) as OpenAiImages;
    expect(data[0]?.url).toContain("/v1/media/");
  });

  test.each([
    ["repeated", "image", "image"],
    ["with brackets", "image[]", "image[]"],
    ["numbered", "image[0]", "image[1]"],
    ["in the plural", "images", "images[]"],
  ])("takes several pictures, %s, and a mask", async (_how, first, second) => {
    const { call } = await edited([
      ["mask", PNG, file("mask.png")],
      [first, JPEG, file("a.jpg", "image/jpeg")],
      [second, WEBP, file("b.webp", "application/octet-stream")],
    ]);
    expect(await inputsOf(call)).toEqual([
      ["image", "image/jpeg", JPEG],
      ["image", "image/webp", WEBP],
      ["mask", "image/png", PNG],
    ]);
  });

  test.each([
    ["in Latin-1", file("f\u00e9\u00fc.png", "image/png")],
    ["in UTF-8", `; filename="${String.fromCharCode(...utf8("狐狸.png"))}"\r\nContent-Type: image/png`],
    ["with quotes", file('a\\"b\\".png', "image/png")],
    ["that looks like a field", file("; name=mask; x.png")],
    ["in the extended spelling", "; filename*=UTF-8''%e7%8b%90.png"],
    ["that is empty", file("", "image/png")],
    ["that it has not, but a type", "\r\nContent-Type: image/png"],
    ["without a type", file("fox")],
    ["with a wrong type", file("fox.txt", "text/plain")],
  ])("takes a file with a name %s", async (_what, head) => {
    const { call } = await edited([["image", PNG, head]]);
    expect(await inputsOf(call)).toEqual([["image", "image/png", PNG]]);
  });

  test("reads numbers, flags and objects out of texts, and leaves empty ones out", async () => {
    const { call } = await edited([
      ["image", PNG, file("fox.png")],
      ["mask", "", file("", "application/octet-stream")],
      ["n", "2"],
      ["size", "512x512"],
      ["quality", ""],
      ["seed", "7"],
      ["stream", "false"],
      ["user", "12345"],
      ["metadata[album]", "2024"],
      ["provider_options", '{"steps":1}'],
      ["input_fidelity", "high"],
    ]);
    expect(call.job.request).toEqual({
      prompt: "at night",
      n: 2,
      size: "512x512",
      seed: 7,
      user: "12345",
      providerOptions: { steps: 1 },
      further: { input_fidelity: "high" },
    });
    expect(call.job.inputs).toHaveLength(1);
  });

  test("takes a picture's address as text too, behind the files", async () => {
    const { call } = await edited([
      ["image", `data:image/webp;base64,${WEBP.toBase64()}`],
      ["image", PNG, file("fox.png")],
    ]);
    expect((await inputsOf(call)).map(([, type]) => type)).toEqual(["image/png", "image/webp"]);
  });

  test("waits with a repeat of itself, and stores its file once", async () => {
    const headers = { "idempotency-key": "one" };
    const body = formOf([...FIELDS, ["image", PNG, file("fox.png")]]);
    const first = post(body, { path: "/v1/images/generations/async", headers });
    expect((await first).status).toBe(200);
    const again = await post(formOf([...FIELDS, ["image", PNG, file("renamed.png")]]), {
      path: "/v1/images/generations/async",
      headers,
    });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(world.media.files.size).toBe(1);
    const other = await post(formOf([...FIELDS, ["image", JPEG, file("fox.png")]]), {
      path: "/v1/images/generations/async",
      headers,
    });
    expect(await refusal(other)).toEqual([422, "idempotency_key_reused", null]);
    expect(world.media.files.size).toBe(1);
  });
});

describe("a form that is wrong is refused by name and leaves no file:", () => {
  const PICTURE: Field = ["image", PNG, file("fox.png")];

  test.each<[string, Field[], unknown[]]>([
    ["an empty file", [["image", "", file("fox.png")]], [400, "invalid_parameter", "image"]],
    ["a page", [["image", "<html>", file("fox.png", "image/png")]], [400, "invalid_parameter", "image"]],
    ["a film", [PICTURE, ["image", MP4, file("fox.mp4")]], [400, "invalid_parameter", "image.1"]],
    ["a file of another name", [PICTURE, ["audio", PNG, file("a.mp3")]], [400, "invalid_parameter", "audio"]],
    ["too many for the model", Array(5).fill(PICTURE), [400, "invalid_parameter", "image.4"]],
    ["too many for any model", Array(17).fill(PICTURE), [400, "invalid_parameter", "image"]],
    ["no picture", [], [400, "missing_parameter", "image"]],
    ["a mask alone", [["mask", PNG, file("m.png")]], [400, "missing_parameter", "image"]],
    ["a wrong field behind the file", [PICTURE, ["n", "many"]], [400, "invalid_parameter", "n"]],
    ["a field twice", [PICTURE, ["n", "1"], ["n", "2"]], [400, "invalid_parameter", "n"]],
    ["an unknown model", [PICTURE, ["model", "no/such"]], [400, "invalid_parameter", "model"]],
    ["a text that is no UTF-8", [PICTURE, ["user", latin1("caf\u00e9")]], [400, "invalid_parameter", null]],
  ])("%s", async (_what, fields, expected) => {
    expect(await refusal(await post(formOf([...FIELDS, ...fields])))).toEqual(expected);
    await settled();
    expect(world.media.files.size).toBe(0);
  });

  test.each([
    ["broken off in a file", formOf([...FIELDS, PICTURE]).slice(0, -60), "b0undary"],
    ["broken off before its end", formOf([...FIELDS, PICTURE], "b0undary", ""), "b0undary"],
    ["with another boundary", formOf([...FIELDS, PICTURE]), "other"],
  ])("one %s", async (_what, body, boundary) => {
    const response = await post(body, { type: `multipart/form-data; boundary=${boundary}` });
    expect(response.status).toBe(400);
    await settled();
    expect(world.media.files.size).toBe(0);
  });

  test("one without a boundary, or compressed", async () => {
    const body = formOf([...FIELDS, PICTURE]);
    expect((await post(body, { type: "multipart/form-data" })).status).toBe(400);
    expect((await post(body, { headers: { "content-encoding": "gzip" } })).status).toBe(415);
  });

  test("one with a file that is too large, or too large as a whole", async () => {
    const large = new Uint8Array(5_000);
    large.set(PNG);
    for (const limits of [{ INPUTBYTES: "1024" }, { MULTIPARTBODYBYTES: "2048" }]) {
      await world.close();
      const env = Object.fromEntries(
        Object.entries(limits).map(([name, value]) => [`CONDUITLLM__LIMITS__${name}`, value]),
      );
      world = await gatewayWorld({ models: [EDITOR], env });
      const response = await post(formOf([...FIELDS, ["image", large, file("large.png")]]));
      expect((await refusal(response)).slice(0, 2)).toEqual([413, "payload_too_large"]);
      await settled();
      expect(world.media.files.size).toBe(0);
    }
  });

  test("one whose file cannot be stored is a failure of the server's", async () => {
    world.media.put = () => Promise.reject(new Error("no space left on device"));
    expect(await refusal(await post(formOf([...FIELDS, PICTURE])))).toEqual([500, "internal_error", null]);
  });
});

test("a file is handed on as it comes, not once it is whole", async () => {
  const begun = Promise.withResolvers<void>();
  const put = world.media.put.bind(world.media);
  world.media.put = (id, data, type) => {
    begun.resolve();
    return put(id, data, type);
  };
  const padded = new Uint8Array(200_000);
  padded.set(PNG);
  const body = formOf([...FIELDS, ["image", padded, file("fox.png")]]);
  const rest = Promise.withResolvers<void>();
  let step = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        step += 1;
        if (step === 1) return controller.enqueue(body.slice(0, 150_000));
        await rest.promise;
        controller.enqueue(body.slice(150_000));
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const answer = world.app.fetch(
    new Request(`http://gateway.test:8787${EDITS}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${"condt_".concat("b".repeat(43))}`,
        "content-type": "multipart/form-data; boundary=b0undary",
      },
      body: stream,
      duplex: "half",
    } as RequestInit),
  );
  await begun.promise;
  rest.resolve();
  const call = await world.provider.next();
  expect(call.job.inputs[0]?.bytes).toBe(200_000);
  call.answer({ kind: "failed", failure: { kind: "permanent", code: "provider_error", message: "no" } });
  await settled();
  expect((await answer).status).toBe(502);
});
