/** The HTTP call that some providers want before there is a socket. */

import type { Json } from "../../protocol/task.ts";
import type { UpstreamCall } from "./upstream-link.ts";

export type VoiceFetch = (url: string, init: RequestInit) => Promise<Response>;

/** Of an answer; more is not read. */
const MAX_ANSWER_BYTES = 262_144;
const SECOND_MS = 1_000;

export function createUpstreamCall(fetch: VoiceFetch): UpstreamCall {
  return async ({ url, headers, body }, signal) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify(body),
      redirect: "manual",
      signal,
    });
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    return {
      status: response.status,
      body: await boundedJson(response),
      retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * SECOND_MS : null,
    };
  };
}

/** Null for what is no JSON, or too long. */
async function boundedJson(response: Response): Promise<Json> {
  const text = await boundedText(response);
  try {
    return text === null ? null : (JSON.parse(text) as Json);
  } catch {
    return null;
  }
}

/** The text of an answer; null when it is longer than is read. */
export async function boundedText(response: Response): Promise<string | null> {
  if (response.body === null) return "";
  let text = "";
  let bytes = 0;
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    if (bytes > MAX_ANSWER_BYTES) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}
