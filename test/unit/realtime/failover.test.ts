/** Sessions whose provider cannot be had: other accounts, other models, and what a client notices of it. */

import { describe, expect, test } from "vitest";
import type { RealtimeProvider } from "../../../src/realtime/translator.ts";
import { elevenLabsTranslator } from "../../../src/realtime/translators/elevenlabs.ts";
import { localEcho } from "../../../src/realtime/translators/local-echo.ts";
import { openAiTranslator } from "../../../src/realtime/translators/openai.ts";
import type { VoiceModel } from "../../../src/realtime/voice-models.ts";
import type { ProviderAccount } from "../../../src/tasks/ports/media-provider.ts";
import {
  pcmBytes,
  pcmFrame,
  VoiceWorld,
  type VoiceWorldOptions,
  voiceModel,
} from "../../fixture/voice/voice-world.ts";

const CONNECT_MS = 10_000;

function openAiDialect(
  name: string,
  abilities: Partial<RealtimeProvider["capabilities"]> = {},
): RealtimeProvider {
  return {
    name,
    capabilities: {
      ...{ tools: true, voices: null, imageInput: true, transcription: true, webrtc: false },
      ...abilities,
    },
    translator: (context) => openAiTranslator(context, { modelInUrl: true }),
  };
}

const ELEVENLABS: RealtimeProvider = {
  name: "elevenlabs",
  capabilities: {
    ...{
      tools: true,
      fixedTools: true,
      voices: null,
      imageInput: false,
      transcription: false,
      webrtc: false,
    },
  },
  translator: elevenLabsTranslator,
};

const account = (name: string, changes: Partial<ProviderAccount> = {}): ProviderAccount => ({
  name,
  key: `sk-${name}`,
  baseUrl: null,
  weight: 1,
  models: [],
  ...changes,
});

const SPARE = voiceModel(openAiDialect("spare"), "model-2", {
  baseUrl: "wss://spare.test/v1",
  key: "sk-spare",
});

function world(options: VoiceWorldOptions & { readonly standIns?: readonly VoiceModel[] } = {}): VoiceWorld {
  return new VoiceWorld(openAiDialect("first"), options);
}

const keyOf = ({ upstream }: VoiceWorld) => upstream.request.headers.authorization;

describe("other accounts of a provider", () => {
  test.each([401, 402, 403, 429])("one that answers %i is left for the next one at once", (status) => {
    const voice = world({ accounts: [account("a"), account("b")] });
    expect(keyOf(voice)).toBe("Bearer sk-a");
    voice.upstream.refuse(status);
    expect(keyOf(voice)).toBe("Bearer sk-b");
    expect(voice.moves).toEqual([{ model: "first/model-1", account: "b" }]);
    voice.upstream.accept();
    // It is the same model: the client has nothing to be told.
    expect(voice.types()).toEqual(["session.created"]);
  });

  test("when all have refused, the client is told of the last refusal", () => {
    const voice = world({ accounts: [account("a"), account("b")] });
    voice.upstream.refuse(401);
    voice.upstream.refuse(401);
    expect(voice.one("error").error).toMatchObject({ code: "authentication_failed" });
    expect(voice.endedWith?.reason).toBe("provider_auth");
    expect(voice.upstreams).toHaveLength(2);
  });

  test("an outage of an address is none of another address", async () => {
    const voice = world({
      accounts: [account("a"), account("same"), account("far", { baseUrl: "wss://far.test" })],
    });
    voice.upstream.refuse(null);
    expect(voice.upstream.request.url).toMatch(/^wss:\/\/far\.test/);
    expect(keyOf(voice)).toBe("Bearer sk-far");
    voice.upstream.refuse(null);
    expect(voice.endedWith?.reason).toBe("connection_failed");
    expect(voice.upstreams).toHaveLength(2);
  });

  test("an account is only used for its models, and one without a share only when it is the last", () => {
    const voice = world({
      accounts: [
        account("a", { models: ["other-*"] }),
        account("b", { weight: 0 }),
        account("c", { models: ["model-*"] }),
      ],
    });
    expect(keyOf(voice)).toBe("Bearer sk-c");
    voice.upstream.refuse(401);
    expect(voice.upstreams).toHaveLength(1);
    expect(voice.endedWith?.reason).toBe("provider_auth");
  });
});

