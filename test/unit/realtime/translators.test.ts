import { describe, expect, test } from "vitest";
import type { RealtimeProvider, Translator, TranslatorContext } from "../../../src/realtime/translator.ts";
import { elevenLabsTranslator } from "../../../src/realtime/translators/elevenlabs.ts";
import { geminiTranslator } from "../../../src/realtime/translators/gemini.ts";
import { localEcho } from "../../../src/realtime/translators/local-echo.ts";
import { ultravoxTranslator } from "../../../src/realtime/translators/ultravox.ts";
import { settled } from "../../fixture/manual-clock.ts";
import { expectWhole, pcmBytes, pcmFrame, VoiceWorld } from "../../fixture/voice/voice-world.ts";

const TOOL = {
  type: "function",
  name: "weather",
  description: "Tells the weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const UPDATE = {
  type: "session.update",
  session: { type: "realtime", instructions: "Be brief.", tools: [TOOL] },
};

function provider(name: string, translator: (context: TranslatorContext) => Translator): RealtimeProvider {
  return {
    name,
    capabilities: { tools: true, voices: null, imageInput: true, transcription: false, webrtc: false },
    translator,
  };
}

/** A provider behind its translator, with how its fake speaks. */
type Case = {
  name: string;
  open(): Promise<VoiceWorld>;
  /** The user is heard, and answered with two pieces of sound. */
  turn(world: VoiceWorld): Promise<void>;
  /** The model calls `weather`. */
  toolCall(world: VoiceWorld): void;
  /** What the provider was told of the tool's result. */
  toolResult(world: VoiceWorld): unknown;
  /** The model speaks, and the user interrupts. */
  interruption(world: VoiceWorld): void;
};

const gemini: Case = {
  name: "gemini",
  async open() {
    const world = new VoiceWorld(provider("gemini", geminiTranslator), {
      endpoint: { baseUrl: "wss://gemini.test/ws" },
    });
    world.client(UPDATE);
    world.upstream.accept();
    world.upstream.say({ setupComplete: {} });
    return world;
  },
  async turn(world) {
    for (let i = 0; i < 10; i += 1) world.client({ type: "input_audio_buffer.append", audio: pcmFrame() });
    world.upstream.say({ serverContent: { inputTranscription: { text: "Hello " } } });
    world.upstream.say({ serverContent: { inputTranscription: { text: "there", finished: true } } });
    const data = pcmFrame();
    world.upstream.say({
      serverContent: { modelTurn: { parts: [{ inlineData: { mimeType: "audio/pcm;rate=24000", data } }] } },
    });
    world.upstream.say({ serverContent: { outputTranscription: { text: "Good day" } } });
    world.upstream.say(
      new TextEncoder().encode(
        JSON.stringify({
          serverContent: {
            modelTurn: { parts: [{ inlineData: { mimeType: "audio/pcm;rate=24000", data } }] },
          },
        }),
      ),
    );
    world.upstream.say({
      usageMetadata: {
        promptTokenCount: 60,
        responseTokenCount: 20,
        totalTokenCount: 80,
        promptTokensDetails: [{ modality: "AUDIO", tokenCount: 30 }],
        responseTokensDetails: [{ modality: "AUDIO", tokenCount: 20 }],
      },
    });
    world.upstream.say({ serverContent: { turnComplete: true } });
  },
  toolCall: (world) =>
    world.upstream.say({
      toolCall: { functionCalls: [{ id: "call_a", name: "weather", args: { city: "Rome" } }] },
    }),
  toolResult: (world) =>
    (world.upstream.messages.at(-1) as { toolResponse: { functionResponses: unknown } }).toolResponse
      .functionResponses,
  interruption(world) {
    world.upstream.say({
      serverContent: {
        modelTurn: { parts: [{ inlineData: { mimeType: "audio/pcm;rate=24000", data: pcmFrame() } }] },
      },
    });
    world.upstream.say({ serverContent: { interrupted: true } });
  },
};

