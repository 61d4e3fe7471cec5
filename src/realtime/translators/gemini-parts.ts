/** Parts of Gemini Live's messages, made of the unified format's. */

import type { Json } from "../../protocol/task.ts";
import { isObject, type JsonObject, parseObject } from "../json.ts";
import { type ConversationItem, textOfItem } from "../synthesis/conversation-items.ts";

/** The client's turn detection; null: the client says itself when the user has spoken. */
export function activityDetection(detection: JsonObject | null): JsonObject {
  if (detection === null) return { automaticActivityDetection: { disabled: true } };
  const { prefix_padding_ms: prefix, silence_duration_ms: silence } = detection;
  return {
    automaticActivityDetection: {
      ...(typeof prefix === "number" && { prefixPaddingMs: prefix }),
      ...(typeof silence === "number" && { silenceDurationMs: silence }),
    },
    ...(detection.interrupt_response === false && { activityHandling: "NO_INTERRUPTION" }),
  };
}

/** A function tool of the client. */
export function declarationOf({ name, description, parameters }: JsonObject): JsonObject {
  return {
    name: name ?? "",
    ...(description !== undefined && { description }),
    ...(parameters !== undefined && { parametersJsonSchema: parameters }),
  };
}

/** The text of a message item, and its pictures where they are data URLs. */
export function messagePartsOf(item: ConversationItem): Json {
  const { content } = item;
  const pictures = Array.isArray(content)
    ? content.filter(isObject).flatMap(({ type, image_url }) => {
        const match =
          type === "input_image" && typeof image_url === "string"
            ? /^data:([^;]+);base64,(.*)$/s.exec(image_url)
            : null;
        return match === null ? [] : [{ inlineData: { mimeType: match[1] ?? "", data: match[2] ?? "" } }];
      })
    : [];
  const text = textOfItem(item);
  return text === "" && pictures.length > 0 ? pictures : [{ text }, ...pictures];
}

/** An object, as the provider wants it. */
export function toolResult(output: Json | undefined): Json {
  const value = typeof output === "string" ? parseObject(output) : null;
  return value ?? { result: output ?? null };
}
