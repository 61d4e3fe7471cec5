/** A page in Chromium talks to the built-in voice by its microphone, and plays what comes back. */

import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { chromiumIsMissing as missing, type Site, startSite, talkInPage } from "../fixture/voice/chromium.ts";
import { waveOf } from "../fixture/voice/wave.ts";

const PAGES = resolve(import.meta.dirname, "../foreign/browser");
const SPOKEN_SECONDS = 2;
const TALK_MS = 120_000;

describe.skipIf(missing !== null)(`a page${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ServerProcess;
  let site: Site;
  beforeAll(async () => {
    folder = await temporaryFolder();
    site = startSite({ "/": PAGES });
    server = await ServerProcess.start({
      dataDir: folder.path,
      env: { CONDUITLLM__CORS__ORIGINS__0: site.origin },
    });
  });
  afterAll(async () => {
    await server.kill();
    await site.stop();
    await folder.remove();
  });

  test(
    "speaks with a key of its own by its microphone, and hears its words again",
    async () => {
      const sound = join(folder.path, "microphone.wav");
      await writeFile(sound, waveOf([SPOKEN_SECONDS, 20]));
      const made = await server.postJson("/v1/realtime/client_secrets", {
        session: { type: "realtime", model: "local/echo" },
      });
      const { value: key } = (await made.json()) as { value: string };
      const url = `${server.url.replace("http", "ws")}/v1/realtime`;
      const talked = await talkInPage<Record<string, unknown> & { types: string[] }>(
        {
          address: `${site.origin}/talk.html`,
          knows: { url, key, model: "local/echo" },
          sound,
          loops: false,
          timeoutMs: TALK_MS,
        },
        folder.path,
      );
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
