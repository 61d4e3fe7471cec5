/** A page in Chromium talks to the built-in voice by its microphone, and plays what comes back. */

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../fixture/foreign-clients.ts";
import { ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

const CHROMIUM = "/usr/bin/chromium";
const PROGRAM = resolve(import.meta.dirname, "../foreign/node/browser.mjs");
const PAGE = resolve(import.meta.dirname, "../foreign/browser/talk.html");
const missing = existsSync(CHROMIUM) ? null : `${CHROMIUM} is not installed`;
const RATE = 24_000;
const SPOKEN_SECONDS = 2;
const TALK_MS = 60_000;

describe.skipIf(missing !== null)(`a page${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ServerProcess;
  let site: ReturnType<typeof Bun.serve>;
  beforeAll(async () => {
    folder = await temporaryFolder();
    const page = await readFile(PAGE);
    site = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response(page, { headers: { "content-type": "text/html" } }),
    });
    server = await ServerProcess.start({
      dataDir: folder.path,
      env: { CONDUITLLM__CORS__ORIGINS__0: `http://127.0.0.1:${site.port}` },
    });
  });
  afterAll(async () => {
    await server.kill();
    await site.stop(true);
    await folder.remove();
  });

  test(
    "speaks with a key of its own by its microphone, and hears its words again",
    async () => {
      const sound = join(folder.path, "microphone.wav");
      await writeFile(sound, wave(SPOKEN_SECONDS, 20));
      const made = await server.postJson("/v1/realtime/client_secrets", {
        session: { type: "realtime", model: "local/echo" },
      });
      const { value: key } = (await made.json()) as { value: string };
      const url = `${server.url.replace("http", "ws")}/v1/realtime`;
      const fragment = encodeURIComponent(JSON.stringify({ url, key, model: "local/echo" }));
      const address = `http://127.0.0.1:${site.port}/#${fragment}`;
      const printed = await run(["node", PROGRAM, CHROMIUM, address, sound], folder.path, TALK_MS);
      const line = printed.split("\n").find((one) => one.startsWith("{")) ?? "{}";
      const talked = JSON.parse(line) as Record<string, unknown> & { types: string[] };
      expect(key).toMatch(/^ek_/);
      expect(talked).toMatchObject({ protocol: "realtime", status: "completed", code: 1000, wasClean: true });
      expect(talked.types).toEqual(
        expect.arrayContaining(["input_audio_buffer.speech_started", "response.output_audio.delta"]),
      );
      expect(talked.transcript).toMatch(/^I heard [12]\.\d seconds/);
      // What was said, and the silence that ended it.
      expect(talked.heardMs).toBeGreaterThan(1_000);
      expect(talked.heardMs).toBeLessThan(3_500);
      expect(talked.loudest).toBeGreaterThan(0.1);
      // 128 samples a message.
      expect(talked.sentMessages).toBeGreaterThan(180);
    },
    TALK_MS,
  );
});

/** A tone and then silence, as 16-bit PCM. */
function wave(loudSeconds: number, silentSeconds: number): Uint8Array {
  const samples = new Int16Array(RATE * (loudSeconds + silentSeconds));
  for (let i = 0; i < RATE * loudSeconds; i += 1) samples[i] = Math.round(16_000 * Math.sin(i / 10));
  const head = new DataView(new ArrayBuffer(44));
  const words = (at: number, text: string) => {
    for (let i = 0; i < text.length; i += 1) head.setUint8(at + i, text.charCodeAt(i));
  };
  words(0, "RIFF");
  head.setUint32(4, 36 + samples.byteLength, true);
  words(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, RATE, true);
  head.setUint32(28, RATE * 2, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  words(36, "data");
  head.setUint32(40, samples.byteLength, true);
  return Buffer.concat([Buffer.from(head.buffer), Buffer.from(samples.buffer)]);
}
