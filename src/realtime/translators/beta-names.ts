/**
 * The beta names of the unified format, for clients that still speak them (`OpenAI-Beta: realtime=v1`). OpenAI took the beta
 * interface down in 2026; the names of both are in its migration guide (platform.openai.com/docs/guides/realtime).
 */

import type { RealtimeEvent } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import { isObject, type JsonObject, objectOr } from "../json.ts";
import type { ClientDialect } from "../session/client-link.ts";

const BETA_TYPES: Readonly<Record<string, string>> = {
  "response.output_text.delta": "response.text.delta",
  "response.output_text.done": "response.text.done",
  "response.output_audio.delta": "response.audio.delta",
  "response.output_audio.done": "response.audio.done",
  "response.output_audio_transcript.delta": "response.audio_transcript.delta",
  "response.output_audio_transcript.done": "response.audio_transcript.done",
  "conversation.item.added": "conversation.item.created",
};
const BETA_CONTENT: Readonly<Record<string, string>> = { output_text: "text", output_audio: "audio" };
const GA_CONTENT: Readonly<Record<string, string>> = { text: "output_text", audio: "output_audio" };

/** A dialect of one client's session. */
export function betaNames(): ClientDialect {
  return { fromOurs, toOurs };
}

function fromOurs(event: RealtimeEvent): readonly RealtimeEvent[] {
  // Beta has one event for an item where GA has two.
  if (event.type === "conversation.item.done") return [];
  const type = BETA_TYPES[event.type] ?? event.type;
  const { session, response, item } = event;
  return [
    {
      ...event,
      type,
      ...(isObject(session) && { session: betaSession(session) }),
      ...(isObject(response) && { response: betaResponse(response) }),
      ...(isObject(item) && { item: withContent(item, BETA_CONTENT) }),
    },
  ];
}

function toOurs(event: RealtimeEvent): RealtimeEvent {
  const { session, response, item } = event;
  switch (event.type) {
    case "session.update":
      return isObject(session) ? { ...event, session: gaSession(session, "realtime") } : event;
    case "transcription_session.update":
      return isObject(session)
        ? { ...event, type: "session.update", session: gaSession(session, "transcription") }
        : { ...event, type: "session.update" };
    case "response.create":
      return isObject(response) ? { ...event, response: gaResponse(response) } : event;
    case "conversation.item.create":
      return isObject(item) && item.role === "assistant"
        ? { ...event, item: withContent(item, GA_CONTENT) }
        : event;
    default:
      return event;
  }
}

/** Fields that only beta sessions have. */
const FLAT_FIELDS: readonly string[] = [
  "modalities",
  "input_audio_format",
  "output_audio_format",
  "input_audio_transcription",
  "turn_detection",
  "input_audio_noise_reduction",
  "voice",
  "speed",
  "max_response_output_tokens",
  "temperature",
];

/** The session of a client that says it speaks GA, with beta fields that it sends all the same put where they belong. */
export function withoutFlatFields(session: JsonObject): JsonObject {
  if (!FLAT_FIELDS.some((field) => field in session)) return session;
  return gaSession(session, session.type === "transcription" ? "transcription" : "realtime");
}

/** Flat beta session fields as GA's; GA fields that are there stay. */
export function gaSession(session: JsonObject, type: "realtime" | "transcription"): JsonObject {
  const {
    modalities,
    input_audio_format,
    output_audio_format,
    input_audio_transcription,
    turn_detection,
    input_audio_noise_reduction,
    voice,
    speed,
    max_response_output_tokens,
    temperature: _unknownToGa,
    audio,
    ...rest
  } = session;
  const given = isObject(audio) ? audio : {};
  const input = defined({
    format: formatOf(input_audio_format),
    transcription: input_audio_transcription,
    turn_detection,
    noise_reduction: input_audio_noise_reduction,
  });
  const output = defined({ format: formatOf(output_audio_format), voice, speed });
  const sides = defined({
    input: Object.keys(input).length > 0 ? { ...objectOr(given.input), ...input } : given.input,
    output: Object.keys(output).length > 0 ? { ...objectOr(given.output), ...output } : given.output,
  });
  return {
    ...rest,
    type,
    ...defined({
      output_modalities: outputModalities(modalities) ?? rest.output_modalities,
      max_output_tokens: max_response_output_tokens ?? rest.max_output_tokens,
    }),
    ...(Object.keys(sides).length > 0 && { audio: sides }),
  };
}

