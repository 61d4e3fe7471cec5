/** A conversation from a page: turns, what is played and cut off, push to talk. On sockets and devices of the test. */

import { describe, expect, test } from "vitest";
import { RealtimeVoice } from "../../../../src/client/voice/realtime-voice.ts";
import { MicrophoneError } from "../../../../src/client/voice/voice-errors.ts";
import { settled } from "../../../fixture/manual-clock.ts";
import { VoicePage } from "../../../fixture/voice/voice-page.ts";

const STARTED = { type: "input_audio_buffer.speech_started", audio_start_ms: 0, item_id: "user_1" };
const STOPPED = { type: "input_audio_buffer.speech_stopped", audio_end_ms: 0, item_id: "user_1" };
const FORMAT = { type: "audio/pcm", rate: 24_000 };

describe("connecting", () => {
  test("opens the microphone, then a socket whose key is a subprotocol, and asks for its formats", async () => {
    const page = new VoicePage({
      session: { instructions: "Be brief.", audio: { output: { voice: "cedar" } } },
    });
    const done = page.voice.connect();
    await settled();
    expect(page.voice.isConnected).toBe(false);
    expect(page.socket.url).toBe("wss://gateway.test/v1/realtime?model=local%2Fecho");
    expect(page.socket.protocols).toEqual(["realtime", "conduit-key.ek_a"]);
    page.socket.open();
    await done;
    expect(page.voice.isConnected).toBe(true);
    expect(page.told).toEqual([["connected", { transport: "websocket" }]]);
    expect(page.socket.sent).toEqual([
      {
        type: "session.update",
        session: {
          type: "realtime",
          instructions: "Be brief.",
          audio: { input: { format: FORMAT }, output: { voice: "cedar", format: FORMAT } },
        },
      },
    ]);
  });

  test("leaves the model to the gateway where none is named, and is the same connection when it is asked for twice", async () => {
    const page = new VoicePage({ model: undefined });
    const both = [page.voice.connect(), page.voice.connect()];
    await settled();
    page.socket.open();
    await Promise.all([...both, page.voice.connect()]);
    expect(page.sockets.map(({ url }) => url)).toEqual(["wss://gateway.test/v1/realtime"]);
  });

  test("rejects with what is wrong with the microphone, and opens no session", async () => {
    const page = new VoicePage();
    page.refusesMicrophone = new MicrophoneError("no", "denied");
    await expect(page.voice.connect()).rejects.toMatchObject({ name: "MicrophoneError", fault: "denied" });
    expect(page.sockets).toEqual([]);
    page.refusesMicrophone = null;
    await page.connected();
    expect(page.voice.isConnected).toBe(true);
  });

  test("rejects with what the gateway says, and lets the microphone go", async () => {
    const page = new VoicePage();
    const done = page.voice.connect();
    await settled();
    page.socket.say({
      type: "error",
      error: { code: "model_not_found", message: "There is no such model." },
    });
    page.socket.end(1008, "model_not_found");
    await expect(done).rejects.toMatchObject({
      name: "VoiceError",
      code: "model_not_found",
      closeCode: 1008,
      message: "There is no such model.",
    });
    expect(page.device.isClosed).toBe(true);
    expect(page.told).toEqual([]);
  });

  test("rejects where the gateway cannot be reached, or says nothing for 10 s", async () => {
    const page = new VoicePage();
    const refused = page.voice.connect();
    await settled();
    page.socket.end(1006);
    await expect(refused).rejects.toMatchObject({ name: "ConnectionError" });
    const silent = page.voice.connect();
    await settled();
    const outcome = expect(silent).rejects.toThrow("within 10000 ms");
    await page.clock.advance(10_000);
    await outcome;
    expect(page.socket.closedWith).not.toBeNull();
  });

  test("asks once for another key where the first is refused", async () => {
    const keys = ["ek_old", "ek_new"];
    const tokenProvider = async () => ({ value: keys.shift() ?? "", expires_at: 9_999_999_999 });
    const page = new VoicePage({ virtualKey: undefined, tokenProvider });
    const done = page.voice.connect();
    await settled();
    page.socket.say({ type: "error", error: { code: "expired_api_key", message: "It has expired." } });
    page.socket.end(1008);
    await settled();
    page.socket.open();
    await done;
    expect(page.sockets.map(({ protocols }) => protocols[1])).toEqual([
      "conduit-key.ek_old",
      "conduit-key.ek_new",
    ]);
  });

  test("is given up by disconnect, at any moment", async () => {
    const page = new VoicePage();
    const early = page.voice.connect();
    const outcome = expect(early).rejects.toThrow("ended by disconnect");
    await page.voice.disconnect();
    await outcome;
    const later = page.voice.connect();
    await settled();
    const second = expect(later).rejects.toThrow("ended by disconnect");
    await page.voice.disconnect();
    await second;
    expect(page.devices.every(({ isClosed }) => isClosed)).toBe(true);
    expect(page.clock.pendingTimers).toBe(0);
    expect(page.told).toEqual([]);
  });

  test.each([
    ["is there", true],
    ["is being opened", false],
  ])("while the session before is let go, which %s, is what counts", async (_, isOpen) => {
    const page = new VoicePage();
    const first = page.voice.connect();
    first.catch(() => {});
    await settled();
    if (isOpen) page.socket.open();
    await settled();
    const ended = page.voice.disconnect();
    const second = page.voice.connect();
    await ended;
    await settled();
    page.socket.open();
    await second;
    await page.voice.connect();
    expect(page.voice.isConnected).toBe(true);
    expect(page.sockets).toHaveLength(2);
    expect(page.devices.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    await page.voice.disconnect();
    expect(page.devices.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  test("needs a key", () => {
    expect(() => new RealtimeVoice({ baseUrl: "https://gateway.test" } as never)).toThrow("virtualKey");
  });
});

describe("a turn", () => {
  test("sends the microphone, plays the answer, and is told as it goes", async () => {
    const page = await new VoicePage().connected();
    page.speaks(2);
    expect(page.socket.types()).toEqual(["input_audio_buffer.append", "input_audio_buffer.append"]);
    page.socket.say(STARTED);
    page.socket.say(STOPPED);
    page.answers(400);
    page.socket.say({ type: "response.output_audio.done", item_id: "item_1" });
    page.done();
    expect(page.voice.turn).toBe("speaking");
    expect(page.device.endsOfSound).toBe(1);
    page.device.plays(400);
    expect(page.of("turn").map(({ state }) => state)).toEqual([
      "listening",
      "idle",
      "thinking",
      "speaking",
      "idle",
    ]);
  });

  test("goes on speaking where the answer runs dry before its end", async () => {
    const page = await new VoicePage().connected();
    page.answers(100);
    page.device.plays(100);
    expect(page.voice.turn).toBe("speaking");
    page.sound(100);
    page.done();
    page.device.plays(200);
    expect(page.of("turn").map(({ state }) => state)).toEqual(["thinking", "speaking", "idle"]);
  });

  test("tells transcripts of both as they grow, and once when they are final", async () => {
    const page = await new VoicePage().connected();
    const said = (item_id: string, fields: object) => ({ item_id, content_index: 0, ...fields });
    const user = "conversation.item.input_audio_transcription";
    const answer = "response.output_audio_transcript";
    page.socket.say({ type: `${user}.delta`, ...said("u", { delta: "Good " }) });
    page.socket.say({ type: `${user}.completed`, ...said("u", { transcript: "Good day" }) });
    page.socket.say({ type: `${answer}.delta`, ...said("a", { delta: "And to " }) });
    page.socket.say({ type: `${answer}.delta`, ...said("a", { delta: "you" }) });
    page.socket.say({ type: `${answer}.done`, ...said("a", { transcript: "And to you" }) });
    page.socket.say({ type: "response.output_text.done", ...said("t", { text: "In writing" }) });
    expect(page.of("transcript")).toEqual([
      { role: "user", itemId: "u", delta: "Good ", text: "Good ", isFinal: false },
      { role: "user", itemId: "u", delta: "day", text: "Good day", isFinal: true },
      { role: "assistant", itemId: "a", delta: "And to ", text: "And to ", isFinal: false },
      { role: "assistant", itemId: "a", delta: "you", text: "And to you", isFinal: false },
      { role: "assistant", itemId: "a", delta: "", text: "And to you", isFinal: true },
      { role: "assistant", itemId: "t", delta: "In writing", text: "In writing", isFinal: true },
    ]);
  });

  test("hands over calls of tools, and goes on with their results once the answer has ended", async () => {
    const page = await new VoicePage().connected();
    page.socket.say({ type: "response.created", response: { id: "resp_1" } });
    const item = { type: "function_call", name: "weather", call_id: "call_1", arguments: '{"city":"Rome"}' };
    page.socket.say({ type: "response.output_item.done", response_id: "resp_1", item });
    expect(page.of("toolCall")).toEqual([
      { name: "weather", callId: "call_1", arguments: '{"city":"Rome"}' },
    ]);
    page.voice.sendToolResult("call_1", "sunny");
    expect(page.socket.types()).toEqual(["conversation.item.create"]);
    page.done();
    expect(page.socket.types()).toEqual(["conversation.item.create", "response.create"]);
    page.voice.sendText("Thank you");
    expect(page.socket.sent.slice(2)).toEqual([
      {
        type: "conversation.item.create",
        item: { type: "message", role: "user", content: [{ type: "input_text", text: "Thank you" }] },
      },
      { type: "response.create" },
    ]);
  });

  test("tells errors, warnings and what it costs, and every event as it came", async () => {
    const page = await new VoicePage().connected();
    const types: string[] = [];
    page.voice.on("event", ({ type }) => types.push(type));
    page.socket.say({ type: "error", error: { code: "invalid_event", message: "No.", event_id: "mine" } });
    page.socket.say({ type: "conduit.warning", code: "context_restored", message: "Restored." });
    page.socket.say({ type: "conduit.usage", usage: { audioInput: 5 }, cost: 0.01, currency: "USD" });
    expect(page.of("error")[0]?.error).toMatchObject({ code: "invalid_event", eventId: "mine" });
    expect(page.of("warning")).toEqual([{ code: "context_restored", message: "Restored." }]);
    expect(page.of("usage")).toEqual([{ usage: { audioInput: 5 }, cost: 0.01 }]);
    expect(types).toEqual(["error", "conduit.warning", "conduit.usage"]);
    expect(page.voice.isConnected).toBe(true);
  });
});

describe("an interruption", () => {
  test("stops the sound at once and tells the session how much was heard of it", async () => {
    const page = await new VoicePage().connected();
    page.answers(400);
    page.device.plays(150);
    page.socket.say(STARTED);
    expect(page.socket.sent).toEqual([
      { type: "conversation.item.truncate", item_id: "item_1", content_index: 0, audio_end_ms: 150 },
    ]);
    expect(page.of("interrupted")).toEqual([{ itemId: "item_1", heardMs: 150 }]);
    expect([page.device.queuedMs, page.voice.turn]).toEqual([0, "listening"]);
    // What was under way already is not heard.
    page.sound(100);
    expect(page.device.queuedMs).toBe(0);
    page.done("resp_1", "cancelled");
    page.socket.say(STOPPED);
    page.answers(100, { response: "resp_2", item: "item_2" });
    expect(page.device.queuedMs).toBe(100);
  });

  test("also comes after an answer that is made and not yet heard", async () => {
    const page = await new VoicePage().connected();
    page.answers(400);
    page.done();
    page.device.plays(100);
    page.socket.say(STARTED);
    expect(page.of("interrupted")).toEqual([{ itemId: "item_1", heardMs: 100 }]);
  });

  test("is none when all was heard, and none by voice where the session says so", async () => {
    const page = await new VoicePage().connected();
    page.answers(100);
    page.done();
    page.device.plays(100);
    page.socket.say(STARTED);
    expect(page.socket.sent).toEqual([]);
    const input = { turn_detection: { type: "server_vad", interrupt_response: false } };
    const other = await new VoicePage({ session: { audio: { input } } }).connected();
    other.answers(100);
    other.socket.say(STARTED);
    expect([other.socket.sent, other.device.queuedMs]).toEqual([[], 100]);
  });

  test("by the page cancels the answer too", async () => {
    const page = await new VoicePage().connected();
    page.voice.interrupt();
    expect(page.socket.sent).toEqual([]);
    page.answers(400);
    page.device.plays(20);
    page.voice.interrupt();
    expect(page.socket.types()).toEqual(["response.cancel", "conversation.item.truncate"]);
  });
});

describe("push to talk", () => {
  test("sends the microphone between start and stop alone, and has it answered", async () => {
    const page = await new VoicePage({ pushToTalk: true }).connected();
    page.speaks(3);
    expect([page.socket.sent, page.device.isMuted]).toEqual([[], true]);
    page.voice.startTalking();
    page.voice.startTalking();
    expect([page.device.isMuted, page.voice.turn]).toEqual([false, "listening"]);
    page.speaks(5);
    page.voice.stopTalking();
    page.voice.stopTalking();
    page.speaks(2);
    expect([page.device.isMuted, page.voice.turn]).toEqual([true, "idle"]);
    expect(page.socket.types()).toEqual([
      "input_audio_buffer.clear",
      ...Array.from({ length: 5 }, () => "input_audio_buffer.append"),
      "input_audio_buffer.commit",
      "response.create",
    ]);
  });

  test("asks for a session without turn detection", async () => {
    const page = new VoicePage({ pushToTalk: true });
    const done = page.voice.connect();
    await settled();
    page.socket.open();
    await done;
    expect(page.socket.sent[0]).toMatchObject({ session: { audio: { input: { turn_detection: null } } } });
  });

  test("interrupts the answer that is heard, and takes a touch for none", async () => {
    const page = await new VoicePage({ pushToTalk: true }).connected();
    page.answers(400);
    page.device.plays(20);
    page.voice.startTalking();
    page.speaks(4);
    page.voice.stopTalking();
    expect(page.socket.types().filter((type) => !type.endsWith("append"))).toEqual([
      "response.cancel",
      "conversation.item.truncate",
      "input_audio_buffer.clear",
      "input_audio_buffer.clear",
    ]);
  });

  test("answers once the interrupted answer has ended", async () => {
    const page = await new VoicePage({ pushToTalk: true }).connected();
    page.answers(400);
    page.voice.startTalking();
    page.speaks(5);
    page.voice.stopTalking();
    expect(page.socket.types()).not.toContain("response.create");
    page.done("resp_1", "cancelled");
    expect(page.socket.types().at(-1)).toBe("response.create");
  });

  test("is refused where the session listens by itself", async () => {
    const page = await new VoicePage().connected();
    expect(() => page.voice.startTalking()).toThrow("pushToTalk");
  });
});

describe("the page's sound", () => {
  test("is muted by silence, and stays so through push to talk", async () => {
    const page = await new VoicePage({ pushToTalk: true }).connected();
    page.voice.mute();
    page.voice.startTalking();
    expect([page.device.isMuted, page.voice.isMuted]).toEqual([true, true]);
    page.voice.mute(false);
    expect(page.device.isMuted).toBe(false);
  });

  test("has its levels told, until the end", async () => {
    const page = await new VoicePage({ levelsEveryMs: 100 }).connected();
    await page.clock.advance(250);
    expect(page.of("levels")).toEqual([
      { input: 0.25, output: 0.5 },
      { input: 0.25, output: 0.5 },
    ]);
    await page.voice.disconnect();
    await page.clock.advance(1_000);
    expect(page.of("levels")).toHaveLength(2);
    expect(page.clock.pendingTimers).toBe(0);
  });

  test("is dropped, and said once, where the connection or the speaker cannot keep up", async () => {
    const page = await new VoicePage().connected();
    page.socket.bufferedAmount = 300_000;
    page.speaks(3);
    page.socket.bufferedAmount = 0;
    page.speaks(1);
    expect(page.socket.types()).toEqual(["input_audio_buffer.append"]);
    page.device.isFull = true;
    page.answers(100);
    page.sound(100);
    expect(page.of("warning").map(({ code }) => code)).toEqual(["uplink_slow", "playback_full"]);
  });

  test("that may not play yet is said", async () => {
    const page = new VoicePage();
    const done = page.voice.connect();
    await settled();
    page.device.isBlocked = true;
    page.socket.open();
    await done;
    expect(page.of("warning").map(({ code }) => code)).toEqual(["playback_blocked"]);
  });

  test("is told to be gone when the microphone is unplugged, and the session goes on", async () => {
    const page = await new VoicePage().connected();
    page.device.listener.lost(new MicrophoneError("unplugged", "lost"));
    expect(page.of("error")[0]?.error).toMatchObject({ fault: "lost" });
    expect(page.voice.isConnected).toBe(true);
  });
});
