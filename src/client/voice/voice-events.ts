/** What `RealtimeVoice` is made with, and what it says. */

import type { RealtimeEvent } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import type { KeyOptions } from "../transport/credentials.ts";
import type { ConnectionOptions } from "../transport/requester.ts";
import type { VoiceError } from "./voice-errors.ts";

export type VoiceTransport = "websocket" | "webrtc";

/** A session's configuration in OpenAI's GA names; formats of sound and push to talk are this client's. */
export type VoiceSessionFields = {
  instructions?: string;
  output_modalities?: ("audio" | "text")[];
  tools?: Json[];
  audio?: {
    input?: { [field: string]: Json };
    output?: { [field: string]: Json };
  };
  [field: string]: Json | undefined;
};

export type VoiceOptions = KeyOptions &
  Omit<ConnectionOptions, "maxRetries"> & {
    /** Default: the gateway's, or that of the session an `ek_` was made for. */
    model?: string | undefined;
    session?: VoiceSessionFields | undefined;
    /** Default `websocket`. `webrtc` needs a provider that takes calls. */
    transport?: VoiceTransport | undefined;
    /** Who speaks says so by `startTalking` and `stopTalking`. Default false: the provider hears when somebody speaks. */
    pushToTalk?: boolean | undefined;
    /** Which microphone, and how it is treated; null: none is opened. Default: the system's, with its echo cancelled. */
    microphone?: MediaTrackConstraints | null | undefined;
    /** Where the package's `voice/worklet.js` is served. Default: it is loaded from a `Blob`, which needs `blob:` in `script-src`. */
    workletUrl?: string | URL | undefined;
    /** Sound that is gathered before an answer begins to be heard, ms. More is steadier, less is faster. Default 60. */
    playbackLeadMs?: number | undefined;
    /** The most sound that waits to be played; what comes beyond is dropped, with a `warning`. Default 300,000 ms. */
    playbackMostMs?: number | undefined;
    /** Tries to reach the gateway again after the connection was lost. Default 5. */
    maxReconnectAttempts?: number | undefined;
    /** So long nothing may be heard before the gateway is asked whether it is there. Default 15,000 ms. */
    heartbeatMs?: number | undefined;
    /** How often `levels` comes; 0: never. Default 100 ms. */
    levelsEveryMs?: number | undefined;
  };

/** Whose turn it is: the user's, the answer's that is being made, the answer's that is heard, or nobody's. */
export type TurnState = "idle" | "listening" | "thinking" | "speaking";

export type Transcript = {
  readonly role: "user" | "assistant";
  readonly itemId: string;
  /** What is new; on the last one of an item what was missing. */
  readonly delta: string;
  /** All of it so far. */
  readonly text: string;
  readonly isFinal: boolean;
};

export type VoiceEvents = {
  connected: { transport: VoiceTransport };
  /** The connection was lost; `attempt` counts from 1. */
  reconnecting: { attempt: number; error: Error };
  /** In a new session, which was told so many texts of the conversation. */
  reconnected: { restoredItems: number };
  /** By `disconnect`, without an error; or for good because of it. */
  disconnected: { error?: Error };
  turn: { state: TurnState };
  transcript: Transcript;
  /** Loudness of the microphone and of the answer, 0 to 1 (root mean square). */
  levels: { input: number; output: number };
  /** An answer was cut off after so much of it was heard. */
  interrupted: { itemId: string; heardMs: number };
  /** Answer it with `sendToolResult`. `arguments` is JSON. */
  toolCall: { name: string; callId: string; arguments: string };
  /** What the session used so far and what it costs, US dollars: after each answer, over WebSocket. */
  usage: { cost: number; usage: Readonly<Record<string, number>> };
  /** Something is not as it was asked for: a `conduit.warning`, or `playback_blocked`, `playback_full`, `uplink_slow` of this client. */
  warning: { code: string; message: string };
  /** The session goes on. */
  error: { error: Error | VoiceError };
  /** Every event of the session as it came. */
  event: RealtimeEvent;
};
