/** What a session asks of its model, for the choice of one that stands in for another. */

import type { Json } from "../../protocol/task.ts";
import { isObject, objectOr } from "../json.ts";
import { AUDIO_APPEND, type ClientEvent } from "../session/client-event.ts";
import type { RealtimeCapabilities } from "../translator.ts";

export type SessionNeeds = {
  readonly tools: boolean;
  /** The voice by its name; null where none is asked for. */
  readonly voice: string | null;
  readonly imageInput: boolean;
  readonly transcription: boolean;
  readonly webrtc: boolean;
};

/** What a session's configuration asks for; GA fields. */
export function needsOf(
  session: Readonly<Record<string, Json>>,
  { intent, transport }: { readonly intent: string; readonly transport: "socket" | "webrtc" },
): SessionNeeds {
  return {
    tools: hasTools(session),
    voice: voiceOf(session),
    imageInput: false,
    transcription: intent === "transcription",
    webrtc: transport === "webrtc",
  };
}

/** With what a client has asked for since, by its messages in their order. */
export function needsAfter(needs: SessionNeeds, messages: Iterable<ClientEvent | Uint8Array>): SessionNeeds {
  let { tools, voice, imageInput } = needs;
  for (const message of messages) {
    if (message instanceof Uint8Array || message.type === AUDIO_APPEND) continue;
    const { session, response, item } = message.event;
    for (const asked of [session, response].filter(isObject)) {
      tools = asked.tools === undefined ? tools : hasTools(asked);
      voice = voiceOf(asked) ?? voice;
    }
    imageInput ||= hasPicture(item);
  }
  return { ...needs, tools, voice, imageInput };
}

/**
 * Whether a model does all that is asked. `standsIn`: it was not asked for by its name; then its tools have to be the session's own,
 * and a voice one that is known to be there. `sameVoices`: it is of the provider that was asked for, which has the voice if
 * anybody does.
 */
export function meets(
  { tools, fixedTools = false, voices, imageInput, transcription, webrtc }: RealtimeCapabilities,
  needs: SessionNeeds,
  { standsIn, sameVoices }: { readonly standsIn: boolean; readonly sameVoices: boolean },
): boolean {
  const voiced = needs.voice === null || (voices?.includes(needs.voice) ?? (!standsIn || sameVoices));
  return (
    voiced &&
    (!needs.tools || (tools && !(standsIn && fixedTools))) &&
    (!needs.imageInput || imageInput) &&
    (!needs.transcription || transcription) &&
    (!needs.webrtc || webrtc)
  );
}

/** Whether a conversation's item has a picture in it. */
export function hasPicture(item: Json | undefined): boolean {
  const { content } = objectOr(item);
  return Array.isArray(content) && content.filter(isObject).some(({ type }) => type === "input_image");
}

function hasTools({ tools }: { readonly tools?: Json | undefined }): boolean {
  return Array.isArray(tools) && tools.length > 0;
}

/** Also where the beta has it. */
function voiceOf(session: Readonly<Record<string, Json | undefined>>): string | null {
  const voice = objectOr(objectOr(session.audio).output).voice ?? session.voice;
  if (isObject(voice)) return typeof voice.id === "string" ? voice.id : null;
  return typeof voice === "string" && voice !== "" ? voice : null;
}
