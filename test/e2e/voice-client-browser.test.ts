/** The built client package in Chromium: its microphone, its speaker and a page's Content-Security-Policy are real. */

import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PACKING_LIMIT_MS, type PackedClient, packClient } from "../fixture/packed-client.ts";
import { ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { chromiumIsMissing as missing, type Site, startSite, talkInPage } from "../fixture/voice/chromium.ts";
import { waveOf } from "../fixture/voice/wave.ts";

const PAGES = resolve(import.meta.dirname, "../foreign/browser");
const TALK_MS = 120_000;
/** A line of the log at the level `debug`: an answer has ended. */
const RESPONDED = /"type":"response\.done"/;
/** Neither scripts of the page itself nor blobs may run. */
const STRICT = "default-src 'none'; script-src 'self'; connect-src *; img-src data:";

type Talked = {
  turns: string[];
  transcripts: { role: string; text: string }[];
  interrupted: { itemId: string; heardMs: number }[];
  truncated: { itemId: string; heardMs: number }[];
  answers: string[];
  loudest: { input: number; output: number };
  problems: string[];
  frames: number;
  isConnected: boolean;
  restored: number | null;
  refused?: { name: string; fault?: string; code?: string };
};

describe.skipIf(missing !== null)(`a page${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let client: PackedClient;
  let server: ServerProcess;
  const sites: Site[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder();
    client = await packClient();
    const folders = { "/client/": client.built, "/": PAGES };
    sites.push(startSite(folders, STRICT), startSite(folders));
    server = await ServerProcess.start({
      dataDir: folder.path,
      env: { CONDUITLLM__CORS__ORIGINS__0: "http://127.0.0.1:*" },
    });
  }, PACKING_LIMIT_MS);
  afterAll(async () => {
    await server.kill();
    await Promise.all(sites.map((site) => site.stop()));
    await client.remove();
    await folder.remove();
  });

  async function talk(site: Site | undefined, options: object, on = server): Promise<Talked> {
    const sound = join(folder.path, `${crypto.randomUUID()}.wav`);
    // An answer is as long as what was said: the first is heard, the second is still going on when the next words begin.
    await writeFile(sound, waveOf([2, 4], [2, 1.2]));
    const made = await on.postJson("/v1/realtime/client_secrets", {
      session: { type: "realtime", model: "local/echo" },
    });
    const { value: key } = (await made.json()) as { value: string };
    return await talkInPage<Talked>(
      {
        address: `${site?.origin}/converse.html`,
        knows: { baseUrl: on.url, key, ...options },
        sound,
        loops: true,
        timeoutMs: TALK_MS,
      },
      folder.path,
    );
  }

  test(
    "hears an answer to its end and cuts off another, under a policy that admits no blobs",
    async () => {
      const transcription = { model: "whisper-1" };
      const talked = await talk(sites[0], {
        workletUrl: "/client/voice/worklet.js",
        session: { audio: { input: { transcription } } },
      });
      expect(talked.refused).toBeUndefined();
      expect(talked.problems).toEqual([]);
      expect(talked.answers).toEqual(expect.arrayContaining(["completed"]));
      expect(talked.turns.slice(0, 4)).toEqual(expect.arrayContaining(["listening", "thinking", "speaking"]));
      expect(talked.transcripts.map(({ role }) => role)).toEqual(
        expect.arrayContaining(["user", "assistant"]),
      );
      expect(talked.transcripts[0]?.text).toMatch(/^I heard [12]\.\d seconds/);
      // Cut off within the 2.5 s of an answer, and the gateway was told the same.
      const [cut] = talked.interrupted;
      expect(cut?.heardMs).toBeGreaterThan(100);
      expect(cut?.heardMs).toBeLessThan(2_500);
      expect(talked.truncated).toContainEqual(cut);
      // The microphone came in and the answer went out.
      expect(talked.loudest.input).toBeGreaterThan(0.1);
      expect(talked.loudest.output).toBeGreaterThan(0.1);
      expect(talked.isConnected).toBe(false);
    },
    TALK_MS,
  );

  test(
    "needs no address of the worklet where blobs may run, and says what is wrong where they may not",
    async () => {
      const refused = await talk(sites[0], {});
      expect(refused.refused).toMatchObject({ name: "MicrophoneError", fault: "blocked" });
      const talked = await talk(sites[1], {});
      expect([talked.refused, talked.problems]).toEqual([undefined, []]);
      expect(talked.interrupted.length).toBeGreaterThan(0);
      const wrong = await talk(sites[1], { key: "ek_unknown0000000000000000000000000000000" });
      expect(wrong.refused).toMatchObject({ name: "VoiceError", code: "invalid_api_key" });
    },
    2 * TALK_MS,
  );

  test(
    "goes on in a new session when the gateway was killed and started again, with what was said before",
    async () => {
      const dataDir = join(folder.path, "killed");
      await mkdir(dataDir);
      const env = { CONDUITLLM__CORS__ORIGINS__0: "http://127.0.0.1:*", CONDUITLLM__LOGGING__LEVEL: "debug" };
      const first = await ServerProcess.start({ dataDir, env });
      const { port } = new URL(first.url);
      const talking = talk(sites[1], { outlives: true }, first);
      await first.printed(/voice session opened/);
      // Said and written down, so that it can be told again.
      await first.printed(RESPONDED);
      await first.kill();
      const second = await ServerProcess.start({ dataDir, env: { ...env, PORT: port } });
      const talked = await talking.finally(() => second.kill());
      expect(talked.refused).toBeUndefined();
      expect(talked.problems[0]).toMatch(/^reconnecting: /);
      expect(talked.restored).toBeGreaterThan(0);
      expect(talked.answers.at(-1)).toBe("completed");
    },
    TALK_MS,
  );

  test("leaves a line in the list of past sessions, ended by its client", async () => {
    const { data } = (await (await server.request("/v1/realtime/sessions")).json()) as {
      data: { closeReason: string }[];
    };
    expect(data.map(({ closeReason }) => closeReason)).toEqual(["client_closed", "client_closed"]);
  });
});