const elevenlabs: Case = {
  name: "elevenlabs",
  async open() {
    const world = new VoiceWorld(provider("elevenlabs", elevenLabsTranslator), {
      providerModel: "agent_1",
      endpoint: { baseUrl: "wss://eleven.test/convai" },
    });
    world.client(UPDATE);
    world.upstream.accept();
    world.upstream.say({
      type: "conversation_initiation_metadata",
      conversation_initiation_metadata_event: {
        conversation_id: "c",
        agent_output_audio_format: "pcm_16000",
        user_input_audio_format: "pcm_16000",
      },
    });
    return world;
  },
  async turn(world) {
    for (let i = 0; i < 10; i += 1) world.client({ type: "input_audio_buffer.append", audio: pcmFrame() });
    world.upstream.say({
      type: "tentative_user_transcript",
      tentative_user_transcription_event: { user_transcript: "Hello ", event_id: 1 },
    });
    world.upstream.say({
      type: "user_transcript",
      user_transcription_event: { user_transcript: "Hello there", event_id: 1 },
    });
    world.upstream.say({
      type: "agent_response",
      agent_response_event: { agent_response: "Good day", event_id: 2 },
    });
    for (const id of [2, 3])
      world.upstream.say({
        type: "audio",
        audio_event: { audio_base_64: pcmFrame(true, 16_000), event_id: id },
      });
    await world.clock.advance(5_000);
  },
  toolCall: (world) =>
    world.upstream.say({
      type: "client_tool_call",
      client_tool_call: {
        tool_name: "weather",
        tool_call_id: "call_a",
        parameters: { city: "Rome" },
        event_id: 4,
      },
    }),
  toolResult: (world) =>
    [world.upstream.messages.at(-1)].map((message) => ({
      id: message?.tool_call_id,
      response: { result: message?.result },
    })),
  interruption(world) {
    world.upstream.say({
      type: "audio",
      audio_event: { audio_base_64: pcmFrame(true, 16_000), event_id: 7 },
    });
    world.upstream.say({ type: "interruption", interruption_event: { event_id: 8 } });
    world.upstream.say({
      type: "audio",
      audio_event: { audio_base_64: pcmFrame(true, 16_000), event_id: 8 },
    });
  },
};

const ultravox: Case = {
  name: "ultravox",
  async open() {
    const world = new VoiceWorld(provider("ultravox", ultravoxTranslator), {
      providerModel: "ultravox-v0.7",
      endpoint: { baseUrl: "https://ultravox.test/api" },
    });
    world.callAnswer = {
      status: 201,
      body: { callId: "c", joinUrl: "wss://ultravox.test/join?secret" },
      retryAfterMs: null,
    };
    world.client(UPDATE);
    await settled();
    world.upstream.accept();
    world.upstream.say({ type: "call_started", callId: "c" });
    return world;
  },
  async turn(world) {
    for (let i = 0; i < 10; i += 1) world.client({ type: "input_audio_buffer.append", audio: pcmFrame() });
    world.upstream.say({
      type: "transcript",
      role: "user",
      medium: "voice",
      delta: "Hello there",
      final: false,
    });
    world.upstream.say({
      type: "transcript",
      role: "user",
      medium: "voice",
      text: "Hello there",
      final: true,
    });
    world.upstream.say({ type: "state", state: "thinking" });
    world.upstream.say({ type: "state", state: "speaking" });
    world.upstream.say(pcmBytes());
    world.upstream.say({
      type: "transcript",
      role: "agent",
      medium: "voice",
      delta: "Good day",
      final: false,
    });
    world.upstream.say(pcmBytes());
    world.upstream.say({ type: "state", state: "listening" });
  },
  toolCall: (world) =>
    world.upstream.say({
      type: "client_tool_invocation",
      toolName: "weather",
      invocationId: "call_a",
      parameters: { city: "Rome" },
    }),
  toolResult: (world) =>
    [world.upstream.messages.at(-1)].map((message) => ({
      id: message?.invocationId,
      response: { result: message?.result },
    })),
  interruption(world) {
    world.upstream.say(pcmBytes());
    world.upstream.say({ type: "playback_clear_buffer" });
  },
};

