/** Voice over WebRTC: the offer is relayed, the call metered over a sideband, and hung up whenever nobody could meter it. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import type { RealtimeEvent } from "../../src/protocol/realtime.ts";
import type { Json } from "../../src/protocol/task.ts";
import type { WireVoiceSession, WireVoiceSessionPage } from "../../src/protocol/voice-session.ts";
import type { SocketHandler } from "../../src/sockets/socket-upgrade.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import {
  ANSWER,
  doneEvent,
  FakeCallProvider,
  OFFER,
  PROVIDER_KEY,
} from "../fixture/voice/fake-call-provider.ts";

const CALLS = "/v1/realtime/calls";
const SDP = { "content-type": "application/sdp" };
const MODEL = "openai/gpt-realtime-2.1";

let provider: FakeCallProvider;
let world: GatewayWorld;
let joined: SocketHandler | null;

beforeEach(() => open());

async function open(env: Record<string, string> = {}): Promise<void> {
  provider = new FakeCallProvider();
  joined = null;
  world = await gatewayWorld({
    env: {
      OPENAI_API_KEY: PROVIDER_KEY,
      CONDUITLLM__REALTIME__DEFAULTMODEL: MODEL,
      CONDUITLLM__REALTIME__MAXSESSIONSECONDS: "1800",
      ...env,
    },
    voice: provider,
    sockets: {
      upgrade: (_request, handler) => {
        joined = handler;
        return new Response(null, { status: 200 });
      },
    },
  });
}
afterEach(() => world.close());

const offer = (options: Parameters<GatewayWorld["send"]>[2] = {}, path = CALLS) =>
  world.send("POST", path, { body: OFFER, ...options, headers: { ...SDP, ...options.headers } });

/** Makes a call and answers its path. */
async function made(options: Parameters<GatewayWorld["send"]>[2] = {}, path = CALLS): Promise<string> {
  const response = await offer(options, path);
  expect([response.status, await response.clone().text()]).toEqual([201, ANSWER]);
  await settled();
  return response.headers.get("location") as string;
}

async function sessions(key = BOOTSTRAP_KEY): Promise<WireVoiceSession[]> {
  const response = await world.send("GET", "/v1/realtime/sessions", { key });
  return ((await response.json()) as WireVoiceSessionPage).data;
}

async function latest(): Promise<WireVoiceSession> {
  const [session] = await sessions();
  if (session === undefined) throw new Error("No session is there");
  return session;
}

const errorOf = async (response: Response) => {
  const { error } = (await response.json()) as WireError;
  return { status: response.status, code: error.code, param: error.param, message: error.message };
};

const endKey = (id: string) => world.send("DELETE", `/admin/v1/keys/${id}`, { key: ADMIN_KEY });

async function ekey(session: Record<string, Json>): Promise<string> {
  const response = await world.send("POST", "/v1/realtime/client_secrets", { body: { session } });
  return ((await response.json()) as { value: string }).value;
}

/** A form as `fetch` sends it. */
async function form(
  fields: Record<string, string | Blob>,
): Promise<{ body: string; headers: Record<string, string> }> {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  const request = new Request("http://form.test", { method: "POST", body: data });
  return {
    headers: { "content-type": request.headers.get("content-type") as string },
    body: await request.text(),
  };
}

