/**
 * A provider of pictures for `gateway-sync`: it speaks OpenAI's images API and answers every request with one prepared picture.
 *
 * Hears `serve` {bytes, delayMs}: pictures of so many bytes in base64, after so long a wait; says `serving`.
 */

import { hear, say } from "../harness/child.ts";

/** Signature, IHDR, the filler's frame and IEND. */
const PNG_OVERHEAD = 8 + 25 + 12 + 12;
const BASE64_RATIO = 4 / 3;
const SIDE = 1024;
const RGB = 2;
/** As the real one says it of a picture of this size. */
const USAGE = {
  input_tokens: 13,
  input_tokens_details: { image_tokens: 0, text_tokens: 13 },
  output_tokens: 1_056,
  total_tokens: 1_069,
};

let answer = new Uint8Array();
let delayMs = 0;

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  async fetch(request) {
    await request.text();
    if (delayMs > 0) await Bun.sleep(delayMs);
    return new Response(answer, { headers: { "content-type": "application/json" } });
  },
});

hear((command) => {
  if (command.type !== "serve") return;
  const { bytes, delayMs: wait } = command as unknown as { bytes: number; delayMs: number };
  delayMs = wait;
  const b64_json = png(Math.round(bytes / BASE64_RATIO)).toBase64();
  const document = {
    created: 1_795_996_800,
    background: "opaque",
    data: [{ b64_json }],
    output_format: "png",
    quality: "medium",
    size: `${SIDE}x${SIDE}`,
    usage: USAGE,
  };
  answer = new TextEncoder().encode(JSON.stringify(document));
  say("serving");
});
say("ready", { port: server.port });

/** A file of `bytes` bytes that is read as a PNG of 1024x1024, with noise where the picture would be. */
function png(bytes: number): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, SIDE);
  view.setUint32(4, SIDE);
  header.set([8, RGB, 0, 0, 0], 8);
  const noise = new Uint8Array(Math.max(0, bytes - PNG_OVERHEAD));
  for (let at = 0, state = 1; at < noise.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    noise[at] = state >>> 24;
  }
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", noise), chunk("IEND")]);
}

function chunk(name: string, data = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, Bun.hash.crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}