describe.each([gemini, elevenlabs, ultravox])(
  "a session with $name",
  ({ open, turn, toolCall, toolResult, interruption }) => {
    test("completes an audio turn with complete events in OpenAI's order", async () => {
      const world = await open();
      const from = world.sent.length;
      await turn(world);
      expectWhole(world.sent);
      expect(world.types(from).filter((type) => !type.endsWith("delta"))).toEqual([
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
        "conduit.usage",
      ]);
      expect(world.of("response.output_audio.delta")).toHaveLength(2);
      expect(world.one("conversation.item.input_audio_transcription.completed").transcript).toBe(
        "Hello there",
      );
      expect(world.one("response.output_audio_transcript.done").transcript).toBe("Good day");
      expect(world.session.usage.get("audioInMs")).toBeCloseTo(200, 0);
    });

    test("calls a tool as a completed item, and hands its result back", async () => {
      const world = await open();
      toolCall(world);
      expectWhole(world.sent);
      const done = world.one("response.output_item.done").item as Record<string, unknown>;
      expect(done).toMatchObject({
        type: "function_call",
        status: "completed",
        call_id: "call_a",
        name: "weather",
        arguments: '{"city":"Rome"}',
      });
      expect(world.one("response.done").response).toMatchObject({ status: "completed", output: [done] });
      world.client({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id: "call_a", output: "sunny" },
      });
      const before = world.upstream.received.length;
      world.client({ type: "response.create" });
      expect(toolResult(world)).toMatchObject([{ id: "call_a", response: { result: "sunny" } }]);
      // It is answered without being asked: asked as well, it would be answered twice.
      expect(world.upstream.received).toHaveLength(before + 1);
    });

    test("hands the result of a tool over that the client does not ask to be answered", async () => {
      const world = await open();
      toolCall(world);
      world.client({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id: "call_a", output: "sunny" },
      });
      await world.clock.advance(1_000);
      expect(toolResult(world)).toMatchObject([{ id: "call_a", response: { result: "sunny" } }]);
    });

    test("turns an interruption into speech_started and a cancelled response, and drops what was to be heard", async () => {
      const world = await open();
      interruption(world);
      expectWhole(world.sent);
      expect(world.of("response.output_audio.delta")).toHaveLength(1);
      expect(world.one("input_audio_buffer.speech_started")).toBeDefined();
      expect(world.one("response.done").response).toMatchObject({
        status: "cancelled",
        status_details: { reason: "turn_detected" },
      });
      expect(world.session.usage.get("interruptions")).toBe(1);
    });

    test("answers items from what was said, and says which there is none of", async () => {
      const world = await open();
      await turn(world);
      const spoken = world.of("conversation.item.done").at(-1)?.item as { id: string };
      world.client({ type: "conversation.item.retrieve", item_id: spoken.id });
      expect(world.one("conversation.item.retrieved").item).toMatchObject({
        id: spoken.id,
        role: "assistant",
        content: [{ type: "output_audio", transcript: "Good day" }],
      });
      world.client({ type: "conversation.item.retrieve", item_id: "item_none", event_id: "mine" });
      expect(world.one("error").error).toMatchObject({ code: "item_not_found", event_id: "mine" });
    });

    test("tells the client of its configuration, under the name the client used", async () => {
      const world = await open();
      expect(world.of("session.updated")[0]?.session).toMatchObject({
        model: "the-alias",
        instructions: "Be brief.",
        tools: [TOOL],
      });
    });

    test("keeps the provider's key from the client", async () => {
      const world = await open();
      world.upstream.close(1011, "sk-secret");
      expect(JSON.stringify(world.sent)).not.toContain("sk-secret");
      expect(world.closedWith?.reason).not.toContain("sk-secret");
    });
  },
);