describe("an offer", () => {
  test("is answered with the provider's SDP and a call of our own name", async () => {
    const path = await made();
    expect(path).toMatch(/^\/v1\/realtime\/calls\/rtc_[0-9a-f-]{36}$/);
    expect(path).not.toContain(provider.call.id);
    expect(provider.call).toMatchObject({
      sdp: OFFER,
      session: { type: "realtime", model: "gpt-realtime-2.1" },
    });
    expect(provider.sideband.request.url).toBe("wss://api.openai.com/v1/realtime?call_id=rtc_u1");
    // The call was configured with its offer.
    expect(provider.sideband.received).toEqual([]);
  });

  test("may come in a form with a session, whose model is routed and nothing else of it changed", async () => {
    const session = {
      type: "realtime",
      model: "openai/gpt-realtime-mini",
      instructions: "Be brief.",
      temperature: 1,
    };
    await made(await form({ sdp: OFFER, session: JSON.stringify(session) }));
    expect(provider.call.session).toEqual({
      type: "realtime",
      model: "gpt-realtime-mini",
      instructions: "Be brief.",
    });
    const parts = {
      sdp: new Blob([OFFER], { type: "application/sdp" }),
      session: new Blob([JSON.stringify({ type: "transcription" })], { type: "application/json" }),
    };
    await made(await form(parts));
    expect(provider.call.session).toMatchObject({ type: "transcription" });
  });

  test("without a session has the one its ephemeral key was made with", async () => {
    const key = await ekey({ type: "realtime", model: "openai/gpt-realtime", instructions: "Sing." });
    await made({ key });
    expect(provider.call.session).toMatchObject({ model: "gpt-realtime", instructions: "Sing." });
  });

  test("for another model than the ephemeral key's is refused before the provider hears of it", async () => {
    const key = await ekey({ type: "realtime", model: "openai/gpt-realtime-mini" });
    const session = JSON.stringify({ type: "realtime", model: "openai/gpt-realtime-2.1" });
    const refused = await offer({ key, ...(await form({ sdp: OFFER, session })) });
    expect(await errorOf(refused)).toMatchObject({ status: 403, code: "model_not_allowed" });
    expect(provider.answered).toEqual([]);
  });

  test("to a model that has no WebRTC is refused by the model's name", async () => {
    const refused = await errorOf(await offer({}, `${CALLS}?model=local/echo`));
    // The default model is asked for by the address where no session names one.
    expect(refused).toMatchObject({ status: 400, code: "not_supported", param: "model" });
    expect(refused.message).toContain("local/echo takes no WebRTC calls");
    expect(refused.message).toContain(MODEL);
  });

  test.each([
    ["of a megabyte", OFFER + "a=x\r\n".repeat(200_000), 413, "payload_too_large"],
    ["that is no SDP", '{"sdp":1}', 400, "invalid_parameter"],
    ["that is empty", "", 400, "invalid_parameter"],
  ])("%s is refused", async (_name, body, status, code) => {
    expect(await errorOf(await offer({ body }))).toMatchObject({ status, code });
    expect(provider.answered).toEqual([]);
  });

  test("of a megabyte in a form, with a session that is none, or of another type is refused", async () => {
    const large = await form({ sdp: OFFER + "a=x\r\n".repeat(200_000) });
    expect(await errorOf(await offer(large))).toMatchObject({ status: 413 });
    const wrong = await form({ sdp: OFFER, session: "[]" });
    expect(await errorOf(await offer(wrong))).toMatchObject({ status: 400, param: "session" });
    const json = { headers: { "content-type": "application/json" } };
    expect(await errorOf(await offer(json))).toMatchObject({ status: 415 });
  });

  test("needs a key that may use voice", async () => {
    expect((await offer({ key: null })).status).toBe(401);
    const { key } = await world.makeKey({ name: "mute", permissions: { canUseRealtimeAudio: false } });
    expect(await errorOf(await offer({ key }))).toMatchObject({ status: 403, code: "permission_denied" });
  });

  test("counts as a session of its key", async () => {
    for (let index = 0; index < 5; index += 1) await made();
    expect(await errorOf(await offer())).toMatchObject({ status: 429, code: "too_many_connections" });
    expect(provider.calls).toHaveLength(5);
  });

  test.each([
    [400, 400, "invalid_parameter"],
    [401, 502, "provider_error"],
    [429, 429, "rate_limit_exceeded"],
    [503, 502, "provider_error"],
  ])(
    "that the provider answers with %i is told as %i, and costs nothing",
    async (offerStatus, status, code) => {
      provider.offerStatus = offerStatus;
      const refused = await errorOf(await offer());
      expect(refused).toMatchObject({ status, code });
      expect(refused.message).not.toContain(PROVIDER_KEY);
      expect(await latest()).toMatchObject({ closeReason: "provider_refused", cost: 0, settled: true });
    },
  );

  test("that the provider does not answer in time is given up", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    provider.patience = promise;
    const pending = offer();
    await settled();
    await world.clock.advance(15_000);
    expect(await errorOf(await pending)).toMatchObject({ status: 504, code: "timeout" });
    expect(await latest()).toMatchObject({ closeReason: "provider_refused", settled: true });
    resolve();
  });

  test("whose call the provider does not name is refused, because nobody could meter it", async () => {
    for (const location of [() => null, () => "/v1/realtime/calls/a b"]) {
      provider.location = location;
      expect(await errorOf(await offer())).toMatchObject({ status: 502, code: "provider_error" });
    }
  });

  test("whose key ends meanwhile is hung up, and the client gets no answer", async () => {
    const { key, id } = await world.makeKey({ name: "short" });
    const { promise, resolve } = Promise.withResolvers<void>();
    provider.patience = promise;
    const pending = offer({ key });
    await settled();
    await endKey(id);
    resolve();
    expect((await pending).status).toBe(503);
    await settled();
    expect(provider.call.over).toBe(true);
  });
});

