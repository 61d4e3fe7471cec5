/** What holds of any session and any sound: beta names there and back, and G.711. */

import { describe, expect, test } from "vitest";
import { AudioConverter, AudioPath } from "../../../src/audio/converter.ts";
import { decodeAudio, encodeAudio } from "../../../src/audio/samples.ts";
import type { RealtimeEvent } from "../../../src/protocol/realtime.ts";
import type { Json } from "../../../src/protocol/task.ts";
import { ClientEvent } from "../../../src/realtime/session/client-event.ts";
import { betaNames } from "../../../src/realtime/translators/beta-names.ts";
import { openAiTranslator } from "../../../src/realtime/translators/openai.ts";
import fc from "../../fixture/property.ts";
import { VoiceWorld } from "../../fixture/voice/voice-world.ts";

const FORMATS = ["pcm16", "g711_ulaw", "g711_alaw"] as const;
const detection = fc.oneof(
  fc.constant(null),
  fc.record({ type: fc.constant("server_vad"), threshold: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ type: fc.constant("semantic_vad"), eagerness: fc.constantFrom("low", "auto") }),
);
/** A beta session, any of whose fields may be absent. */
const betaSession = fc.record(
  {
    instructions: fc.string(),
    modalities: fc.constantFrom(["text", "audio"], ["text"]),
    voice: fc.constantFrom("sage", "marin"),
    speed: fc.double({ min: 0.25, max: 1.5, noNaN: true }),
    input_audio_format: fc.constantFrom(...FORMATS),
    output_audio_format: fc.constantFrom(...FORMATS),
    input_audio_transcription: fc.oneof(fc.constant(null), fc.record({ model: fc.constant("whisper-1") })),
    turn_detection: detection,
    input_audio_noise_reduction: fc.oneof(fc.constant(null), fc.record({ type: fc.constant("near_field") })),
    max_response_output_tokens: fc.oneof(fc.constant("inf"), fc.integer({ min: 1, max: 4_096 })),
    tool_choice: fc.constantFrom("auto", "none"),
  },
  { requiredKeys: [] },
);
const FLAT = ["modalities", "voice", "speed", "turn_detection", "max_response_output_tokens"];

