/**
 * Calls with real media: Chromium's peer connection through `POST /v1/realtime/calls` of the started program, to a provider that
 * answers with a peer connection of its own. Everything is on loopback.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PACKING_LIMIT_MS, type PackedClient, packClient } from "../fixture/packed-client.ts";
import { ADMIN_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { chromiumIsMissing as missing, type Site, startSite, talkInPage } from "../fixture/voice/chromium.ts";
import {
  type FakeOpenAiCalls,
  type MediaCall,
  startFakeOpenAiCalls,
} from "../fixture/voice/providers/fake-openai-calls.ts";
import { FAKE_OPENAI_USAGE } from "../fixture/voice/providers/fake-openai-session.ts";
import { waveOf } from "../fixture/voice/wave.ts";

const PAGES = resolve(import.meta.dirname, "../foreign/browser");
const AGENTS = resolve(import.meta.dirname, "../../node_modules/@openai/agents-realtime/dist/bundle");
const MODEL = "openai/gpt-realtime-2.1";
const TALK_MS = 120_000;
/** Addresses stand in offers as they are, those of loopback too. */
const FLAGS = ["--disable-features=WebRtcHideLocalIpsWithMdns", "--allow-loopback-in-peer-connection"];
/** Instructions that make a call one of its provider's bad days. */
const ALONE = "No sideband.";
const DEAR = "Dear.";
const SHORT_SECONDS = 5;

type Past = { closeReason: string; settled: boolean; cost: number; usage: Record<string, number> };
type Heard = {
  answers: string[];
  types: string[];
  calls: unknown[];
  errors: string[];
  toolAnswer: string;
  received: { packets: number; energy: number };
};

