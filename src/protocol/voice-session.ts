/** Voice sessions as their owners and operators see them. Times are ISO 8601, money is US dollars. */

export type WireVoiceSession = {
  id: string;
  /** The name the client used. */
  model: string;
  provider: string;
  keyId: string;
  customer: string | null;
  started: string;
  /** Null while it is open. */
  ended: string | null;
  /** Why it ended, such as `client_closed` or `budget_exceeded`. */
  closeReason: string | null;
  /** What was used, of an open session as it was written last. */
  usage: Readonly<Record<string, number>>;
  /** How the conversation went. */
  analytics: WireVoiceAnalytics;
  /** What it came to so far. */
  cost: number;
  settled: boolean;
};

export type WireVoiceAnalytics = {
  /** From the end of the user's turn to the first sound of the answer; null while there was none. */
  timeToFirstAudioMs: { first: number | null; median: number | null };
  /** Times the user was heard to speak. */
  turns: number;
  responses: number;
  /** Responses that the user spoke into. */
  interruptions: number;
  /** Sound of each. Of a user whose turns no provider detected, all the sound that was sent. */
  talkedSeconds: { user: number; assistant: number };
};

export type WireVoiceSessionPage = { data: WireVoiceSession[]; hasMore: boolean; after: string | null };
export type WireVoiceSessionEnded = { id: string; ended: true };

/** One session, and where what was kept of it is read; null where nothing was. */
export type WireVoiceSessionDetail = WireVoiceSession & {
  transcript: string | null;
  recording: string | null;
};

/** One thing that was said. */
export type WireTranscriptEntry = {
  /** When it was complete. */
  at: string;
  role: "user" | "assistant" | "system" | "tool";
  /** `cut`: the user heard no more of the item than `heardMs`. */
  kind: "speech" | "text" | "tool_call" | "tool_result" | "cut";
  /** Of a tool's call: its arguments, as JSON. */
  text: string;
  itemId: string | null;
  /** The tool's name. */
  name?: string;
  heardMs?: number;
};

export type WireTranscript = {
  sessionId: string;
  model: string;
  started: string;
  /** Null while it is open: what was said lately may be missing. */
  ended: string | null;
  /** False when more was said than is kept. */
  complete: boolean;
  entries: WireTranscriptEntry[];
};
/** How many files were removed. */
export type WireArtefactsRemoved = { id: string; removed: number };