describe("models that stand in for another", () => {
  test.each([null, 500, 503, 404])(
    "a refusal by %s leads to the next one, and the client is told which",
    (status) => {
      const voice = world({ standIns: [SPARE] });
      voice.upstream.refuse(status);
      expect(voice.upstream.request.url).toBe("wss://spare.test/v1?model=model-2");
      expect(voice.moves).toEqual([{ model: "spare/model-2", account: null }]);
      expect(voice.one("conduit.warning")).toMatchObject({ code: "other_model", model: "spare/model-2" });
      voice.upstream.accept();
      voice.upstream.say({ type: "session.created", session: {} });
      voice.upstream.say({ type: "response.created", response: { id: "r" } });
      expect(voice.types().at(-1)).toBe("response.created");
    },
  );

  test("what was asked for wrongly is wrong everywhere", () => {
    const voice = world({ standIns: [SPARE] });
    voice.upstream.refuse(400);
    expect(voice.upstreams).toHaveLength(1);
    expect(voice.endedWith?.reason).toBe("connection_failed");
  });

  test("a provider that never answers is given half of the time, and the last one all of it", async () => {
    const voice = world({ standIns: [SPARE], limits: { connectMs: CONNECT_MS } });
    await voice.clock.advance(CONNECT_MS / 2);
    expect(voice.upstreams).toHaveLength(2);
    await voice.clock.advance(CONNECT_MS - 1);
    expect(voice.endedWith).toBeNull();
    await voice.clock.advance(1);
    expect(voice.endedWith?.reason).toBe("connection_failed");
  });

  test("one that takes the session and says nothing is as good as away", async () => {
    const voice = world({ standIns: [SPARE] });
    const first = voice.upstream;
    first.accept();
    await voice.clock.advance(CONNECT_MS / 2);
    expect(voice.upstreams).toHaveLength(2);
    expect(first.closedWith?.code).toBe(1000);
    first.say({ type: "response.created", response: { id: "late" } });
    expect(voice.types()).toEqual(["session.created", "conduit.warning"]);
  });

  test("one that says why and closes leaves no trace, and the next one hears all that the client said", () => {
    const voice = world({ standIns: [SPARE] });
    const first = voice.upstream;
    first.accept();
    voice.client({ type: "session.update", session: { instructions: "Be brief." } });
    voice.client({ type: "input_audio_buffer.append", audio: pcmFrame() });
    voice.session.received(pcmBytes());
    voice.client({ type: "response.create" });
    first.say({ type: "error", error: { code: "insufficient_quota", message: "No credit." } });
    expect(voice.of("error")).toEqual([]);
    first.close(1008);
    expect(voice.of("error")).toEqual([]);
    voice.upstream.accept();
    expect(voice.upstream.messages.map(({ type }) => type)).toEqual([
      "session.update",
      "input_audio_buffer.append",
      "input_audio_buffer.append",
      "response.create",
    ]);
    // What it heard is counted once: it was heard by one that stays.
    voice.upstream.say({ type: "response.created", response: { id: "r" } });
    expect(voice.session.usage.get("audioInMs")).toBeCloseTo(40, 0);
  });

  test("an error that no close follows reaches the client", async () => {
    const voice = world({ standIns: [SPARE] });
    voice.upstream.accept();
    voice.upstream.say({ type: "session.created", session: {} });
    voice.client({ type: "session.update", event_id: "mine", session: { voice: "none" } });
    voice.upstream.say({ type: "error", error: { code: "invalid_value", message: "No.", event_id: "mine" } });
    await voice.clock.advance(1_000);
    expect(voice.one("error").error).toMatchObject({ event_id: "mine" });
    voice.upstream.close(1011);
    expect(voice.upstreams).toHaveLength(1);
    expect(voice.endedWith?.reason).toBe("provider_closed_1011");
  });

  test("once a response has begun, the session stays where it is", () => {
    const voice = world({ standIns: [SPARE] });
    voice.upstream.accept();
    voice.upstream.say({ type: "response.created", response: { id: "r" } });
    voice.upstream.close(1011);
    expect(voice.upstreams).toHaveLength(1);
    expect(voice.one("error").error).toMatchObject({ code: "provider_error" });
    expect(voice.closedWith?.code).toBe(1011);
  });

  test("a normal close is the end of the session", () => {
    const voice = world({ standIns: [SPARE] });
    voice.upstream.accept();
    voice.upstream.close(1000);
    expect(voice.upstreams).toHaveLength(1);
    expect(voice.endedWith?.reason).toBe("provider_closed");
  });

  test("more than may be kept ties the session to its provider", () => {
    const voice = world({ standIns: [SPARE] });
    voice.upstream.accept();
    const audio = "A".repeat(1_000_000);
    voice.client({ type: "input_audio_buffer.append", audio });
    voice.client({ type: "input_audio_buffer.append", audio });
    voice.upstream.close(1011);
    expect(voice.upstreams).toHaveLength(1);
    expect(voice.endedWith?.reason).toBe("provider_closed_1011");
  });

  test("a provider of another protocol tells the client of an item once, though two were told of it", () => {
    const voice = new VoiceWorld(ELEVENLABS, { standIns: [SPARE] });
    voice.client({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text: "Hello" }] },
    });
    voice.client({ type: "response.create" });
    expect(voice.types()).toEqual(["session.created"]);
    voice.upstream.refuse(503);
    voice.upstream.accept();
    expect(voice.upstream.messages.map(({ type }) => type)).toEqual([
      "conversation.item.create",
      "response.create",
    ]);
    expect(voice.types()).toEqual(["session.created", "conduit.warning"]);
  });

  test("the same protocol the other way round keeps every event in its order", () => {
    const agent = voiceModel(ELEVENLABS, "agent_1", { baseUrl: "wss://agents.test" });
    const voice = world({ standIns: [agent] });
    voice.client({ type: "session.update", session: { instructions: "Be brief." } });
    voice.upstream.refuse(500);
    voice.upstream.accept();
    expect(voice.types()).toEqual(["session.created", "conduit.warning", "session.updated"]);
    expect(voice.upstream.messages[0]).toMatchObject({
      type: "conversation_initiation_client_data",
      conversation_config_override: { agent: { prompt: { prompt: "Be brief." } } },
    });
  });
});

