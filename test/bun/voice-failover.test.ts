/** Voice sessions and calls that go to another account or another model: their record, their money, and what is known afterwards. */

import { expect, test } from "vitest";
import { createCatalogue } from "../../src/compose/core.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Session } from "../../src/realtime/session-store.ts";
import { ADMIN_KEY, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { recordingLog } from "../fixture/recording-log.ts";
import { ANSWER, FakeCallProvider, OFFER, PROVIDER_KEY } from "../fixture/voice/fake-call-provider.ts";
import { type VoiceHouse, voiceHouse } from "../fixture/voice/voice-house.ts";

const FALLBACKS = {
  models: { fallbacks: { "openai/gpt-realtime": ["gpt-realtime-mini", "xai/grok-voice", "local/canvas"] } },
};
const TWO_ACCOUNTS = [
  { name: "eu", key: "sk-eu", weight: 1 },
  { name: "us", key: "sk-us", weight: 0, baseUrl: "https://us.example/v1" },
];

function house(settings: object, env: Record<string, string> = {}): Promise<VoiceHouse> {
  return voiceHouse({ env: { CONDUIT_CONFIG: JSON.stringify(settings), XAI_API_KEY: "xai-1", ...env } });
}

async function record({ store }: VoiceHouse, id: string): Promise<Session> {
  const session = await store.findSession(id);
  if (session === null) throw new Error("no record");
  return session;
}

const DONE = {
  type: "response.done",
  response: {
    id: "r",
    status: "completed",
    usage: {
      total_tokens: 1_000,
      input_tokens: 0,
      output_tokens: 1_000,
      output_token_details: { audio_tokens: 1_000 },
    },
  },
};

test("what the dearest model of the route holds back is held, and the one that was used is paid", async () => {
  const world = await house(FALLBACKS);
  const client = await world.connect("?model=openai/gpt-realtime");
  expect(await record(world, client.sessionId)).toMatchObject({
    provider: "openai",
    reservedMicros: 300_000,
  });
  world.upstream.refuse(503);
  expect(world.upstream.request.url).toMatch(/model=gpt-realtime-mini$/);
  expect(client.events.at(-1)).toMatchObject({ code: "other_model", model: "openai/gpt-realtime-mini" });
  world.upstream.accept();
  world.upstream.say({ type: "response.created", response: { id: "r" } });
  world.upstream.say(DONE);
  await settled();
  // gpt-realtime-mini's 20 dollars for a million tokens of speech, where gpt-realtime has 64.
  expect(client.events.at(-1)).toMatchObject({ type: "conduit.usage", cost: 0.02 });
  client.leave();
  await settled();
  expect(await record(world, client.sessionId)).toMatchObject({ chargedMicros: 20_000, settled: true });
  const { movements } = await world.store.listMovements("key_bootstrap", { limit: 9, before: null });
  expect(movements).toMatchObject([
    { provider: "openai", model: "openai/gpt-realtime", chargedMicros: 20_000 },
  ]);
  await world.close();
});

test("a session whose process dies after it went elsewhere is settled at the price of where it went", async () => {
  const world = await house(FALLBACKS);
  const client = await world.connect("?model=openai/gpt-realtime");
  world.upstream.refuse(null);
  expect(world.upstream.request.url).toMatch(/^wss:\/\/api\.x\.ai/);
  await settled();
  expect(await record(world, client.sessionId)).toMatchObject({
    provider: "xai",
    account: null,
    price: { minuteMicros: expect.any(Number) },
  });
  await world.close();
});

test("the record has the last way of a session, however long the store took for the one before", async () => {
  const world = await house(FALLBACKS);
  const client = await world.connect("?model=openai/gpt-realtime");
  const { moveSession } = world.store;
  const slow = Promise.withResolvers<void>();
  let moves = 0;
  world.store.moveSession = async (...given) => {
    moves += 1;
    if (moves === 1) await slow.promise;
    return moveSession(...given);
  };
  world.upstream.refuse(503);
  await settled();
  world.upstream.refuse(503);
  expect(world.upstream.request.url).toMatch(/^wss:\/\/api\.x\.ai/);
  await settled();
  slow.resolve();
  await settled();
  expect(await record(world, client.sessionId)).toMatchObject({ provider: "xai" });
  expect(moves).toBe(2);
  await world.close();
});

test("keys that may not use a model are not sent there in another's place", async () => {
  const world = await house(FALLBACKS);
  const { key } = await world.makeKey({
    name: "one model",
    permissions: { canUseRealtimeAudio: true },
    allowedModels: ["openai/gpt-realtime"],
  });
  const client = await world.connect("?model=openai/gpt-realtime", key);
  world.upstream.refuse(404);
  await settled();
  expect(world.upstreams).toHaveLength(1);
  expect(client.closedWith?.code).toBe(1011);
  await world.close();
});

test("the operator's default voice counts as asked for: another provider has to be known to have it", async () => {
  const defaults = { voice: "marin" };
  for (const [providers, where] of [
    [{}, "openai"],
    [{ xai: { voices: ["marin"] } }, "xai"],
  ] as const) {
    const world = await house({ ...FALLBACKS, realtime: { defaults, providers } });
    const client = await world.connect("?model=openai/gpt-realtime");
    world.upstream.refuse(null);
    await settled();
    expect(await record(world, client.sessionId)).toMatchObject({ provider: where });
    await world.close();
  }
});

test("accounts are named in the record, reached at their own address, and a refused one rests", async () => {
  const world = await house({
    providers: { openai: { credentials: [TWO_ACCOUNTS[0], { ...TWO_ACCOUNTS[1], weight: 1 }] } },
  });
  const seen = new Set<string>();
  // Whichever comes first by chance is refused, and so is used no more.
  const first = await world.connect("?model=openai/gpt-realtime");
  seen.add(String(world.upstream.request.headers.authorization));
  world.upstream.refuse(401);
  seen.add(String(world.upstream.request.headers.authorization));
  expect([...seen].toSorted()).toEqual(["Bearer sk-eu", "Bearer sk-us"]);
  await settled();
  const used = await record(world, first.sessionId);
  expect(world.upstream.request.url).toContain(
    used.account === "us" ? "wss://us.example/v1/realtime" : "wss://api.openai.com",
  );
  for (let i = 0; i < 3; i += 1) {
    const { sessionId } = await world.connect("?model=openai/gpt-realtime");
    expect((await record(world, sessionId)).account).toBe(used.account);
  }
  expect(world.log).toContainEqual({
    level: "warn",
    message: "provider is not used for a while",
    fields: expect.objectContaining({ provider: "openai", code: "provider_auth" }),
  });
  expect(JSON.stringify(world.log)).not.toContain("sk-us");
  await world.close();
});

test("a provider that is away is passed by at once, and the client is told which model it has", async () => {
  const world = await house(FALLBACKS);
  for (let i = 0; i < 5; i += 1) {
    const one = await world.connect("?model=openai/gpt-realtime");
    world.upstream.refuse(null);
    one.leave();
    await settled();
  }
  const client = await world.connect("?model=openai/gpt-realtime");
  expect(world.upstream.request.url).toMatch(/^wss:\/\/api\.x\.ai/);
  expect(client.types()).toEqual(["session.created", "conduit.warning"]);
  expect(await record(world, client.sessionId)).toMatchObject({ provider: "xai" });
  await world.close();
});

test("metrics count what a session used where it used it", async () => {
  const world = await house(FALLBACKS);
  const client = await world.connect("?model=openai/gpt-realtime");
  world.upstream.refuse(null);
  world.upstream.accept();
  world.upstream.say({ type: "response.created", response: { id: "r" } });
  world.upstream.say(DONE);
  const during = await (await world.send("GET", "/metrics", { key: ADMIN_KEY })).text();
  expect(during).toContain('conduit_realtime_sessions{provider="xai"} 1');
  expect(during).toContain('conduit_realtime_sessions{provider="openai"} 0');
  expect(during).toContain('conduit_realtime_tokens_total{provider="xai",kind="audio_output"} 1000');
  expect(during).toContain('conduit_realtime_tokens_total{provider="openai",kind="audio_output"} 0');
  client.leave();
  await settled();
  const after = await (await world.send("GET", "/metrics", { key: ADMIN_KEY })).text();
  expect(after).toContain('conduit_realtime_session_seconds_count{provider="xai",reason="client_closed"} 1');
  await world.close();
});

test("a call goes to another account when its offer is refused, and is hung up under that one", async () => {
  const provider = new FakeCallProvider();
  const credentials = [
    { name: "dead", key: "sk-dead", models: ["gpt-realtime"] },
    { name: "live", key: PROVIDER_KEY, models: ["gpt-realtime-mini"] },
  ];
  const world = await gatewayWorld({
    env: { CONDUIT_CONFIG: JSON.stringify({ ...FALLBACKS, providers: { openai: { credentials } } }) },
    voice: provider,
  });
  const made = await world.send("POST", "/v1/realtime/calls?model=openai/gpt-realtime", {
    body: OFFER,
    headers: { "content-type": "application/sdp" },
  });
  expect([made.status, await made.text()]).toEqual([201, ANSWER]);
  await settled();
  const path = made.headers.get("location") as string;
  const session = await world.store.findSession(path.split("rtc_")[1] as string);
  expect(session).toMatchObject({
    provider: "openai",
    account: "live",
    price: { reserveMinuteMicros: 100_000 },
  });
  expect(provider.call.session).toMatchObject({ model: "gpt-realtime-mini" });
  await world.send("POST", `${path}/hangup`);
  await settled();
  expect(provider.answered).toEqual(["POST  401", "POST  201", "POST /rtc_u1/hangup 200"]);
  await world.close();
});

test("a provider that answers no offer of a call counts as away after five of them", async () => {
  const provider = new FakeCallProvider();
  provider.patience = Promise.reject(new Error("nobody answers"));
  provider.patience.catch(() => {});
  const world = await gatewayWorld({ env: { OPENAI_API_KEY: PROVIDER_KEY }, voice: provider });
  const rests = async () => {
    const text = await (await world.send("GET", "/metrics", { key: ADMIN_KEY })).text();
    return /^conduit_provider_account_rest_seconds\{.*lane="realtime"\} (.+)$/m.exec(text)?.[1] ?? null;
  };
  for (let offer = 1; offer <= 5; offer += 1) {
    expect(Number(await rests())).toBe(0);
    const headers = { "content-type": "application/sdp" };
    const path = "/v1/realtime/calls?model=openai/gpt-realtime";
    expect((await world.send("POST", path, { body: OFFER, headers })).status).toBe(504);
  }
  expect(Number(await rests())).toBeGreaterThan(0);
  await world.close();
});

test("a fallback that is no voice is warned of, and voices are no mistake of the pictures' list", () => {
  const log = recordingLog();
  const { settings } = loadConfig({
    env: { CONDUIT_CONFIG: JSON.stringify(FALLBACKS), OPENAI_API_KEY: "sk-1", XAI_API_KEY: "xai-1" },
  });
  createCatalogue(settings, [], log);
  const warnings = log.lines.map(({ message }) => message).filter((text) => text.includes("fallbacks"));
  expect(warnings).toEqual([
    'models.fallbacks: "local/canvas" cannot stand in for openai/gpt-realtime; it has to be another voice model that is offered.',
  ]);
});
