/** Sessions whose provider meters nothing in its events: settled by what it says that it bills, once it says so. */

import { expect, test } from "vitest";
import type { Json } from "../../src/protocol/task.ts";
import type { Session } from "../../src/realtime/session-store.ts";
import { elevenLabsBills, ultravoxBills } from "../../src/realtime/translators/bill-dialects.ts";
import { type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { NO_JOURNAL } from "../fixture/voice/no-journal.ts";
import { VoiceClient } from "../fixture/voice/voice-house.ts";
import { FakeUpstream } from "../fixture/voice/voice-world.ts";

const CALL = { callId: "call-1", joinUrl: "wss://ultravox.example/join/call-1" };

type House = GatewayWorld & {
  readonly asked: string[];
  /** What the provider's record of the call is by now; null: there is no answer. */
  record: Json;
  /** Opens a session, and has the provider name it. */
  talk(): Promise<VoiceClient>;
};

async function house(): Promise<House> {
  const upstreams: FakeUpstream[] = [];
  const asked: string[] = [];
  let client: VoiceClient | null = null;
  const world = await gatewayWorld({
    env: { ULTRAVOX_API_KEY: "uv-1" },
    voice: {
      journal: NO_JOURNAL,
      dialer: { dial: (request, handler) => void upstreams.push(new FakeUpstream(request, handler)) },
      fetch: async (url, { method = "GET", headers }) => {
        asked.push(`${method} ${url} ${new Headers(headers).get("x-api-key")}`);
        if (method === "POST") return Response.json(CALL, { status: 201 });
        if (made.record === null) throw new Error("away");
        return Response.json(made.record);
      },
    },
    sockets: {
      upgrade: (_request, handler) => {
        client = new VoiceClient(handler);
        return new Response(null);
      },
    },
  });
  const made: House = {
    ...world,
    asked,
    record: { billedDuration: null },
    async talk() {
      await world.send("GET", "/v1/realtime?model=ultravox/ultravox-v0.7", {
        headers: { connection: "upgrade", upgrade: "websocket" },
      });
      if (client === null) throw new Error("no session");
      client.send({ type: "session.update", session: {} });
      await settled();
      const upstream = upstreams.at(-1);
      upstream?.accept();
      upstream?.say({ type: "call_started", callId: "call-1" });
      return client;
    },
  };
  return made;
}

async function recordOf({ store }: House, { sessionId }: VoiceClient): Promise<Session> {
  const session = await store.findSession(sessionId);
  if (session === null) throw new Error("no record");
  return session;
}

test("a session is charged by what its provider bills, which it is asked for until it knows", async () => {
  const world = await house();
  const client = await world.talk();
  await world.clock.advance(60_000);
  client.leave();
  await settled();
  // It has ended, and takes no place.
  expect(await recordOf(world, client)).toMatchObject({ closeReason: "client_closed", settled: false });
  world.record = { billedDuration: "0s", billingStatus: "BILLING_STATUS_PENDING" };
  await world.clock.advance(2_000);
  await settled();
  expect(await recordOf(world, client)).toMatchObject({ settled: false });
  world.record = { billedDuration: "30s", billingStatus: "BILLING_STATUS_BILLED" };
  await world.clock.advance(5_000);
  await settled();
  // Half a minute at 5 cents.
  expect(await recordOf(world, client)).toMatchObject({
    settled: true,
    chargedMicros: 25_000,
    counters: { billedMs: 30_000, sessionMs: 60_000 },
  });
  expect(world.asked.slice(1)).toEqual([
    "GET https://api.ultravox.ai/api/calls/call-1 uv-1",
    "GET https://api.ultravox.ai/api/calls/call-1 uv-1",
  ]);
  await world.close();
});

test("a provider that does not say is paid by the gateway's own clock", async () => {
  const world = await house();
  const client = await world.talk();
  world.record = null;
  await world.clock.advance(60_000);
  client.leave();
  await settled();
  for (let second = 0; second < 50; second += 1) {
    await world.clock.advance(1_000);
    await settled();
  }
  expect(await recordOf(world, client)).toMatchObject({ settled: true, chargedMicros: 50_000 });
  await world.close();
});

test("a process that stops waits for nobody's bill", async () => {
  const world = await house();
  const client = await world.talk();
  await world.clock.advance(60_000);
  client.leave();
  await settled();
  await world.gateway.stop();
  expect(await recordOf(world, client)).toMatchObject({ settled: true, chargedMicros: 50_000 });
});

test("records are read with care", () => {
  const of = (record: Json) => [elevenLabsBills.billedMsOf(record), ultravoxBills.billedMsOf(record)];
  expect(of({ status: "done", metadata: { call_duration_secs: 12 } })).toEqual([12_000, null]);
  expect(of({ status: "processing", metadata: { call_duration_secs: 12 } })).toEqual([null, null]);
  expect(of({ status: "done", metadata: null })).toEqual([null, null]);
  expect(of({ billedDuration: "12.5s" })).toEqual([null, 12_500]);
  expect(of({ billedDuration: "-1s" })).toEqual([null, null]);
  expect(of([])).toEqual([null, null]);
  const endpoint = {
    baseUrl: "wss://api.elevenlabs.io/v1/convai/conversation",
    key: "k",
    headers: {},
    protocols: [],
  };
  expect(elevenLabsBills.request(endpoint, "conv_1")).toEqual({
    url: "https://api.elevenlabs.io/v1/convai/conversations/conv_1",
    headers: { "xi-api-key": "k" },
  });
});