describe("a call", () => {
  test("is metered by its sideband and settled when the provider ends it", async () => {
    await made();
    provider.sideband.say({ type: "response.created", event_id: "e1", response: { id: "r1" } });
    provider.sideband.say(doneEvent("r1", 1_000));
    await world.clock.advance(5_000);
    expect(await latest()).toMatchObject({
      ended: null,
      usage: { audioInput: 1_000, audioOutput: 1_000, responses: 1 },
    });
    provider.sideband.close(1000);
    await settled();
    // 1,000 tokens heard at $32 and 1,000 spoken at $64 a million.
    expect(await latest()).toMatchObject({ closeReason: "provider_closed", cost: 0.096, settled: true });
    expect(provider.call.over).toBe(true);
  });

  test("is settled at its end though the media store does not take its transcript", async () => {
    await world.close();
    await open({ CONDUITLLM__REALTIME__KEEPTRANSCRIPTS: "true" });
    const stored = Promise.withResolvers<void>();
    const { put } = world.media;
    world.media.put = async (...given) => {
      await stored.promise;
      return put.apply(world.media, given);
    };
    await made();
    provider.sideband.say({ type: "response.created", event_id: "e1", response: { id: "r1" } });
    provider.sideband.say({
      type: "response.output_audio_transcript.done",
      item_id: "a",
      transcript: "Hello.",
    });
    provider.sideband.close(1000);
    await settled();
    expect(await latest()).toMatchObject({ closeReason: "provider_closed", settled: true });
    stored.resolve();
  });

  test("is hung up by its client, once, and by nobody else", async () => {
    const path = await made();
    const { key } = await world.makeKey({ name: "another" });
    expect((await world.send("POST", `${path}/hangup`, { key })).status).toBe(404);
    expect(provider.call.over).toBe(false);
    for (let round = 0; round < 2; round += 1) {
      expect((await world.send("POST", `${path}/hangup`)).status).toBe(200);
      await settled();
    }
    expect(provider.call.over).toBe(true);
    expect(await latest()).toMatchObject({ closeReason: "terminated", settled: true });
    for (const id of ["rtc_u1", "x", `rtc_${"0".repeat(36)}`])
      expect((await world.send("POST", `${CALLS}/${id}/hangup`)).status).toBe(404);
  });

  test("is hung up when its longest duration is over, when it is ended from the list, and when the key ends", async () => {
    await made();
    await world.clock.advance(1_800_000);
    expect([provider.call.over, (await latest()).closeReason]).toEqual([true, "session_expired"]);
    await made();
    await world.send("DELETE", `/v1/realtime/connections/${(await latest()).id}`);
    await settled();
    expect([provider.call.over, (await latest()).closeReason]).toEqual([true, "terminated"]);
    const { key, id } = await world.makeKey({ name: "short" });
    await made({ key });
    await endKey(id);
    await settled();
    expect(provider.call.over).toBe(true);
  });

  test("is hung up when its budget is used up, and no further response is free", async () => {
    const { key } = await world.makeKey({ name: "poor", budgets: [{ limit: 0.5 }] });
    await made({ key });
    for (let turn = 1; !provider.call.over && turn < 20; turn += 1) {
      provider.sideband.say({ type: "response.created", event_id: `e${turn}`, response: { id: `r${turn}` } });
      provider.sideband.say(doneEvent(`r${turn}`, 1_000));
      await settled();
    }
    expect(provider.call.over).toBe(true);
    const [session] = await sessions(key);
    expect(session).toMatchObject({ closeReason: "budget_exceeded", settled: true });
    expect(session?.cost).toBeLessThanOrEqual(0.5);
  });

  test("is hung up when its sideband is refused for ten seconds", async () => {
    provider.sidebandStatus = 503;
    await made();
    await world.clock.advance(9_000);
    expect(provider.call.over).toBe(false);
    expect(provider.call.sidebands.length).toBeGreaterThan(3);
    await world.clock.advance(1_000);
    expect([provider.call.over, (await latest()).closeReason]).toEqual([true, "unmetered"]);
  });

  test("goes on when its sideband comes late, also where the provider knew of no call at first", async () => {
    provider.sidebandStatus = 404;
    await made();
    await world.clock.advance(5_000);
    provider.sidebandStatus = null;
    await world.clock.advance(20_000);
    expect(provider.call.over).toBe(false);
    provider.sideband.say(doneEvent("r1", 10));
    await world.clock.advance(5_000);
    expect((await latest()).usage).toMatchObject({ audioInput: 10 });
  });

  test("is hung up when its sideband never answers", async () => {
    provider.waitsWithSideband = true;
    await made();
    await world.clock.advance(10_000);
    expect([provider.call.over, (await latest()).closeReason]).toEqual([true, "unmetered"]);
  });

  test("is joined again when its sideband drops, and goes on counting", async () => {
    await made();
    provider.sideband.say(doneEvent("r1", 10));
    provider.sideband.close(1006);
    await world.clock.advance(250);
    expect(provider.call.sidebands).toHaveLength(2);
    provider.sideband.say(doneEvent("r2", 10));
    await world.clock.advance(30_000);
    expect(provider.call.over).toBe(false);
    expect((await latest()).usage).toMatchObject({ audioInput: 20 });
  });

  test("is over when the provider knows it no more after its sideband dropped", async () => {
    await made();
    provider.call.over = true;
    provider.sideband.close(1006);
    await world.clock.advance(250);
    expect(await latest()).toMatchObject({ closeReason: "provider_closed", settled: true });
  });

  test("is metered until the provider has hung up, which is tried again", async () => {
    const path = await made();
    provider.hangUpStatus = 500;
    await world.send("POST", `${path}/hangup`);
    await settled();
    expect((await latest()).ended).toBeNull();
    provider.sideband.say(doneEvent("r1", 1_000));
    provider.hangUpStatus = null;
    await world.clock.advance(500);
    expect(provider.call.over).toBe(true);
    expect(await latest()).toMatchObject({ closeReason: "terminated", cost: 0.096, settled: true });
  });

  test("that the provider never hangs up is left to whoever finds it, and settled once it is over", async () => {
    const path = await made();
    provider.sideband.say(doneEvent("r1", 1_000));
    provider.hangUpStatus = 500;
    await world.send("POST", `${path}/hangup`);
    await world.clock.advance(180_000);
    expect(await latest()).toMatchObject({ closeReason: "lost", settled: false });
    provider.hangUpStatus = null;
    await world.clock.advance(120_000);
    expect(provider.call.over).toBe(true);
    expect(await latest()).toMatchObject({ closeReason: "lost", cost: 0.096, settled: true });
  });

  test("is hung up before the process ends", async () => {
    await made();
    const stopped = world.gateway.stop();
    await settled();
    expect(provider.call.over).toBe(true);
    await world.clock.advance(5_000);
    await stopped;
    expect(await latest()).toMatchObject({ closeReason: "shutdown", settled: true });
  });
});

