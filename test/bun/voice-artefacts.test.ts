/** What is kept of voice sessions: off by default, in the media store, and for the key that a session is of. */

import { expect, test } from "vitest";
import type { WireTranscript, WireVoiceSessionDetail } from "../../src/protocol/voice-session.ts";
import { RetentionSweep } from "../../src/tasks/engine/retention.ts";
import { ADMIN_KEY } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { recordingLog } from "../fixture/recording-log.ts";
import { type VoiceHouse, voiceHouse } from "../fixture/voice/voice-house.ts";
import { pcmFrame } from "../fixture/voice/voice-world.ts";

const BOTH = { CONDUITLLM__REALTIME__KEEPTRANSCRIPTS: "true", CONDUITLLM__REALTIME__KEEPRECORDINGS: "true" };
const DAY_MS = 86_400_000;
const HELLO = {
  type: "conversation.item.create",
  item: { type: "message", role: "user", content: [{ type: "input_text", text: "Hello" }] },
};

/** A session in which something was said; answers its id. */
async function talk(house: VoiceHouse, key?: string): Promise<string> {
  const client = await house.connect("?model=openai/gpt-realtime", key);
  house.upstream.accept();
  client.send(HELLO);
  await house.clock.advance(20);
  client.send({ type: "input_audio_buffer.append", audio: pcmFrame() });
  house.upstream.say({ type: "response.created", response: { id: "r" } });
  house.upstream.say({ type: "response.output_audio.delta", response_id: "r", delta: pcmFrame() });
  house.upstream.say({
    type: "response.output_audio_transcript.done",
    item_id: "a",
    transcript: "Good day.",
  });
  await house.clock.advance(1_000);
  client.leave();
  await settled();
  return client.sessionId;
}

const path = (id: string, what = "") => `/v1/realtime/sessions/${id}${what}`;

test("nothing is kept where nobody asked for it", async () => {
  const house = await voiceHouse();
  const id = await talk(house);
  const answer = await house.send("GET", path(id));
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await answer.json()).toMatchObject({
    id,
    transcript: null,
    recording: null,
    closeReason: "client_closed",
  });
  expect((await house.send("GET", path(id, "/transcript"))).status).toBe(404);
  expect((await house.send("GET", path(id, "/recording"))).status).toBe(404);
  expect(house.media.files.size).toBe(0);
  await house.close();
});

test("the key of a session reads its transcript and its sound, and removes them", async () => {
  const house = await voiceHouse({ env: BOTH });
  const id = await talk(house);
  const session = (await (await house.send("GET", path(`sess_${id}`))).json()) as WireVoiceSessionDetail;
  expect(session).toMatchObject({ transcript: path(id, "/transcript"), recording: path(id, "/recording") });
  const transcript = (await (await house.send("GET", session.transcript ?? "")).json()) as WireTranscript;
  expect(transcript).toMatchObject({ sessionId: id, model: "openai/gpt-realtime", complete: true });
  expect(transcript.ended).not.toBeNull();
  expect(transcript.entries.map(({ role, text }) => [role, text])).toEqual([
    ["user", "Hello"],
    ["assistant", "Good day."],
  ]);
  const sound = await house.send("GET", session.recording ?? "");
  expect(sound.headers.get("content-type")).toBe("audio/wav");
  const bytes = await sound.bytes();
  expect(String(bytes.length)).toBe(sound.headers.get("content-length"));
  expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe("RIFF");
  // 40 ms of two channels of 24 kHz: the user's 20, and the provider's 20 behind them.
  expect(bytes.length).toBe(60 + 40 * 24 * 4);
  expect(await (await house.send("DELETE", path(id, "/artefacts"))).json()).toEqual({ id, removed: 2 });
  expect((await house.send("GET", session.transcript ?? "")).status).toBe(404);
  expect(house.media.files.size).toBe(0);
  await house.close();
});

test("nobody else finds them: not another key, not another subject, not the admin key, not by a path that is told", async () => {
  const house = await voiceHouse({ env: BOTH });
  const minted = async (subject: string) => {
    const answer = await house.send("POST", "/v1/auth/ephemeral-keys", { body: { subject } });
    return ((await answer.json()) as { key: string }).key;
  };
  const ann = await minted("ann");
  const id = await talk(house, ann);
  const other = await house.makeKey({ name: "other", permissions: { canUseRealtimeAudio: true } });
  for (const key of [other.key, await minted("bob")])
    for (const what of ["", "/transcript", "/recording"])
      expect((await house.send("GET", path(id, what), { key })).status).toBe(404);
  expect((await house.send("DELETE", path(id, "/artefacts"), { key: other.key })).status).toBe(404);
  expect((await house.send("GET", path(id, "/transcript"), { key: ADMIN_KEY })).status).not.toBe(200);
  const told = await (await house.send("GET", path(id, "/transcript"), { key: ann })).text();
  for (const file of house.media.files.keys()) expect(told).not.toContain(file);
  // The key that the ephemeral one was made with sees all of its subjects.
  expect((await house.send("GET", path(id, "/transcript"))).status).toBe(200);
  await house.close();
});

/** Its pauses take no time. */
function atOnce(_ms: number, callback: () => void): { cancel(): void } {
  queueMicrotask(callback);
  return { cancel: () => {} };
}

test("they go with the media of their day, a day after the others", async () => {
  const house = await voiceHouse({ env: BOTH });
  const id = await talk(house);
  const retention = { tasksMs: 30 * DAY_MS, eventsMs: DAY_MS, mediaMs: 2 * DAY_MS, ledgerMs: 30 * DAY_MS };
  const sweepAfter = (days: number) => {
    const { store, media, clock } = house;
    const then = {
      now: () => clock.now() + days * DAY_MS,
      monotonic: () => 0,
      after: atOnce,
    };
    return new RetentionSweep(
      { store, media, clock: then, log: recordingLog() },
      { ...retention, everyMs: 1 },
    ).sweep();
  };
  await sweepAfter(3);
  expect((await house.send("GET", path(id, "/transcript"))).status).toBe(200);
  await sweepAfter(4);
  expect((await house.send("GET", path(id, "/transcript"))).status).toBe(404);
  expect((await house.send("GET", path(id))).status).toBe(200);
  await house.close();
});
