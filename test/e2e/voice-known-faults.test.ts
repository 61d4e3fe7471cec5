/** Faults that users of other voice gateways reported, each as a test that this one does not have it. */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { WireOwnKey } from "../../src/protocol/key.ts";
import type { WireVoiceSession } from "../../src/protocol/voice-session.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { type LiveOptions, LiveVoiceClient } from "../fixture/voice/live-voice-client.ts";
import { environmentOf, startVoiceProviders } from "../fixture/voice/providers/fakes.ts";
import { pcmFrame } from "../fixture/voice/voice-world.ts";

const providers = startVoiceProviders();
const { openai, gemini } = providers;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await ServerProcess.start({
    dataDir: folder.path,
    env: {
      ...environmentOf(providers),
      CONDUITLLM__REALTIME__MAXCONNECTIONSPERKEY: "100",
      XAI_API_KEY: "refused",
      CONDUITLLM__REALTIME__PROVIDERS__XAI__WEBSOCKETURL: openai.env
        .CONDUITLLM__REALTIME__PROVIDERS__OPENAI__WEBSOCKETURL as string,
    },
  });
});
afterAll(async () => {
  await server.kill();
  await Promise.all(Object.values(providers).map((provider) => provider.close()));
  await folder.remove();
});

function open(model: string, options: LiveOptions = { key: BOOTSTRAP_KEY }): LiveVoiceClient {
  return new LiveVoiceClient(server.url, `?model=${encodeURIComponent(model)}`, options);
}

async function connect(model: string, options?: LiveOptions): Promise<LiveVoiceClient> {
  const client = open(model, options);
  await client.first("session.created");
  return client;
}

/** The user speaks for half a second, and is answered. */
async function speak(client: LiveVoiceClient): Promise<void> {
  const from = client.told.length;
  for (let i = 0; i < 55; i += 1) client.send({ type: "input_audio_buffer.append", audio: pcmFrame(i < 25) });
  await client.first("response.done", from);
}

async function settledSession(id: string): Promise<WireVoiceSession> {
  for (;;) {
    const answer = await server.request("/v1/realtime/sessions?limit=100");
    const { data } = (await answer.json()) as { data: WireVoiceSession[] };
    const found = data.find((session) => session.id === id);
    if (found?.settled === true) return found;
  }
}

test("litellm#31726: no response is asked for that the client did not ask for", async () => {
  const from = openai.received.length;
  const client = await connect(openai.model);
  await speak(client);
  await client.first("conversation.item.input_audio_transcription.completed");
  await speak(client);
  await client.close();
  const types = new Set(openai.received.slice(from).map(({ type }) => type));
  expect([...types]).toEqual(["input_audio_buffer.append"]);
  expect(client.told.filter(({ type }) => type === "error")).toEqual([]);
});

test("litellm#39851: a provider's close is told, recorded, and what was held back is given back", async () => {
  const made = await server.postJson(
    "/admin/v1/keys",
    { name: "saver", budgets: [{ limit: 5, period: "total" }] },
    { authorization: `Bearer ${ADMIN_KEY}` },
  );
  const { key } = (await made.json()) as { key: string };
  const own = async () => {
    const { budgets } = (await (await server.request("/v1/key", {}, key)).json()) as WireOwnKey;
    return budgets[0];
  };
  const client = await connect(openai.model, { key });
  expect((await own())?.reserved).toBeGreaterThan(0);
  [...openai.open].at(-1)?.close(1008, "invalid_request_error.session_not_found");
  expect(await client.ended).toMatchObject({ code: 1008 });
  expect(client.told.at(-1)).toMatchObject({ type: "error", error: { code: "provider_error" } });
  while ((await own())?.reserved !== 0);
});

test("litellm#31087, litellm#31080: a session costs something under whatever name the provider reports", async () => {
  const client = await connect(openai.model);
  client.send({ type: "session.update", session: { type: "realtime" } });
  const { session } = await client.first("session.updated");
  expect(session).toMatchObject({ model: openai.model });
  await client.ask("Hello");
  expect((await client.first("conduit.usage")).cost).toBeGreaterThan(0);
  await client.close();
});

test("litellm#38674: tokens are kept by kind, cached ones apart", async () => {
  const client = await connect(openai.model);
  await client.ask("Hello");
  await client.ask("Again");
  const id = await client.id();
  await client.close();
  expect((await settledSession(id)).usage).toMatchObject({
    textInput: 8,
    cachedTextInput: 2,
    audioInput: 24,
    cachedAudioInput: 6,
    textOutput: 4,
    audioOutput: 16,
  });
});

test("litellm#31519: a later session.update leaves Gemini's session alive", async () => {
  const client = await connect(gemini.model);
  client.send({ type: "session.update", session: { type: "realtime", instructions: "Be brief." } });
  await speak(client);
  client.send({ type: "session.update", session: { type: "realtime", instructions: "Be long." } });
  await speak(client);
  expect(gemini.faults).toEqual([]);
  await client.close();
});

test("litellm#36151, portkey#180: a browser connects by subprotocols, and gets one of them back", async () => {
  const protocols = ["realtime", `openai-insecure-api-key.${BOOTSTRAP_KEY}`];
  const client = await connect("local/echo", { protocols });
  expect(client.socket.protocol).toBe("realtime");
  await client.close();
});

test.each([
  ["Authorization", { authorization: `Bearer ${BOOTSTRAP_KEY}` }],
  ["api-key", { "api-key": BOOTSTRAP_KEY }],
  ["x-api-key", { "x-api-key": BOOTSTRAP_KEY }],
  ["a beta header besides", { authorization: `Bearer ${BOOTSTRAP_KEY}`, "OpenAI-Beta": "realtime=v1" }],
  ["an organization besides", { authorization: `Bearer ${BOOTSTRAP_KEY}`, "OpenAI-Organization": "org-1" }],
])("litellm#8828: a client connects with %s", async (_name, headers) => {
  const client = await connect(openai.model, { headers });
  await client.ask("Hello");
  expect(openai.faults).toEqual([]);
  await client.close();
});

test("portkey: a provider that refuses is a typed error, not a 500", async () => {
  const client = open("xai/grok-voice", { key: BOOTSTRAP_KEY });
  const { error } = await client.first("error");
  expect(error).toMatchObject({ code: "authentication_failed" });
  expect(await client.ended).toMatchObject({ code: 1011 });
});

test("portkey: the first event and the last arrive in every session", async () => {
  const seen = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const client = open(openai.model);
      await client.first("session.created");
      await client.ask("Hello");
      const types = client.told.map(({ type }) => type);
      await client.close();
      return [types[0], types.includes("response.done")];
    }),
  );
  expect(seen).toEqual(Array.from({ length: 40 }, () => ["session.created", true]));
});

test("portkey: a client that vanishes leaves no socket to the provider behind", async () => {
  // Those of the tests before are closing.
  while (openai.open.size > 0) await server.request("/health/live");
  const client = await connect(openai.model);
  await client.ask("Hello");
  expect(openai.open.size).toBe(1);
  const id = await client.id();
  client.vanish();
  expect((await settledSession(id)).closeReason).toBe("client_closed");
  while (openai.open.size > 0) await server.request("/health/live");
});
