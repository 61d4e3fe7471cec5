/** The mocks for voice: a page's conversation without a gateway, on a clock that stands still. */

import { describe, expect, test } from "vitest";
import {
  MockRealtimeSocket,
  MockRealtimeVoice,
  type MockVoiceOptions,
} from "../../../src/client/testing/index.ts";
import type { RealtimeVoice } from "../../../src/client/voice/index.ts";
import type { RealtimeEvent } from "../../../src/protocol/realtime.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";

async function talking(options: MockVoiceOptions = {}) {
  const clock = new ManualClock();
  const voice = new MockRealtimeVoice({ clock, ...options });
  const seen: string[] = [];
  voice.on("turn", ({ state }) => seen.push(state));
  voice.on("transcript", ({ role, text, isFinal }) => isFinal && seen.push(`${role}: ${text}`));
  voice.on("interrupted", ({ heardMs }) => seen.push(`interrupted after ${heardMs} ms`));
  const connected = voice.connect();
  await settled();
  await clock.advance(0);
  await connected;
  return { clock, voice, seen };
}

describe("the mock of a voice session", () => {
  test("hears the user and answers, turn by turn", async () => {
    const { clock, voice, seen } = await talking();
    voice.script({ text: "Good day to you.", audioMs: 800 });
    voice.userSays("hello");
    await clock.advance(2_000);
    expect(seen).toEqual([
      "listening",
      "idle",
      "user: hello",
      "thinking",
      "speaking",
      "assistant: Good day to you.",
      "idle",
    ]);
    await voice.disconnect();
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("is interrupted by its user in the middle of an answer, and says what was heard of it", async () => {
    const { clock, voice, seen } = await talking();
    voice.script({ text: "one two three four", audioMs: 4_000 }, { text: "Yes?" });
    voice.userSays("count");
    await clock.advance(600);
    voice.userSays("stop");
    await clock.advance(2_000);
    expect(seen).toContain("interrupted after 500 ms");
    expect(seen.at(-2)).toBe("assistant: Yes?");
    expect(seen).not.toContain("assistant: one two three four");
  });

  test("takes push to talk, tools and reconnects as the real one does", async () => {
    const { clock, voice } = await talking({ pushToTalk: true });
    const calls: string[] = [];
    voice.on("toolCall", ({ name, callId, arguments: given }) => {
      calls.push(`${name} ${given}`);
      voice.sendToolResult(callId, "sunny");
    });
    voice.script({ toolCall: { name: "weather", arguments: '{"city":"Bonn"}' } }, { text: "Sunny." });
    voice.startTalking();
    voice.hears(400);
    voice.stopTalking();
    await clock.advance(1_000);
    expect(calls).toEqual(['weather {"city":"Bonn"}']);
    expect(voice.socket.sent.filter(({ type }) => type === "input_audio_buffer.append")).toHaveLength(20);
    const first = voice.socket;
    first.drop(1006);
    await clock.advance(2_000);
    expect(voice.socket).not.toBe(first);
    expect(voice.isConnected).toBe(true);
  });

  test("is of the real one's type", () => {
    const page = (voice: RealtimeVoice) => voice.isMuted;
    expect(page(new MockRealtimeVoice({ clock: new ManualClock() }))).toBe(false);
  });
});

describe("the mock of a realtime socket", () => {
  function opened(url = "wss://mock.test/v1/realtime?model=local/echo") {
    const clock = new ManualClock();
    const socket = new MockRealtimeSocket(url, ["realtime", "conduit-key.ek_a"], { clock });
    const heard: RealtimeEvent[] = [];
    socket.onmessage = ({ data }) => void heard.push(JSON.parse(data));
    return { clock, socket, heard, types: () => heard.map(({ type }) => type) };
  }

  test("stands in the place of a WebSocket", async () => {
    const page = (
      socket: Pick<WebSocket, "send" | "close" | "readyState" | "url" | "protocol" | "onclose">,
    ) => socket.protocol;
    const { clock, socket, heard } = opened();
    expect(page(socket)).toBe("realtime");
    expect(() => socket.send("{}")).toThrow("not open");
    const opens: string[] = [];
    socket.addEventListener("open", () => opens.push("open"));
    socket.addEventListener("close", (event) => opens.push(`${(event as CloseEvent).code}`));
    await clock.advance(0);
    expect(heard[0]).toMatchObject({ type: "session.created", session: { model: "local/echo" } });
    socket.close(1000, "done");
    socket.send("{}");
    await clock.advance(0);
    expect([opens, socket.readyState]).toEqual([["open", "1000"], 3]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("answers text with text, cancels, and tells what it does not know", async () => {
    const { clock, socket, heard, types } = opened();
    await clock.advance(0);
    const send = async (event: object) => {
      socket.send(JSON.stringify(event));
      await clock.advance(0);
    };
    await send({ type: "session.update", session: { output_modalities: ["text"] } });
    await send({ type: "response.cancel", event_id: "mine" });
    expect(heard.at(-1)).toMatchObject({
      type: "error",
      error: { code: "response_cancel_not_active", event_id: "mine" },
    });
    socket.script({ text: "Hello there." });
    await send({ type: "response.create" });
    await send({ type: "response.create" });
    expect(heard.at(-1)).toMatchObject({ error: { code: "conversation_already_has_active_response" } });
    await clock.advance(100);
    expect(types().slice(-5)).toEqual([
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.done",
      "response.output_item.done",
      "response.done",
    ]);
    socket.send("no JSON");
    await clock.advance(0);
    expect(heard.at(-1)).toMatchObject({ error: { code: "invalid_event" } });
  });
});
