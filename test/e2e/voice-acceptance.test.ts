/** What a voice gateway is held to, against the started program and scripted providers. The clients' part is in voice-clients. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireVoiceSession } from "../../src/protocol/voice-session.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { keptCounters } from "../fixture/voice/kept-sessions.ts";
import { LiveVoiceClient } from "../fixture/voice/live-voice-client.ts";
import { environmentOf, startVoiceProviders } from "../fixture/voice/providers/fakes.ts";

const providers = startVoiceProviders();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
const start = () =>
  ServerProcess.start({
    dataDir: folder.path,
    env: {
      ...environmentOf(providers),
      CONDUITLLM__REALTIME__MAXCONNECTIONSPERKEY: "100",
      CONDUITLLM__REALTIME__CONTROLMESSAGESPERSECOND: "1000",
    },
  });

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await start();
});
afterAll(async () => {
  await server.kill();
  await Promise.all(Object.values(providers).map((provider) => provider.close()));
  await folder.remove();
});

async function connect(model: string, key = BOOTSTRAP_KEY): Promise<LiveVoiceClient> {
  const client = new LiveVoiceClient(server.url, `?model=${encodeURIComponent(model)}`, { key });
  await client.first("session.created");
  return client;
}

/** A past session, once it is settled. */
async function settledSession(id: string): Promise<WireVoiceSession> {
  for (;;) {
    const answer = await server.request("/v1/realtime/sessions?limit=100");
    const { data } = (await answer.json()) as { data: WireVoiceSession[] };
    const found = data.find((session) => session.id === id);
    if (found?.settled) return found;
  }
}

describe("acceptance 5: a provider's close", () => {
  test.each([
    [1000, 1000, "provider_closed"],
    [1001, 1001, "provider_closed_1001"],
    [1007, 1007, "provider_closed_1007"],
    [1008, 1008, "provider_closed_1008"],
    [1011, 1011, "provider_closed_1011"],
    [1006, 1011, "provider_closed_1006"],
  ])("%i comes to the client as %i, with what was used on record", async (code, expected, reason) => {
    const client = await connect(providers.openai.model);
    await client.ask("Hello");
    const id = await client.id();
    const [upstream] = providers.openai.open;
    if (code === 1006) upstream?.terminate();
    else upstream?.close(code, "words of the provider's own");
    const ended = await client.ended;
    expect(ended.code).toBe(expected);
    expect(JSON.stringify([ended, client.told])).not.toContain("words of the provider's own");
    const errors = client.told.filter(({ type }) => type === "error");
    expect(errors).toHaveLength(code === 1000 ? 0 : 1);
    const { usage, cost, closeReason } = await settledSession(id);
    expect(closeReason).toBe(reason);
    expect(usage).toMatchObject({ responses: 1, audioOutput: 8, textOutput: 2, cachedAudioInput: 3 });
    expect(cost).toBeGreaterThan(0);
  });
});

test("acceptance 7: no response.create is relayed once the budget is reached", async () => {
  const made = await server.postJson(
    "/admin/v1/keys",
    // A minute of talk is held back; one answer costs about 0.0011.
    { name: "poor", budgets: [{ limit: 0.302, period: "total" }] },
    { authorization: `Bearer ${ADMIN_KEY}` },
  );
  const { key } = (await made.json()) as { key: string };
  const client = await connect(providers.openai.model, key);
  const asked = () => providers.openai.received.filter(({ type }) => type === "response.create").length;
  const before = asked();
  let answers = 0;
  // What is held back is used up in some 300 answers.
  for (; answers < 1_000; answers += 1)
    try {
      await client.ask("Hello");
    } catch {
      break;
    }
  expect(await client.ended).toMatchObject({ code: 1008 });
  const error = client.told.findLast(({ type }) => type === "error")?.error;
  expect(error).toMatchObject({ code: "insufficient_quota" });
  // The one that reached the budget was the last.
  expect(asked() - before).toBe(client.told.filter(({ type }) => type === "response.done").length);
  expect(answers).toBeLessThan(1_000);
});

test("acceptance 8: a microphone's 187 messages a second are taken, and a message of 2 MB is not", async () => {
  const client = await connect("local/echo");
  const audio = new Uint8Array(256).toBase64();
  for (let i = 0; i < 187 * 10; i += 1) client.send({ type: "input_audio_buffer.append", audio });
  client.send({ type: "session.update", session: { type: "realtime" } });
  await client.first("session.updated");
  client.send({ type: "input_audio_buffer.append", audio: "A".repeat(2_000_000) });
  expect(await client.ended).toMatchObject({ code: 1009 });
});

test("acceptance 9: an update of tracing alone does not restart Gemini", async () => {
  const client = await connect(providers.gemini.model);
  const setups = () => providers.gemini.received.filter(({ setup }) => setup !== undefined).length;
  const before = setups();
  client.send({ type: "session.update", session: { type: "realtime", instructions: "Be brief." } });
  await client.ask("Hello");
  client.send({ type: "session.update", session: { type: "realtime", tracing: "auto" } });
  await client.ask("And again");
  expect(setups() - before).toBe(1);
  expect(client.told.filter(({ type }) => type === "conduit.warning")).toEqual([]);
  await client.close();
});

test("acceptance 10: session.model does not change the model of a session", async () => {
  const client = await connect(providers.openai.model);
  const from = providers.openai.received.length;
  client.send({ type: "session.update", session: { type: "realtime", model: "gpt-realtime-2" } });
  const { session } = await client.first("session.updated");
  expect(session).toMatchObject({ model: providers.openai.model });
  expect(providers.openai.received.slice(from)).toMatchObject([{ session: { type: "realtime" } }]);
  expect(JSON.stringify(providers.openai.received.slice(from))).not.toContain("gpt-realtime-2");
  await client.close();
});

test("nothing was sent to a provider that its service would refuse", () => {
  for (const { faults } of Object.values(providers)) expect(faults).toEqual([]);
});

test("acceptance 6: the answers before a sudden end of the process are billed", async () => {
  const client = await connect(providers.openai.model);
  await client.ask("Hello");
  // The client was told what its answer cost.
  const { cost } = await client.first("conduit.usage");
  const id = await client.id();
  while ((await keptCounters(folder.path, id)).audioOutput !== 8);
  client.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [] } });
  await server.kill();
  server = await start();
  const settled = await settledSession(id);
  expect(settled).toMatchObject({ cost, usage: { responses: 1, audioOutput: 8 } });
});
