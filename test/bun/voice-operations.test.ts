/** What operators and owners see of voice sessions: health, metrics, the log and the record of each. */

import { expect, test } from "vitest";
import { ADMIN_KEY } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { type VoiceHouse, voiceHouse } from "../fixture/voice/voice-house.ts";
import { pcmFrame } from "../fixture/voice/voice-world.ts";

const MODEL = "?model=openai/gpt-realtime";

/** A turn of the user's, and an answer that begins `waitMs` after it. */
async function turn(house: VoiceHouse, id: string, waitMs: number, status = "completed"): Promise<void> {
  const { upstream, clock } = house;
  upstream.say({ type: "input_audio_buffer.speech_started", event_id: "e", audio_start_ms: 0, item_id: "u" });
  await clock.advance(2_000);
  upstream.say({ type: "input_audio_buffer.speech_stopped", event_id: "e", audio_end_ms: 9, item_id: "u" });
  upstream.say({ type: "response.created", event_id: "e", response: { id } });
  await clock.advance(waitMs);
  upstream.sayText(
    `{"type":"response.output_audio.delta","event_id":"e","response_id":"${id}","item_id":"i","output_index":0,"content_index":0,"delta":"${pcmFrame()}"}`,
  );
  const details = { type: "cancelled", reason: "turn_detected" };
  upstream.say({
    type: "response.done",
    event_id: "e",
    response: {
      id,
      status,
      ...(status === "cancelled" && { status_details: details }),
      usage: {
        total_tokens: 30,
        input_tokens: 20,
        output_tokens: 10,
        input_token_details: { text_tokens: 5, audio_tokens: 15 },
        output_token_details: { text_tokens: 2, audio_tokens: 8 },
      },
    },
  });
}

async function health(house: VoiceHouse): Promise<Record<string, unknown>> {
  const answer = await house.send("GET", "/health", { key: ADMIN_KEY });
  return ((await answer.json()) as { parts: { realtime: Record<string, unknown> } }).parts.realtime;
}

async function metrics(house: VoiceHouse): Promise<string> {
  return (await house.send("GET", "/metrics", { key: ADMIN_KEY })).text();
}

test("a session's record says how the conversation went", async () => {
  const house = await voiceHouse();
  const client = await house.connect(MODEL);
  house.upstream.accept();
  await turn(house, "r1", 400);
  await turn(house, "r2", 900, "cancelled");
  await turn(house, "r3", 500);
  client.leave();
  await settled();
  const answer = await house.send("GET", "/v1/realtime/sessions");
  const { data } = (await answer.json()) as { data: unknown[] };
  expect(data).toMatchObject([
    {
      id: client.sessionId,
      closeReason: "client_closed",
      analytics: {
        timeToFirstAudioMs: { first: 400, median: 500 },
        turns: 3,
        responses: 3,
        interruptions: 1,
        talkedSeconds: { user: 6, assistant: 0.06 },
      },
    },
  ]);
  await house.close();
});

test("a response that the client asks for is waited for from then on", async () => {
  const house = await voiceHouse();
  const client = await house.connect(MODEL);
  house.upstream.accept();
  client.send({ type: "response.create" });
  await house.clock.advance(250);
  house.upstream.say({ type: "response.created", event_id: "e", response: { id: "r" } });
  await house.clock.advance(50);
  house.upstream.sayText('{"type":"response.output_audio.delta","delta":"AAAA"}');
  client.leave();
  await settled();
  const answer = await house.send("GET", "/v1/realtime/sessions");
  const { data } = (await answer.json()) as { data: { analytics: unknown }[] };
  expect(data[0]?.analytics).toMatchObject({ timeToFirstAudioMs: { first: 300, median: 300 }, turns: 0 });
  await house.close();
});