describe("a client's own socket beside its call", () => {
  const events: RealtimeEvent[] = [];
  let closed: { code: number; reason: string } | null;

  async function join(path: string, key = BOOTSTRAP_KEY): Promise<Response> {
    events.length = 0;
    closed = null;
    joined = null;
    const id = path.split("/").pop();
    const response = await world.send("GET", `/v1/realtime?call_id=${id}`, {
      key,
      headers: { upgrade: "websocket", connection: "upgrade" },
    });
    const handler = joinedHandler();
    handler?.opened({
      topics: null,
      send: (frame) => {
        if (joined === handler) events.push(JSON.parse(frame as string));
      },
      bufferedBytes: () => 0,
      close: (code, reason) => {
        if (joined === handler) closed ??= { code, reason };
      },
    });
    return response;
  }
  const joinedHandler = () => joined;

  test("hears the provider and steers the call, and leaves it alone when it goes", async () => {
    const path = await made();
    await join(path);
    expect(events[0]).toMatchObject({ type: "session.created", session: { model: MODEL } });
    joinedHandler()?.received(
      JSON.stringify({ type: "session.update", session: { model: "other", instructions: "Sing." } }),
    );
    expect(provider.sideband.messages).toEqual([
      { type: "session.update", session: { instructions: "Sing." } },
    ]);
    provider.sideband.say(doneEvent("r1", 10));
    expect(events.map(({ type }) => type)).toEqual(["session.created", "response.done", "conduit.usage"]);
    joinedHandler()?.received("no event");
    expect(events.at(-1)).toMatchObject({ type: "error", error: { code: "invalid_event" } });
    joinedHandler()?.received(JSON.stringify({ type: "conduit.ping", event_id: "mine" }));
    expect(events.at(-1)).toMatchObject({ type: "conduit.pong", ping_event_id: "mine" });
    expect(provider.sideband.messages).toHaveLength(1);
    joinedHandler()?.closed();
    provider.sideband.say(doneEvent("r2", 10));
    expect(events).toHaveLength(5);
    await world.clock.advance(60_000);
    expect(provider.call.over).toBe(false);
  });

  test("is told why its call ends, and another one takes its place", async () => {
    const path = await made();
    await join(path);
    const first = joinedHandler();
    await join(path);
    expect(events.map(({ type }) => type)).toEqual(["session.created"]);
    first?.received(JSON.stringify({ type: "response.create" }));
    expect(provider.sideband.received).toEqual([]);
    await world.clock.advance(1_800_000);
    expect(events.at(-1)).toMatchObject({ type: "error", error: { code: "session_expired" } });
    expect(closed).toMatchObject({ code: 1001 });
  });

  test("that floods is closed, and the call goes on", async () => {
    const path = await made();
    await join(path);
    const clear = JSON.stringify({ type: "input_audio_buffer.clear" });
    for (let index = 0; index < 1_001; index += 1) joinedHandler()?.received(clear);
    expect(closed).toMatchObject({ code: 1008 });
    expect(provider.call.over).toBe(false);
  });

  test("is refused for a call of another tenant, and for one that has ended", async () => {
    const path = await made();
    const { key } = await world.makeKey({ name: "another" });
    expect((await join(path, key)).status).toBe(404);
    await world.send("POST", `${path}/hangup`);
    await settled();
    expect((await join(path)).status).toBe(404);
    expect(joinedHandler()).toBeNull();
  });
});
