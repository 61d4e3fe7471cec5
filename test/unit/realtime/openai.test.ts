import { describe, expect, test } from "vitest";
import type { RealtimeProvider } from "../../../src/realtime/translator.ts";
import { betaNames } from "../../../src/realtime/translators/beta-names.ts";
import { openAiTranslator } from "../../../src/realtime/translators/openai.ts";
import { pcmFrame, VoiceWorld } from "../../fixture/voice/voice-world.ts";

const provider: RealtimeProvider = {
  name: "openai",
  capabilities: { tools: true, voices: null, imageInput: true, transcription: true, webrtc: true },
  translator: (context) => openAiTranslator(context, { modelInUrl: true }),
};

const USAGE = {
  total_tokens: 30,
  input_tokens: 20,
  output_tokens: 10,
  input_token_details: {
    text_tokens: 5,
    audio_tokens: 15,
    image_tokens: 0,
    cached_tokens: 4,
    cached_tokens_details: { text_tokens: 1, audio_tokens: 3, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 2, audio_tokens: 8 },
};

describe("a session with a provider of the unified format", () => {
  test("is created for the client at once, before the provider is reached", () => {
    const world = new VoiceWorld(provider);
    expect(world.types()).toEqual(["session.created"]);
    expect(world.one("session.created").session).toMatchObject({
      id: "sess_1",
      model: "the-alias",
      type: "realtime",
    });
    expect(world.upstream.request.url).toBe("wss://provider.test/v1/realtime?model=model-1");
    expect(world.upstream.request.headers).toEqual({ authorization: "Bearer sk-secret" });
  });

  test("sends what came early in its order once the provider is there, behind the operator's defaults", () => {
    const world = new VoiceWorld(provider, { session: { instructions: "Be brief." } });
    world.client({ type: "session.update", session: { type: "realtime", model: "another", tools: [] } });
    world.client({ type: "input_audio_buffer.append", audio: pcmFrame() });
    world.upstream.accept();
    expect(world.upstream.messages.map(({ type, session }) => [type, session])).toEqual([
      ["session.update", { instructions: "Be brief.", type: "realtime" }],
      ["session.update", { type: "realtime", tools: [] }],
      ["input_audio_buffer.append", undefined],
    ]);
  });

  test("answers a ping itself, whether the provider is there or not", () => {
    const world = new VoiceWorld(provider);
    world.client({ type: "conduit.ping", event_id: "mine" });
    expect(world.one("conduit.pong")).toMatchObject({ ping_event_id: "mine" });
    world.upstream.accept();
    world.client({ type: "conduit.ping" });
    expect(world.of("conduit.pong").at(-1)).toMatchObject({ ping_event_id: null });
    expect(world.upstream.messages).toEqual([]);
  });

  test("passes messages on as they are, and counts the sound", () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    const append = `{"type": "input_audio_buffer.append","audio":"${pcmFrame()}"}`;
    world.session.received(append);
    expect(world.upstream.received).toEqual([append]);
    world.upstream.sayText(
      `{"type":"response.output_audio.delta","event_id":"e1","response_id":"r","item_id":"i","output_index":0,"content_index":0,"delta":"${pcmFrame()}"}`,
    );
    expect(world.sent.at(-1)).toMatchObject({ type: "response.output_audio.delta", event_id: "e1" });
    expect(world.session.usage.get("audioInMs")).toBe(20);
    expect(world.session.usage.get("audioOutMs")).toBe(20);
  });

  test("shows the client the model by the name it used", () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    world.upstream.say({
      type: "session.created",
      event_id: "e0",
      session: { id: "sess_up", model: "model-1" },
    });
    expect(world.types()).toEqual(["session.created"]);
    world.upstream.say({
      type: "session.updated",
      event_id: "e1",
      session: { id: "sess_up", model: "model-1", voice: "x" },
    });
    expect(world.one("session.updated")).toEqual({
      type: "session.updated",
      event_id: "e1",
      session: { id: "sess_1", model: "the-alias", voice: "x" },
    });
  });

  test("counts what a response used, without its cached part twice", () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    world.upstream.say({
      type: "response.done",
      event_id: "e1",
      response: { id: "r", status: "completed", usage: USAGE },
    });
    expect(world.session.usage.snapshot()).toMatchObject({
      textInput: 4,
      cachedTextInput: 1,
      audioInput: 12,
      cachedAudioInput: 3,
      textOutput: 2,
      audioOutput: 8,
    });
    expect(world.types().slice(-2)).toEqual(["response.done", "conduit.usage"]);
    expect(world.one("conduit.usage").usage).toMatchObject({ textInput: 4, audioOutput: 8 });
  });

  test("tells an error of the provider's without the ids of the operator's account", () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    const message = "Rate limit reached in organization org-AbCdEf123456 on tokens per min.";
    world.upstream.say({
      type: "error",
      event_id: "e1",
      error: { type: "tokens", code: "rate_limit_exceeded", message, event_id: "mine" },
    });
    expect(world.one("error")).toMatchObject({
      event_id: "e1",
      error: { code: "rate_limit_exceeded", event_id: "mine", message: expect.stringContaining("org-…") },
    });
    expect(JSON.stringify(world.sent)).not.toContain("AbCdEf");
  });

  test("hands a response's end over before what it cost ends the session", () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    world.overspends = true;
    world.upstream.say({ type: "response.done", event_id: "e", response: { id: "r", usage: USAGE } });
    expect(world.types().slice(-2)).toEqual(["response.done", "error"]);
    expect(world.closedWith?.code).toBe(1008);
  });

  test("counts the transcription of what the user says apart", () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    world.upstream.say({
      type: "conversation.item.input_audio_transcription.completed",
      event_id: "e",
      item_id: "i",
      content_index: 0,
      transcript: "hi",
      usage: { type: "duration", seconds: 3 },
    });
    expect(world.session.usage.get("transcriptionMs")).toBe(3_000);
  });

  test.each([
    [1000, 1000, null],
    [1001, 1001, "provider_error"],
    [1005, 1000, null],
    [1006, 1011, "provider_error"],
    [1007, 1007, "provider_error"],
    [1008, 1008, "provider_error"],
    [1011, 1011, "provider_error"],
    [1015, 1011, "provider_error"],
    [4000, 4000, "provider_error"],
  ])("carries the provider's close %i to the client as %i", (code, sent, error) => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    world.upstream.close(code, "secret words of the provider");
    expect(world.closedWith?.code).toBe(sent);
    expect(JSON.stringify(world.sent)).not.toContain("secret words");
    expect((world.of("error")[0]?.error as { code?: string } | undefined)?.code ?? null).toBe(error);
    expect(world.endedWith).not.toBeNull();
  });

  test.each([
    [401, "authentication_failed", 1011],
    [429, "rate_limit_exceeded", 1013],
    [500, "connection_failed", 1011],
    [null, "connection_failed", 1011],
  ])("tells the client of a provider that answers %s in place of a socket", async (status, code, close) => {
    const world = new VoiceWorld(provider);
    const again = status === 429 || status === 500;
    for (const waitMs of again ? [500, 1_500] : []) {
      world.upstream.refuse(status);
      expect(world.sent).toHaveLength(1);
      await world.clock.advance(waitMs);
    }
    world.upstream.refuse(status);
    expect(world.upstreams).toHaveLength(again ? 3 : 1);
    expect(world.one("error").error).toMatchObject({ code });
    expect(world.closedWith?.code).toBe(close);
  });

  test("is not told of a provider that has a place after a moment, and loses nothing", async () => {
    const world = new VoiceWorld(provider);
    world.client({ type: "response.create" });
    world.upstream.refuse(429);
    await world.clock.advance(500);
    world.upstream.accept();
    expect(world.upstream.messages).toEqual([{ type: "response.create" }]);
    expect(world.types()).toEqual(["session.created"]);
  });

  test("asks a provider again within the limit alone, however often it refuses", async () => {
    const world = new VoiceWorld(provider);
    await world.clock.advance(9_600);
    world.upstream.refuse(503);
    expect(world.upstreams).toHaveLength(1);
    expect(world.one("error").error).toMatchObject({ code: "connection_failed" });
  });

  test("gives a provider up that does not answer in time", async () => {
    const world = new VoiceWorld(provider);
    await world.clock.advance(10_000);
    expect(world.one("error").error).toMatchObject({ code: "connection_failed" });
    world.upstream.accept();
    expect(world.upstream.closedWith?.code).toBe(1000);
  });

  test("closes the provider's side when the client leaves", () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    world.session.closed({ code: 1001, reason: "" });
    expect(world.upstream.closedWith?.code).toBe(1000);
    expect(world.endedWith?.reason).toBe("client_closed");
  });

  test("ends at its longest duration with a typed error and 1001", async () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    await world.clock.advance(1_800_000);
    expect(world.one("error").error).toMatchObject({ code: "session_expired" });
    expect(world.closedWith?.code).toBe(1001);
    expect(world.endedWith?.usage.get("sessionMs")).toBe(1_800_000);
  });

  test("relays no response.create once the budget is used up", () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    world.mayRespond = false;
    world.client({ type: "response.create", event_id: "mine" });
    expect(world.upstream.received).toEqual([]);
    expect(world.one("error").error).toMatchObject({ code: "insufficient_quota", event_id: "mine" });
    expect(world.closedWith?.code).toBe(1008);
  });

  test("takes 187 pieces of sound a second, and no message of 2 MB", async () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    for (let second = 0; second < 60; second += 1) {
      for (let i = 0; i < 187; i += 1) world.client({ type: "input_audio_buffer.append", audio: "AAAA" });
      await world.clock.advance(1_000);
    }
    expect(world.closedWith).toBeNull();
    world.session.received(`{"type":"input_audio_buffer.append","audio":"${"A".repeat(2_000_000)}"}`);
    expect(world.one("error").error).toMatchObject({ code: "message_too_large" });
    expect(world.closedWith?.code).toBe(1009);
  });

  test("ends a flood of control messages with a typed error and 1008", () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    for (let i = 0; i < 1_001; i += 1) world.client({ type: "input_audio_buffer.clear" });
    expect(world.one("error").error).toMatchObject({ code: "rate_limit_exceeded" });
    expect(world.closedWith?.code).toBe(1008);
  });

  test.each(["{", "[]", "7", '{"no":"type"}', '{"type":5}'])(
    "answers %s with an error and goes on",
    (text) => {
      const world = new VoiceWorld(provider);
      world.upstream.accept();
      world.session.received(text);
      expect(world.one("error").error).toMatchObject({ code: "invalid_event" });
      expect(world.closedWith).toBeNull();
    },
  );

  test("closes a client that reads too slowly with 1013", () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    world.clientBuffered = 5_000_000;
    world.upstream.say({ type: "response.output_text.delta", event_id: "e", delta: "x" });
    expect(world.closedWith?.code).toBe(1013);
  });

  test("speaks the beta names with a beta client, both ways", () => {
    const world = new VoiceWorld(provider, { dialect: betaNames() });
    world.upstream.accept();
    expect(world.one("session.created").session).toMatchObject({
      modalities: ["text", "audio"],
      input_audio_format: "pcm16",
    });
    world.client({
      type: "session.update",
      session: {
        modalities: ["text", "audio"],
        voice: "sage",
        output_audio_format: "g711_ulaw",
        temperature: 0.8,
      },
    });
    expect(world.upstream.messages.at(-1)).toEqual({
      type: "session.update",
      session: {
        type: "realtime",
        output_modalities: ["audio"],
        audio: { output: { format: { type: "audio/pcmu" }, voice: "sage" } },
      },
    });
    world.upstream.say({ type: "response.output_audio.delta", event_id: "e", delta: "AAAA" });
    world.upstream.say({
      type: "conversation.item.added",
      event_id: "e",
      item: { role: "assistant", content: [{ type: "output_audio", transcript: "" }] },
    });
    world.upstream.say({ type: "conversation.item.done", event_id: "e", item: {} });
    expect(world.types()).toEqual(["session.created", "response.audio.delta", "conversation.item.created"]);
    expect(world.sent.at(-1)?.item).toEqual({
      role: "assistant",
      content: [{ type: "audio", transcript: "" }],
    });
  });
});
