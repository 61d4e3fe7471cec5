/**
 * The unified message format of voice sessions: OpenAI's GA Realtime event vocabulary (platform.openai.com/docs/api-reference/realtime),
 * and our own events, whose types begin with `conduit.`. Messages are JSON objects with a string `type`, one per text frame.
 */

import type { Json } from "./task.ts";

/** An event in either direction. */
export type RealtimeEvent = { readonly type: string; readonly [field: string]: Json | undefined };

/** `error.error.code` of errors the gateway raises itself, besides OpenAI's own. */
export const REALTIME_ERROR_CODES = [
  "connection_failed",
  "authentication_failed",
  "rate_limit_exceeded",
  "message_too_large",
  "provider_error",
  "internal_error",
  "insufficient_quota",
  "session_expired",
  "invalid_event",
  "unsupported_by_provider",
  "conversation_already_has_active_response",
  "response_cancel_not_active",
  "input_audio_buffer_commit_empty",
  "item_not_found",
] as const;
export type RealtimeErrorCode = (typeof REALTIME_ERROR_CODES)[number];

export type RealtimeError = {
  readonly code: RealtimeErrorCode;
  readonly message: string;
  readonly param?: string;
  /** The `event_id` of the client's event that was at fault. */
  readonly eventId?: string | null;
};

/** How audio is coded: 16-bit PCM, little-endian, one channel; or G.711 at 8 kHz. */
export type AudioFormat =
  | { readonly type: "audio/pcm"; readonly rate: number }
  | { readonly type: "audio/pcmu" }
  | { readonly type: "audio/pcma" };

/** What GA sessions have where nothing is said. */
export const DEFAULT_AUDIO_FORMAT: AudioFormat = { type: "audio/pcm", rate: 24_000 };

/** Tokens of one response by kind, as `response.done` reports them. Kinds include what was cached. */
export type ResponseUsage = {
  readonly total_tokens: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly input_token_details: {
    readonly text_tokens: number;
    readonly audio_tokens: number;
    readonly image_tokens: number;
    readonly cached_tokens: number;
    readonly cached_tokens_details: {
      readonly text_tokens: number;
      readonly audio_tokens: number;
      readonly image_tokens: number;
    };
  };
  readonly output_token_details: { readonly text_tokens: number; readonly audio_tokens: number };
};

/** The subprotocol that clients of this vocabulary offer, and get back. */
export const REALTIME_PROTOCOL = "realtime";
/** Subprotocol items that carry a key, for browsers, which cannot set headers. */
export const KEY_PROTOCOL_PREFIXES = ["openai-insecure-api-key.", "conduit-key."] as const;
/** Offered by clients that speak the beta names. */
export const BETA_PROTOCOL = "openai-beta.realtime-v1";
/** Headers of published configurations that providers refuse by now, in lower case. */
export const DEAD_UPSTREAM_HEADERS: ReadonlySet<string> = new Set(["openai-beta"]);
/** A client's question whether the gateway is there, for browsers, which cannot send a WebSocket's ping; and its answer. */
export const PING_EVENT = "conduit.ping";
export const PONG_EVENT = "conduit.pong";