describe("a session with Gemini", () => {
  test("prices what the details leave out of the totals", async () => {
    const world = await gemini.open();
    await gemini.turn(world);
    expect(world.session.usage.snapshot()).toMatchObject({ audioInput: 30, otherInput: 30, audioOutput: 20 });
  });

  test("is not set up anew by an update that only asks for tracing", async () => {
    const world = await gemini.open();
    world.upstream.say({ sessionResumptionUpdate: { newHandle: "h1", resumable: true } });
    world.client({ type: "session.update", session: { type: "realtime", tracing: "auto" } });
    expect(world.upstreams).toHaveLength(1);
    expect(world.upstream.messages.filter(({ setup }) => setup !== undefined)).toHaveLength(1);
  });

  test("goes on over another connection when the provider says that it will leave", async () => {
    const world = await gemini.open();
    world.upstream.say({ sessionResumptionUpdate: { newHandle: "h1", resumable: true } });
    world.upstream.say({ goAway: { timeLeft: "10s" } });
    expect(world.upstreams).toHaveLength(2);
    world.upstream.accept();
    expect(world.upstream.messages[0]?.setup).toMatchObject({ sessionResumption: { handle: "h1" } });
    world.upstream.say({ setupComplete: {} });
    await gemini.turn(world);
    expectWhole(world.sent);
    expect(world.closedWith).toBeNull();
  });
});

test("Gemini going away in the middle of an answer ends it once, and the next one comes over another connection", async () => {
  const world = await gemini.open();
  world.upstream.say({ sessionResumptionUpdate: { newHandle: "h1", resumable: true } });
  world.upstream.say({
    serverContent: {
      modelTurn: { parts: [{ inlineData: { mimeType: "audio/pcm;rate=24000", data: pcmFrame() } }] },
    },
  });
  world.upstream.say({ goAway: { timeLeft: "10s" } });
  expect(world.upstreams, "the answer is left its time").toHaveLength(1);
  world.upstream.close(1001);
  expect(world.one("response.done").response).toMatchObject({
    status: "failed",
    status_details: { error: { code: "session_expired" } },
  });
  world.client({ type: "input_audio_buffer.append", audio: pcmFrame() });
  world.upstream.accept();
  expect(world.upstreams).toHaveLength(2);
  expect(world.upstream.messages[0]?.setup).toMatchObject({ sessionResumption: { handle: "h1" } });
  world.upstream.say({ setupComplete: {} });
  expect(world.upstream.messages.some(({ realtimeInput }) => realtimeInput !== undefined)).toBe(true);
  await gemini.turn(world);
  expect(world.of("response.done")).toHaveLength(2);
  expectWhole(world.sent);
  expect(world.closedWith).toBeNull();
});

test("Gemini going away in the middle of an answer is left once the answer is whole", async () => {
  const world = await gemini.open();
  world.upstream.say({ sessionResumptionUpdate: { newHandle: "h1", resumable: true } });
  world.upstream.say({ serverContent: { outputTranscription: { text: "Hello" } } });
  world.upstream.say({ goAway: { timeLeft: "10s" } });
  world.upstream.say({ serverContent: { turnComplete: true } });
  expect(world.one("response.done").response).toMatchObject({ status: "completed" });
  expect(world.upstreams).toHaveLength(2);
});