describe("beta names", () => {
  const dialect = betaNames();

  test("of a session come back as they were sent, and none of them goes to the provider", () => {
    fc.assert(
      fc.property(betaSession, (session) => {
        const sent = dialect.toOurs({ type: "session.update", session: session as Json });
        const ga = sent.session as { [field: string]: Json };
        expect(ga.type).toBe("realtime");
        expect(Object.keys(ga).filter((field) => FLAT.includes(field) || field.includes("_audio_"))).toEqual(
          [],
        );
        const [back] = dialect.fromOurs({ type: "session.updated", session: ga });
        expect(back?.session).toEqual(session);
      }),
    );
  });

  test("of a response and its items come back as they were sent", () => {
    const response = fc.record(
      {
        modalities: fc.constantFrom(["text", "audio"], ["text"]),
        voice: fc.constantFrom("sage", "marin"),
        output_audio_format: fc.constantFrom(...FORMATS),
        instructions: fc.string(),
        metadata: fc.constantFrom(null, { turn: "1" }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(response, (asked) => {
        const sent = dialect.toOurs({ type: "response.create", response: asked as Json });
        const [back] = dialect.fromOurs({ type: "response.created", response: sent.response ?? null });
        expect(back?.response).toEqual(asked);
      }),
    );
    const said = fc.array(
      fc.oneof(
        fc.record({ type: fc.constant("text"), text: fc.string() }),
        fc.record({ type: fc.constant("audio"), transcript: fc.string() }),
      ),
    );
    fc.assert(
      fc.property(said, (content) => {
        const item = { type: "message", role: "assistant", content };
        const sent = dialect.toOurs({ type: "conversation.item.create", item: item as Json });
        expect(JSON.stringify(sent)).not.toMatch(/"type":"(text|audio)"/);
        const [back] = dialect.fromOurs({ type: "conversation.item.added", item: sent.item ?? null });
        expect(back).toMatchObject({ type: "conversation.item.created", item });
      }),
    );
  });

  test("are put where they belong for a client that says it speaks GA", () => {
    const world = new VoiceWorld({
      name: "openai",
      capabilities: { tools: true, voices: null, imageInput: true, transcription: true, webrtc: true },
      translator: (context) => openAiTranslator(context, { modelInUrl: true }),
    });
    world.upstream.accept();
    world.client({
      type: "session.update",
      session: { voice: "sage", modalities: ["text", "audio"], temperature: 0.8 },
    });
    const session: Json = {
      type: "realtime",
      output_modalities: ["audio"],
      audio: { output: { voice: "sage" } },
    };
    expect(world.upstream.messages.at(-1)).toEqual({
      type: "session.update",
      session,
    } satisfies RealtimeEvent);
  });
});

describe("G.711", () => {
  const samples = fc.array(fc.integer({ min: -32_768, max: 32_767 }), { maxLength: 200 });

  test.each(["audio/pcmu", "audio/pcma"] as const)("%s keeps each sample to within its step", (type) => {
    fc.assert(
      fc.property(samples, (list) => {
        const before = Int16Array.from(list);
        const after = decodeAudio(encodeAudio(before, { type }), { type });
        expect(after.length).toBe(before.length);
        before.forEach((sample, i) => {
          // A step is a sixteenth of the level's octave; the loudest are cut off.
          const allowed = Math.max(40, Math.abs(sample) / 16) + (Math.abs(sample) > 32_000 ? 700 : 0);
          expect(Math.abs(sample - (after[i] ?? 0))).toBeLessThanOrEqual(allowed);
        });
      }),
    );
  });

  test.each(["audio/pcmu", "audio/pcma"] as const)("%s is the same bytes after there and back", (type) => {
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const again = encodeAudio(decodeAudio(every, { type }), { type });
    // μ-law has two zeros, which are one sample.
    const differ = every.filter((byte, i) => again[i] !== byte);
    expect([...differ]).toEqual(type === "audio/pcmu" ? [0x7f] : []);
  });
});

test("a sample whose moment is that of an input sample waits for all it is made of", () => {
  const sound = Int16Array.from({ length: 1_300 }, (_, i) => Math.round(9_000 * Math.sin(i / 7)));
  const bytes = new Uint8Array(sound.buffer);
  const from = { type: "audio/pcm", rate: 44_100 } as const;
  const to = { type: "audio/pcm", rate: 24_000 } as const;
  const parts = new AudioConverter(from, to);
  // The 640th sample lies at the 1,176th of the input and needs 19 behind it, of which the fifth piece has 18.
  let at = 0;
  const joined = [231, 294, 91, 384, 195, 105].flatMap((size) => {
    const part = parts.convert(bytes.subarray(at * 2, (at + size) * 2));
    at += size;
    return [...part];
  });
  const [whole, pieces] = [new AudioConverter(from, to).convert(bytes), Uint8Array.from(joined)].map(
    (converted) => decodeAudio(converted, to),
  );
  expect(Math.abs((whole?.[640] ?? 0) - (pieces?.[640] ?? 0))).toBeLessThanOrEqual(1);
});

test("sound in pieces of any size comes to the sound in one piece", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 });
  const rates = fc.constantFrom(8_000, 16_000, 22_050, 24_000, 44_100, 48_000);
  fc.assert(
    fc.property(sizes, rates, rates, (pieces, from, to) => {
      const total = pieces.reduce((sum, size) => sum + size, 0);
      const sound = Int16Array.from({ length: total }, (_, i) => Math.round(9_000 * Math.sin(i / 7)));
      const bytes = new Uint8Array(sound.buffer);
      const format = (rate: number) => ({ type: "audio/pcm", rate }) as const;
      const whole = new AudioConverter(format(from), format(to)).convert(bytes);
      const parts = new AudioConverter(format(from), format(to));
      let at = 0;
      const joined = pieces.flatMap((size) => {
        const part = parts.convert(bytes.subarray(at * 2, (at + size) * 2));
        at += size;
        return [...part];
      });
      const [one, other] = [whole, Uint8Array.from(joined)].map((sound) =>
        decodeAudio(sound, format(to)),
      ) as [Int16Array, Int16Array];
      // The last sample may come a piece sooner or later, and a half may be rounded either way.
      expect(Math.abs(one.length - other.length)).toBeLessThanOrEqual(1);
      const common = Math.min(one.length, other.length);
      for (let i = 0; i < common; i += 1)
        expect(Math.abs((one[i] ?? 0) - (other[i] ?? 0))).toBeLessThanOrEqual(1);
    }),
    { numRuns: 50 },
  );
});

test("sound in base64 keeps its text in the same format, and is silent where it is none", () => {
  const path = new AudioPath();
  const pcm = (rate: number) => ({ type: "audio/pcm", rate }) as const;
  const text = new Uint8Array(960).toBase64();
  expect(path.convertBase64(text, pcm(24_000), pcm(24_000))).toBe(text);
  expect(path.convertBase64("no base64!", pcm(24_000), pcm(16_000))).toBe("");
  expect(path.convertBase64(text, pcm(24_000), pcm(16_000)).length).toBeLessThan(text.length);
});

test("converted sound is never on the memory that it came on, which hosts use again", () => {
  const pcm = (rate: number) => ({ type: "audio/pcm", rate }) as const;
  const bytes = new Uint8Array(960).fill(1);
  for (const [from, to] of [
    [pcm(24_000), pcm(24_000)],
    [pcm(24_000), pcm(16_000)],
    [pcm(8_000), { type: "audio/pcmu" } as const],
    [{ type: "audio/pcmu" } as const, pcm(8_000)],
  ] as const)
    expect(new AudioPath().convert(bytes, from, to).buffer).not.toBe(bytes.buffer);
});

test("the audio of an append is found wherever it stands, and however its slashes are written", () => {
  const audio = "ab/cd+ef";
  const texts = [
    `{"type":"input_audio_buffer.append","audio":"${audio}"}`,
    `{"type":"input_audio_buffer.append","event_id":"e","audio": "${audio}" }`,
    `{"audio":"ab\\/cd+ef","event_id":"${"x".repeat(90)}","type":"input_audio_buffer.append"}`,
    `{"audio":"${audio}","type":"input_audio_buffer.append"}`,
  ];
  for (const text of texts) expect(ClientEvent.read(text)?.audio).toBe(audio);
  expect(ClientEvent.read('{"type":"input_audio_buffer.append","audio":7}')?.audio).toBeNull();
  expect(ClientEvent.read('{"type":"response.create","audio":"abcd"}')?.audio).toBeNull();
});
