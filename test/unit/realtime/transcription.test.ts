/** Transcription sessions: what is asked of the provider, and who is refused. */

import { expect, test } from "vitest";
import { principalOf } from "../../../src/accounts/principal.ts";
import { openAiTranslator } from "../../../src/realtime/translators/openai.ts";
import { VoiceAdmission } from "../../../src/realtime/voice-admission.ts";
import { VoiceModels } from "../../../src/realtime/voice-models.ts";
import { createVoiceOffers } from "../../../src/realtime/voice-offers.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";
import { VoiceWorld } from "../../fixture/voice/voice-world.ts";

const CAPABILITIES = { tools: true, voices: null, imageInput: true, transcription: true, webrtc: true };
const OPENAI = {
  name: "openai",
  capabilities: CAPABILITIES,
  translator: (context: Parameters<typeof openAiTranslator>[0]) =>
    openAiTranslator(context, { modelInUrl: true }),
};

test("OpenAI is asked for a transcription session in the address and in the configuration, without a model", () => {
  const world = new VoiceWorld(OPENAI, {
    intent: "transcription",
    session: { audio: { input: { transcription: { model: "gpt-4o-transcribe" } } } },
  });
  world.upstream.accept();
  expect(world.upstream.request.url).toBe("wss://provider.test/v1/realtime?intent=transcription");
  expect(world.upstream.messages).toMatchObject([
    { type: "session.update", session: { type: "transcription", audio: { input: {} } } },
  ]);
  const { session } = world.one("session.created");
  expect(session).toMatchObject({ type: "transcription", object: "realtime.transcription_session" });
  expect(session).not.toHaveProperty("model");
  world.upstream.say({
    type: "conversation.item.input_audio_transcription.completed",
    event_id: "e1",
    item_id: "i1",
    content_index: 0,
    transcript: "Hello.",
    usage: { type: "duration", seconds: 12 },
  });
  expect(world.one("conversation.item.input_audio_transcription.completed").transcript).toBe("Hello.");
  expect(world.session.usage.get("transcriptionMs")).toBe(12_000);
});

test("a model that takes none is refused by name, and so is a call to one without WebRTC", () => {
  const keyed = (key: string) => ({ key, accounts: [] });
  const keys = { openai: keyed("sk-1"), gemini: keyed("g-1"), elevenlabs: undefined };
  const models = new VoiceModels(createVoiceOffers({ keys, providers: {}, prices: {} }), {
    aliases: {},
    examples: {},
  });
  const admission = new VoiceAdmission({
    models,
    defaultModel: "local/echo",
    defaults: {},
    newSessionId: () => "id",
  });
  const admit = (model: string, intent: "conversation" | "transcription", transport: "socket" | "webrtc") =>
    admission.admit({
      principal: principalOf(virtualKey({ id: "a" })),
      ...{ model, intent, transport },
      customer: null,
      beta: false,
      session: {},
    });
  expect(() => admit("gemini/gemini-3.8-live", "transcription", "socket")).toThrow(
    /^gemini\/gemini-3.8-live takes no transcription sessions\. Those that do: local\/echo, openai/,
  );
  expect(() => admit("local/echo", "conversation", "webrtc")).toThrow(/^local\/echo takes no WebRTC calls/);
  expect(admit("local/echo", "transcription", "socket").intent).toBe("transcription");
  expect(admit("openai/gpt-realtime", "conversation", "webrtc").modelName).toBe("openai/gpt-realtime");
});