test("health says how many sessions are open, and how each provider answered last, without asking it", async () => {
  const house = await voiceHouse();
  expect(await health(house)).toEqual({ status: "ok", openSessions: 0, offered: "local, openai" });
  const client = await house.connect(MODEL);
  house.upstream.accept();
  expect(await health(house)).toMatchObject({ status: "ok", openSessions: 1, openai: "connected" });
  client.leave();
  await house.connect(MODEL);
  house.upstream.refuse(401);
  await house.clock.advance(3_000);
  expect(await health(house)).toMatchObject({
    status: "degraded",
    openSessions: 0,
    openai: "unauthorized",
    detail: "the last voice session of these providers was not connected: openai (unauthorized, 3 s ago)",
  });
  expect(house.upstreams).toHaveLength(2);
  await house.close();
});

test("metrics count open sessions and what they use, while they last and afterwards", async () => {
  const house = await voiceHouse();
  const client = await house.connect(MODEL);
  house.upstream.accept();
  await turn(house, "r1", 400);
  const during = await metrics(house);
  expect(during).toContain('conduit_realtime_sessions{provider="openai"} 1');
  expect(during).toContain('conduit_realtime_tokens_total{provider="openai",kind="audio_output"} 8');
  client.send({ type: "response.cancel" });
  client.leave();
  await settled();
  const after = await metrics(house);
  expect(after).toContain('conduit_realtime_sessions{provider="openai"} 0');
  expect(after).toContain(
    'conduit_realtime_sessions_opened_total{provider="openai",intent="conversation"} 1',
  );
  expect(after).toContain('conduit_realtime_tokens_total{provider="openai",kind="audio_output"} 8');
  expect(after).toContain('conduit_realtime_tokens_total{provider="openai",kind="text_input"} 5');
  expect(after).toContain('conduit_realtime_audio_seconds_total{provider="openai",direction="out"} 0.02');
  expect(after).toContain('conduit_realtime_messages_total{provider="openai",direction="in"} 1');
  expect(after).toMatch(/conduit_realtime_bytes_total\{provider="openai",direction="out"\} \d{3}/);
  expect(after).toContain(
    'conduit_realtime_session_seconds_count{provider="openai",reason="client_closed"} 1',
  );
  expect(after).toContain('conduit_realtime_first_audio_seconds_sum{provider="openai"} 0.4');
  await house.close();
});

test("metrics count refused connects and what clients were told", async () => {
  const house = await voiceHouse();
  await house.connect(MODEL);
  house.upstream.refuse(401);
  await settled();
  const text = await metrics(house);
  expect(text).toContain(
    'conduit_realtime_connect_failures_total{provider="openai",outcome="unauthorized"} 1',
  );
  expect(text).toContain('conduit_realtime_errors_total{provider="openai",code="authentication_failed"} 1');
  await house.close();
});

test("the log has the life of a session, and its messages only at the level debug, by type and size", async () => {
  for (const level of ["info", "debug"]) {
    const house = await voiceHouse({ env: { CONDUITLLM__LOGGING__LEVEL: level } });
    const client = await house.connect(MODEL);
    house.upstream.accept();
    client.send({ type: "input_audio_buffer.append", audio: pcmFrame() });
    client.leave();
    await settled();
    const messages = house.log.map(({ message }) => message);
    expect(messages).toEqual(
      expect.arrayContaining(["voice session opened", "voice session connected", "voice session ended"]),
    );
    const traffic = house.log.filter(({ message }) => message === "voice message");
    const sent = { from: "client", type: "input_audio_buffer.append", bytes: expect.any(Number) };
    expect(traffic.map(({ fields }) => fields.from)).toEqual(level === "debug" ? ["gateway", "client"] : []);
    if (level === "debug") expect(traffic[1]?.fields).toEqual({ ...sent, sessionId: client.sessionId });
    expect(JSON.stringify(house.log)).not.toContain(pcmFrame().slice(0, 40));
    expect(JSON.stringify(house.log)).not.toContain("sk-of-the-gateway");
    await house.close();
  }
});
