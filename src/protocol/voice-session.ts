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