test("the built-in voice, which nobody connects to, is on no trial", () => {
  const echo = voiceModel(localEcho, "echo", { baseUrl: "" });
  const voice = world({ standIns: [echo, SPARE] });
  voice.client({ type: "response.create" });
  voice.upstream.refuse(null);
  expect(voice.moves).toEqual([{ model: "local/echo", account: null }]);
  expect(voice.types()).toContain("response.done");
});

describe("a session is never sent to a model that lacks what it asks for", () => {
  const tools = [{ type: "function", name: "weather", parameters: {} }];
  const blind = voiceModel(openAiDialect("blind", { imageInput: false }), "m", {
    baseUrl: "wss://blind.test",
  });
  const voiced = voiceModel(openAiDialect("voiced", { voices: ["Kore"] }), "m", {
    baseUrl: "wss://voiced.test",
  });
  const agent = voiceModel(ELEVENLABS, "agent_1", { baseUrl: "wss://agents.test" });
  const picture = {
    type: "conversation.item.create",
    item: {
      type: "message",
      role: "user",
      content: [{ type: "input_image", image_url: "data:image/png;base64,AA" }],
    },
  };

  test("tools", () => {
    const voice = world({ standIns: [agent, SPARE] });
    voice.client({ type: "session.update", session: { tools } });
    voice.upstream.refuse(500);
    expect(voice.moves).toEqual([{ model: "spare/model-2", account: null }]);
  });

  test("pictures", () => {
    const voice = world({ standIns: [blind] });
    voice.client(picture);
    voice.upstream.refuse(null);
    expect(voice.moves).toEqual([]);
    expect(voice.endedWith?.reason).toBe("connection_failed");
  });

  test("a voice, unless it is known to be there or the provider is the same", () => {
    const voice = world({ standIns: [SPARE, voiced] });
    voice.client({ type: "session.update", session: { audio: { output: { voice: "Kore" } } } });
    voice.upstream.refuse(null);
    expect(voice.moves).toEqual([{ model: "voiced/m", account: null }]);
    const sister = { ...SPARE, name: "first/model-2", provider: openAiDialect("first") };
    const other = world({ standIns: [voiced, sister] });
    other.client({ type: "session.update", session: { audio: { output: { voice: "marin" } } } });
    other.upstream.refuse(503);
    expect(other.moves).toEqual([{ model: "first/model-2", account: null }]);
  });

  test("a picture for a model that takes none is refused by name, and nothing of it is sent", () => {
    const voice = new VoiceWorld(openAiDialect("blind", { imageInput: false }));
    voice.upstream.accept();
    voice.client({ ...picture, event_id: "mine" });
    expect(voice.one("error").error).toMatchObject({ code: "unsupported_by_provider", event_id: "mine" });
    expect(voice.upstream.messages).toEqual([]);
  });
});
