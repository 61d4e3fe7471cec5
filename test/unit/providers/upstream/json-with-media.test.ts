import { describe, expect, test } from "vitest";
import { readJsonWithMedia } from "../../../../src/providers/upstream/answers/json-with-media.ts";
import { UpstreamAnswer } from "../../../../src/providers/upstream/calls/upstream-client.ts";
import { bodyOf } from "../../../fixture/providers/scripted-fetch.ts";
import { failureOf } from "../../../fixture/providers/upstream-errors.ts";
import { createSeededRandom } from "../../../fixture/seeded-random.ts";

const CONTEXT = { provider: "Painters", startsWork: true, secrets: [] };
/** Texts that a reader may stumble over. */
const TEXTS = ["", "a", '"', "\\", '\\"', "{[,:]}", "data.0.b64_json", "\n\u0000", "ü\u{1f600}", "b64_json"];

function randomValue(random: () => number, depth: number): unknown {
  const kind = Math.floor(random() * (depth > 0 ? 6 : 4));
  if (kind === 0) return TEXTS[Math.floor(random() * TEXTS.length)];
  if (kind === 1) return Math.round(random() * 1e6) / 100;
  if (kind === 2) return random() < 0.5;
  if (kind === 3) return null;
  if (kind === 4)
    return Array.from({ length: Math.floor(random() * 4) }, () => randomValue(random, depth - 1));
  return randomObject(random, depth - 1);
}

function randomObject(random: () => number, depth: number): Record<string, unknown> {
  const names = TEXTS.filter(() => random() < 0.4);
  return Object.fromEntries(names.map((name) => [name, randomValue(random, depth)]));
}

function randomPictures(random: () => number, pictures: Uint8Array[]): Record<string, unknown>[] {
  return Array.from({ length: Math.floor(random() * 4) }, () => {
    if (random() < 0.2) return { ...randomObject(random, 1), b64_json: null };
    const bytes = Uint8Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256));
    pictures.push(bytes);
    return { ...randomObject(random, 1), b64_json: bytes.toBase64() };
  });
}

const PICTURE = /^data\.\d+\.b64_json$/;

function answerOf(body: ReadableStream<Uint8Array>): UpstreamAnswer {
  return new UpstreamAnswer(200, new Headers(), body, CONTEXT);
}

/** Reads a document that comes in chunks of `size` bytes, as a whole and bit by bit, to the same end. */
async function read(text: string, size = text.length, maxBytes?: number) {
  const [whole, streamed] = await Promise.allSettled([
    readOnce(text, size, maxBytes),
    readOnce(text, size, maxBytes, 0),
  ]);
  expect(whole).toEqual(streamed);
  if (streamed.status === "rejected") throw streamed.reason;
  return streamed.value;
}

function readOnce(text: string, size: number, maxBytes?: number, smallBytes?: number) {
  const bytes = new TextEncoder().encode(text);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
  return readJsonWithMedia(answerOf(bodyOf(chunks)), {
    isMedia: (path) => PICTURE.test(path),
    store: async (bytes) =>
      bytes instanceof Uint8Array ? bytes : new Uint8Array(await new Response(bytes).arrayBuffer()),
    ...(smallBytes !== undefined && { smallBytes }),
    ...(maxBytes !== undefined && { maxBytes }),
  });
}

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