function betaSession(session: JsonObject): JsonObject {
  const { audio, output_modalities, max_output_tokens, type: _type, ...rest } = session;
  const input = objectOr(objectOr(audio).input);
  const output = objectOr(objectOr(audio).output);
  return {
    ...rest,
    ...defined({
      modalities: betaModalities(output_modalities),
      input_audio_format: betaFormat(input.format),
      output_audio_format: betaFormat(output.format),
      input_audio_transcription: input.transcription,
      turn_detection: input.turn_detection,
      input_audio_noise_reduction: input.noise_reduction,
      voice: output.voice,
      speed: output.speed,
      max_response_output_tokens: max_output_tokens,
    }),
  };
}

function gaResponse(response: JsonObject): JsonObject {
  const {
    modalities,
    voice,
    output_audio_format,
    audio,
    max_response_output_tokens,
    temperature: _t,
    ...rest
  } = response;
  const given = objectOr(audio);
  const output = defined({ voice, format: formatOf(output_audio_format) });
  return {
    ...rest,
    ...defined({
      output_modalities: outputModalities(modalities) ?? rest.output_modalities,
      max_output_tokens: max_response_output_tokens ?? rest.max_output_tokens,
    }),
    ...(Object.keys(output).length > 0
      ? { audio: { ...given, output: { ...objectOr(given.output), ...output } } }
      : audio !== undefined && { audio }),
  };
}

function betaResponse(response: JsonObject): JsonObject {
  const { output, output_modalities, max_output_tokens, audio, ...rest } = response;
  const spoken = objectOr(objectOr(audio).output);
  return {
    ...rest,
    ...defined({
      output: Array.isArray(output)
        ? output.map((item) => (isObject(item) ? withContent(item, BETA_CONTENT) : item))
        : output,
      modalities: betaModalities(output_modalities),
      max_output_tokens,
      voice: spoken.voice,
      output_audio_format: betaFormat(spoken.format),
    }),
  };
}

function withContent(item: JsonObject, names: Readonly<Record<string, string>>): JsonObject {
  const { content } = item;
  if (!Array.isArray(content) || item.role !== "assistant") return item;
  return {
    ...item,
    content: content.map((part) =>
      isObject(part) && typeof part.type === "string"
        ? { ...part, type: names[part.type] ?? part.type }
        : part,
    ),
  };
}

/** Beta names both where sound is wanted; GA names one. */
function outputModalities(modalities: Json | undefined): Json | undefined {
  if (!Array.isArray(modalities)) return undefined;
  return modalities.includes("audio") ? ["audio"] : ["text"];
}

function betaModalities(modalities: Json | undefined): Json | undefined {
  if (!Array.isArray(modalities)) return undefined;
  return modalities.includes("audio") ? ["text", "audio"] : ["text"];
}

function formatOf(name: Json | undefined): Json | undefined {
  if (name === "pcm16") return { type: "audio/pcm", rate: 24_000 };
  if (name === "g711_ulaw") return { type: "audio/pcmu" };
  if (name === "g711_alaw") return { type: "audio/pcma" };
  return undefined;
}

function betaFormat(format: Json | undefined): Json | undefined {
  const { type } = objectOr(format);
  if (type === "audio/pcm") return "pcm16";
  if (type === "audio/pcmu") return "g711_ulaw";
  return type === "audio/pcma" ? "g711_alaw" : undefined;
}

function defined(fields: { [key: string]: Json | undefined }): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}
