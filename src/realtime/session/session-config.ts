/** The session object that clients are shown before a provider has said anything: GA's fields with their defaults. */

import { DEFAULT_AUDIO_FORMAT } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import { isObject, type JsonObject } from "../json.ts";
import type { SessionPlan } from "../translator.ts";

/** Shown to a client that chose no voice. Providers of other protocols have voices of their own, and are told of none. */
export const SHOWN_VOICE = "alloy";

/** `expiresAt` in ms. */
export function initialSession(
  { sessionId, model, session, intent }: Pick<SessionPlan, "sessionId" | "model" | "session" | "intent">,
  expiresAt: number,
): Json {
  const base = intent === "transcription" ? transcriptionDefaults() : conversationDefaults();
  return {
    ...merge(base, session),
    id: sessionId,
    object: intent === "transcription" ? "realtime.transcription_session" : "realtime.session",
    ...(intent === "conversation" && { model }),
    expires_at: Math.floor(expiresAt / 1_000),
  };
}

/** The session with an update put over it: objects are merged, everything else is replaced. The model stays. */
export function merge(
  session: Readonly<JsonObject>,
  update: Readonly<Record<string, Json | undefined>>,
): JsonObject {
  const merged: JsonObject = { ...session };
  for (const [field, value] of Object.entries(update)) {
    if (value === undefined) continue;
    const before = merged[field];
    merged[field] = isObject(value) && isObject(before) && field !== "format" ? merge(before, value) : value;
  }
  return merged;
}

function conversationDefaults(): JsonObject {
  return {
    type: "realtime",
    output_modalities: ["audio"],
    instructions: "",
    tools: [],
    tool_choice: "auto",
    max_output_tokens: "inf",
    truncation: "auto",
    prompt: null,
    tracing: null,
    include: null,
    audio: {
      input: inputDefaults({ idle_timeout_ms: null, create_response: true, interrupt_response: true }),
      output: { format: { ...DEFAULT_AUDIO_FORMAT }, voice: SHOWN_VOICE, speed: 1 },
    },
  };
}

/** What both kinds of session take in; `turns` is what only a conversation has of the detection of turns. */
function inputDefaults(turns: JsonObject): JsonObject {
  return {
    format: { ...DEFAULT_AUDIO_FORMAT },
    transcription: null,
    noise_reduction: null,
    turn_detection: {
      type: "server_vad",
      threshold: 0.5,
      prefix_padding_ms: 300,
      silence_duration_ms: 500,
      ...turns,
    },
  };
}

function transcriptionDefaults(): JsonObject {
  return {
    type: "transcription",
    include: null,
    audio: {
      input: inputDefaults({}),
    },
  };
}