describe("an answer with pictures in it", () => {
  const first = bytesOf(1_000);
  const second = bytesOf(77);
  const document = JSON.stringify({
    created: 1,
    'b64_json "\\': "QUJD",
    nested: { data: [{ b64_json: "QUJD" }] },
    data: [
      { b64_json: first.toBase64(), revised_prompt: 'a "quoted" \\ prompt ü' },
      { url: "x" },
      { b64_json: second.toBase64() },
    ],
    usage: { total_tokens: 5 },
  });

  test.each([1, 2, 3, 5, 7, 64, 1_000_000])("is read the same in chunks of %i bytes", async (size) => {
    const { value, media } = await read(document, size);
    expect(media).toEqual(
      new Map([
        ["data.0.b64_json", first],
        ["data.2.b64_json", second],
      ]),
    );
    expect(value).toEqual({
      created: 1,
      'b64_json "\\': "QUJD",
      nested: { data: [{ b64_json: "QUJD" }] },
      data: [{ b64_json: "", revised_prompt: 'a "quoted" \\ prompt ü' }, { url: "x" }, { b64_json: "" }],
      usage: { total_tokens: 5 },
    });
  });

  test("may spell its base64 as JSON and URLs allow: escaped slashes, line breaks, a data URL, no padding", async () => {
    const bytes = Uint8Array.from([0xff, 0xef, 0xbe, 0xfb, 0xff, 0xfe, 1]);
    const plain = bytes.toBase64();
    const spellings = [
      plain.replaceAll("/", "\\/"),
      plain.replaceAll("/", "\\u002f").replaceAll("+", "\\u002B"),
      `${plain.slice(0, 4)}\\n${plain.slice(4)}`,
      `data:image/png;base64,${plain}`,
      plain.replaceAll("=", ""),
      plain.replaceAll("+", "-").replaceAll("/", "_"),
    ];
    for (const spelling of spellings) {
      for (const size of [1, 3, 1_000]) {
        const { media } = await read(`{"data":[{"b64_json":"${spelling}"}]}`, size);
        expect(media.get("data.0.b64_json"), spelling).toEqual(bytes);
      }
    }
  });

  test("may leave a picture out, empty or null", async () => {
    const { media } = await read('{"data":[{"b64_json":null},{"b64_json":""},{}]}', 2);
    expect(media.size).toBe(0);
  });

  test("goes on behind a picture that its reader did not read to the end", async () => {
    const answer = answerOf(bodyOf([document]));
    const { media, value } = await readJsonWithMedia(answer, {
      isMedia: (path) => PICTURE.test(path),
      store: async (stream, path) => {
        if (stream instanceof ReadableStream) await stream.cancel();
        return path;
      },
      smallBytes: 0,
    });
    expect([...media.values()]).toEqual(["data.0.b64_json", "data.2.b64_json"]);
    expect(value).toMatchObject({ usage: { total_tokens: 5 } });
  });

  test.each([
    ["in a picture", '{"data":[{"b64_json":"QUJDRE'],
    ["behind a picture", '{"data":[{"b64_json":"QUJD"}'],
    ["in a word", '{"crea'],
    ["at once", ""],
  ])("is refused when it breaks off %s", async (_, text) => {
    expect(await failureOf(read(text, 3))).toMatchObject({
      kind: "transient",
      code: "provider_error",
      mayHaveStarted: true,
    });
  });

  test.each([
    ["no base64", '{"data":[{"b64_json":"QU!JD"}]}'],
    ["a web page", "<html>{}</html>"],
    ["brackets that close nothing", "]]]]"],
    ["endless nesting", "[".repeat(5_000)],
  ])("is refused when it is %s", async (_, text) => {
    expect(await failureOf(read(text, 100))).toMatchObject({ kind: "transient", code: "provider_error" });
  });

  test("is refused beyond the bound, which holds for everything but the pictures", async () => {
    const picture = bytesOf(300_000).toBase64();
    expect((await read(`{"data":[{"b64_json":"${picture}"}]}`, 4_096, 1_000)).media.size).toBe(1);
    const chatter = `{"data":[],"chatter":"${"x".repeat(2_000)}"}`;
    expect(await failureOf(read(chatter, 100, 1_000))).toMatchObject({ kind: "permanent" });
  });

  test("in large chunks gives each back as soon as it is decoded", async () => {
    const picture = bytesOf(300_000);
    const text = `{"data":[{"b64_json":"${picture.toBase64()}"}],"created":1}`;
    const chunks = [
      new TextEncoder().encode(text.slice(0, 250_000)),
      new TextEncoder().encode(text.slice(250_000)),
    ];
    const { value, media } = await readJsonWithMedia(answerOf(bodyOf(chunks)), {
      isMedia: (path) => PICTURE.test(path),
      store: async (stream) => new Uint8Array(await new Response(stream as ReadableStream).arrayBuffer()),
    });
    expect(media.get("data.0.b64_json")).toEqual(picture);
    expect(value).toEqual({ data: [{ b64_json: "" }], created: 1 });
    expect(chunks.map(({ byteLength }) => byteLength)).toEqual([0, 0]);
  });

  test("hands on what the store throws", async () => {
    const full = new Error("disk full");
    const reading = readJsonWithMedia(answerOf(bodyOf([document])), {
      isMedia: (path) => PICTURE.test(path),
      store: () => Promise.reject(full),
    });
    await expect(reading).rejects.toBe(full);
  });

  test("of any shape is read as JSON.parse reads it, in whatever pieces it comes, and never hangs where it is cut", async () => {
    const random = createSeededRandom(20_261_130).next;
    for (let round = 0; round < 300; round += 1) {
      const pictures: Uint8Array[] = [];
      const document = { ...randomObject(random, 3), data: randomPictures(random, pictures) };
      const text = JSON.stringify(document, null, random() < 0.5 ? 0 : 1);
      const size = 1 + Math.floor(random() * 40);
      const { value, media } = await read(text, size);
      const plain = JSON.parse(text) as { data: { b64_json: string | null }[] };
      for (const picture of plain.data) if (picture.b64_json !== null) picture.b64_json = "";
      expect(value).toEqual(plain);
      expect([...media.values()]).toEqual(pictures.filter(({ length }) => length > 0));

      const cut = text.slice(0, Math.floor(random() * (text.length - 1)));
      expect(await failureOf(read(cut, size))).toMatchObject({ kind: "transient" });
    }
  });

  test("9.15: of 20 MB base64 no more than a few chunks are held at once, and nothing is read ahead of the store", async () => {
    const chunk = new TextEncoder().encode("QUJD".repeat(16_384));
    const chunks = 320;
    let sent = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          sent += 1;
          if (sent === 1) controller.enqueue(new TextEncoder().encode('{"data":[{"b64_json":"'));
          else if (sent <= chunks + 1) controller.enqueue(chunk);
          else {
            controller.enqueue(new TextEncoder().encode('"}]}'));
            controller.close();
          }
        },
      },
      { highWaterMark: 0 },
    );
    let stored = 0;
    let furthestAhead = 0;
    await readJsonWithMedia(answerOf(body), {
      isMedia: (path) => PICTURE.test(path),
      store: async (stream) => {
        for await (const bytes of stream as ReadableStream<Uint8Array>) {
          stored += bytes.length;
          // A store that is slower than the network.
          await new Promise((resolve) => setImmediate(resolve));
          furthestAhead = Math.max(furthestAhead, sent * chunk.length * 0.75 - stored);
        }
      },
    });
    expect(stored).toBe(chunks * chunk.length * 0.75);
    expect(furthestAhead).toBeLessThan(4 * chunk.length);
  });
});