describe("local/echo", () => {
  const talk = (world: VoiceWorld, loud: boolean, frames: number) => {
    for (let i = 0; i < frames; i += 1)
      world.client({ type: "input_audio_buffer.append", audio: pcmFrame(loud) });
  };

  test("speaks the user's own sound back after a silence", async () => {
    const world = new VoiceWorld(localEcho);
    talk(world, true, 50);
    talk(world, false, 25);
    await world.clock.advance(2_000);
    expectWhole(world.sent);
    const sound = world
      .of("response.output_audio.delta")
      .map(({ delta }) => Uint8Array.fromBase64(delta as string));
    expect(sound.reduce((sum, { length }) => sum + length, 0)).toBe(75 * 960);
    expect(world.one("response.output_audio_transcript.done").transcript).toBe(
      "I heard 1.5 seconds at 14 percent of full level.",
    );
  });

  test("stops when the user speaks again", async () => {
    const world = new VoiceWorld(localEcho);
    talk(world, true, 50);
    talk(world, false, 25);
    await world.clock.advance(100);
    talk(world, true, 1);
    expect(world.one("response.done").response).toMatchObject({
      status: "cancelled",
      status_details: { reason: "turn_detected" },
    });
    const heard = world.of("response.output_audio.delta").length;
    await world.clock.advance(2_000);
    expect(world.of("response.output_audio.delta")).toHaveLength(heard);
  });

  test("refuses a second response while one is under way, naming the client's event", async () => {
    const world = new VoiceWorld(localEcho);
    talk(world, true, 50);
    talk(world, false, 25);
    world.client({ type: "response.create", event_id: "mine" });
    expect(world.one("error").error).toMatchObject({
      code: "conversation_already_has_active_response",
      event_id: "mine",
    });
  });

  test("waits for the client's commit where it detects no turns", async () => {
    const world = new VoiceWorld(localEcho);
    world.client({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: null } } },
    });
    world.client({ type: "input_audio_buffer.commit", event_id: "early" });
    expect(world.one("error").error).toMatchObject({
      code: "input_audio_buffer_commit_empty",
      event_id: "early",
    });
    talk(world, true, 10);
    world.client({ type: "input_audio_buffer.commit" });
    world.client({ type: "response.create" });
    await world.clock.advance(1_000);
    expectWhole(world.sent);
    expect(world.one("response.done").response).toMatchObject({ status: "completed" });
  });

  test("calls a tool that a text names, and answers its result", () => {
    const world = new VoiceWorld(localEcho);
    world.client({ ...UPDATE, session: { ...UPDATE.session, output_modalities: ["text"] } });
    world.client({
      type: "conversation.item.create",
      item: {
        type: "message",
        role: "user",
        content: [{ type: "input_text", text: '/tool weather {"city":"Rome"}' }],
      },
    });
    world.client({ type: "response.create" });
    expect(world.one("response.done").response).toMatchObject({
      output: [{ type: "function_call", name: "weather", arguments: '{"city":"Rome"}' }],
    });
    world.client({
      type: "conversation.item.create",
      item: { type: "function_call_output", call_id: "c", output: "sunny" },
    });
    world.client({ type: "response.create" });
    expectWhole(world.sent);
    expect(world.one("response.output_text.done").text).toBe("The tool answered: sunny");
  });

  test("speaks G.711 where a phone asks for it", async () => {
    const world = new VoiceWorld(localEcho);
    const format = { type: "audio/pcmu" };
    world.client({
      type: "session.update",
      session: { type: "realtime", audio: { input: { format }, output: { format } } },
    });
    for (let i = 0; i < 50; i += 1)
      world.session.received(new Uint8Array(160).fill(i % 2 === 0 ? 0x10 : 0x90));
    for (let i = 0; i < 25; i += 1) world.session.received(new Uint8Array(160).fill(0xff));
    await world.clock.advance(2_000);
    const bytes = world
      .of("response.output_audio.delta")
      .map(({ delta }) => Uint8Array.fromBase64(delta as string).length);
    expect(bytes.reduce((sum, length) => sum + length, 0)).toBe(75 * 160);
  });
});

test("a piece of sound from Gemini is the same however its JSON is written, and whatever else stands beside it", async () => {
  const world = await gemini.open();
  const data = pcmFrame();
  const message = {
    serverContent: { modelTurn: { parts: [{ inlineData: { mimeType: "audio/pcm;rate=24000", data } }] } },
  };
  const compact = JSON.stringify(message);
  world.upstream.sayText(compact);
  world.upstream.sayText(JSON.stringify(message, null, 2));
  world.upstream.sayText(compact.replaceAll("=", "\\u003d").replaceAll("/", "\\/"));
  world.upstream.say({ serverContent: { ...message.serverContent, turnComplete: true } });
  expect(world.of("response.output_audio.delta").map(({ delta }) => delta)).toEqual([data, data, data, data]);
  expect(world.one("response.done").response).toMatchObject({ status: "completed" });
});

test("what looks like a piece of sound from Gemini and is no JSON is passed over", async () => {
  const world = await gemini.open();
  const head =
    '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"AAAA';
  for (const text of [head, `${head}"}}]}}`, `${head}"}}]}}} more`]) world.upstream.sayText(text);
  expect(world.of("response.output_audio.delta")).toEqual([]);
});