describe.skipIf(missing !== null)(`a call${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let sound: string;
  let provider: FakeOpenAiCalls;
  let client: PackedClient;
  let site: Site;
  let server: ServerProcess;
  let impatient: ServerProcess;

  beforeAll(async () => {
    folder = await temporaryFolder();
    sound = join(folder.path, "microphone.wav");
    // Who speaks briefly gets an answer that ends, who speaks longer one that the next words cut off.
    await writeFile(sound, waveOf([0.5, 1.5], [1.2, 1.5]));
    provider = startFakeOpenAiCalls({
      refusesSideband: ({ configured }) => configured.instructions === ALONE,
      usageOf: ({ instructions }) => (instructions === DEAR ? DEAR_USAGE : FAKE_OPENAI_USAGE),
    });
    const env = { ...provider.env, CONDUITLLM__CORS__ORIGINS__0: "http://127.0.0.1:*" };
    [client, server, impatient] = await Promise.all([
      packClient(),
      start("usual", env),
      start("impatient", { ...env, CONDUITLLM__REALTIME__MAXSESSIONSECONDS: String(SHORT_SECONDS) }),
    ]);
    site = startSite({ "/client/": client.built, "/agents/": AGENTS, "/": PAGES });
  }, PACKING_LIMIT_MS);
  afterAll(async () => {
    await Promise.all([server.kill(), impatient.kill()]);
    await provider.close();
    await site.stop();
    await client.remove();
    await folder.remove();
  });

  async function start(name: string, env: Record<string, string>): Promise<ServerProcess> {
    const dataDir = join(folder.path, name);
    await mkdir(dataDir);
    return await ServerProcess.start({ dataDir, env });
  }

  /** A call of a key of its own: what its page, its provider and its record say of it. */
  async function call<Talked>(
    page: string,
    { on = server, instructions = "Be brief.", budget, ...knows }: CallOptions = {},
  ): Promise<{ talked: Talked; made: MediaCall; past: Past }> {
    const { id, key } = await post<{ id: string; key: string }>(on, "/admin/v1/keys", ADMIN_KEY, {
      name: "caller",
      permissions: { canUseRealtimeAudio: true },
      ...(budget !== undefined && { budgets: [{ limit: budget }] }),
    });
    const session = { type: "realtime", model: MODEL, instructions };
    const secret = await post<{ value: string }>(on, "/v1/realtime/client_secrets", key, { session });
    const before = new Set(provider.calls);
    const talked = await talkInPage<Talked>(
      {
        address: `${site.origin}/${page}`,
        knows: { baseUrl: on.url, key: secret.value, model: MODEL, ...knows },
        sound,
        loops: true,
        flags: FLAGS,
        timeoutMs: TALK_MS,
      },
      folder.path,
    );
    const made = provider.calls.find(
      (one) => !before.has(one) && one.configured.instructions === instructions,
    ) as MediaCall;
    await made.over;
    await on.printed(new RegExp(`^(?=.*voice session ended)(?=.*${id}).*$`, "m"));
    const answer = await on.request("/v1/realtime/sessions", {}, key);
    const { data } = (await answer.json()) as { data: Past[] };
    expect(data).toHaveLength(1);
    return { talked, made, past: data[0] as Past };
  }

  /** What a record says is what the provider has reported, response for response. */
  function expectMetered({ usage, settled }: Past, { responses }: MediaCall) {
    expect(responses).toBeGreaterThan(0);
    expect(settled).toBe(true);
    expect(usage).toMatchObject({
      responses,
      textInput: 4 * responses,
      cachedTextInput: responses,
      audioInput: 12 * responses,
      cachedAudioInput: 3 * responses,
      textOutput: 2 * responses,
      audioOutput: 8 * responses,
    });
  }

  test(
    "of @openai/agents-realtime has a turn, a tool call and an interruption, and is metered to the token",
    async () => {
      const { talked, made, past } = await call<Heard>("call.html");
      expect(talked.errors).toEqual([]);
      expect(talked.answers).toEqual(expect.arrayContaining(["completed", "cancelled"]));
      expect(talked.types).toEqual(
        expect.arrayContaining([
          "session.created",
          "session.updated",
          "input_audio_buffer.speech_started",
          "output_audio_buffer.cleared",
        ]),
      );
      expect(talked.types).not.toContain("response.output_audio.delta");
      expect(talked.calls).toEqual([{ city: "Rome" }]);
      expect(talked.toolAnswer).toContain("sunny");
      // All the sound that was sent came, and so did the microphone's: 50 packets a second.
      expect(talked.received.packets).toBe(made.leg.packetsSent);
      expect(talked.received.packets).toBeGreaterThan(30);
      expect(talked.received.energy).toBeGreaterThan(0);
      expect(made.leg.packetsHeard).toBeGreaterThan(100);
      expect(made.configured).toMatchObject({ type: "realtime", model: "gpt-realtime-2.1" });
      expect(past.closeReason).toBe("provider_closed");
      expectMetered(past, made);
      expect(past.cost).toBeGreaterThan(0);
      expect(provider.faults).toEqual([]);
    },
    TALK_MS,
  );

  test(
    "of the package's voice client is heard, cut off by the user's voice, and hung up when it is done",
    async () => {
      const { talked, made, past } = await call<{
        refused?: unknown;
        problems: string[];
        answers: string[];
        interrupted: { itemId: string; heardMs: number }[];
        truncated: unknown[];
        turns: string[];
        loudest: { input: number; output: number };
      }>("converse.html", { transport: "webrtc" });
      expect([talked.refused, talked.problems]).toEqual([undefined, []]);
      expect(talked.answers).toContain("completed");
      expect(talked.turns).toEqual(expect.arrayContaining(["listening", "speaking", "idle"]));
      expect(talked.interrupted.length).toBeGreaterThan(0);
      expect(talked.truncated).toContainEqual(talked.interrupted[0]);
      expect(talked.loudest.input).toBeGreaterThan(0.1);
      expect(talked.loudest.output).toBeGreaterThan(0.05);
      expect(made.hangUps).toBe(1);
      expect(past.closeReason).toBe("terminated");
      expectMetered(past, made);
    },
    TALK_MS,
  );

  test(
    "is hung up at the provider at its longest duration, at its budget's end, and when nobody could meter it for 10 s",
    async () => {
      const [expired, dear, alone] = await Promise.all([
        call<Heard>("call.html", { on: impatient, waits: true, instructions: "Expires." }),
        call<Heard>("call.html", { waits: true, instructions: DEAR, budget: 0.5 }),
        call<Heard>("call.html", { waits: true, instructions: ALONE }),
      ]);
      expect(expired.past.closeReason).toBe("session_expired");
      expect(dear.past).toMatchObject({ closeReason: "budget_exceeded", settled: true });
      expect(dear.made.responses).toBe(1);
      expect(dear.past.cost).toBeLessThanOrEqual(0.5);
      expect(alone.past.closeReason).toBe("unmetered");
      expect(alone.made.asked).toBeGreaterThan(3);
      for (const { talked, made } of [expired, dear, alone]) {
        expect(talked.types.at(-1)).toBe("connection disconnected");
        expect(made.hangUps).toBe(1);
        expect(made.sidebands.size).toBe(0);
      }
    },
    TALK_MS,
  );
});

type CallOptions = {
  on?: ServerProcess;
  instructions?: string;
  /** US dollars. */
  budget?: number;
  waits?: boolean;
  transport?: string;
};

/** One response of it costs more than a dollar. */
const DEAR_USAGE = {
  ...FAKE_OPENAI_USAGE,
  total_tokens: 20_020,
  output_tokens: 20_000,
  output_token_details: { text_tokens: 0, audio_tokens: 20_000 },
};

async function post<Answer>(
  server: ServerProcess,
  path: string,
  key: string,
  body: unknown,
): Promise<Answer> {
  const headers = { authorization: `Bearer ${key}` };
  const answer = await server.postJson(path, body, headers);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Answer;
}
