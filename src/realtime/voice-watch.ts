/** The port of whoever looks on at voice sessions: metrics, health and the log. What is said in them is never shown. */

import type { CounterName } from "./usage/counters.ts";

export type WatchedSession = {
  readonly id: string;
  readonly keyId: string;
  /** The one that it goes to first. */
  readonly provider: string;
  /** The name the client used. */
  readonly model: string;
  readonly intent: string;
  /** What was used so far; read when somebody asks, until the session has ended. */
  readonly usage: { get(name: CounterName): number };
};

/** How a provider answered when it was connected to. */
export type ConnectOutcome = "connected" | "refused" | "rate_limited" | "unauthorized" | "unreachable";

export interface VoiceWatch {
  opened(session: WatchedSession): SessionWatch;
}

/** What happens in one session. Nothing here throws. */
export interface SessionWatch {
  /** Told of every message, by its type and size; null where nobody wants to know. */
  readonly traffic: ((from: "client" | "gateway", type: string, bytes: number) => void) | null;
  /** The provider's socket is open, or cannot be had; `tookMs` from the first attempt on. */
  connected(outcome: ConnectOutcome, tookMs: number): void;
  /** It goes on with another provider. */
  moved(provider: string): void;
  /** The client was sent an `error` with this code. */
  reported(code: string): void;
  /** Called once. */
  ended(reason: string): void;
}

/** Where nobody looks on. */
export const UNWATCHED: SessionWatch = {
  traffic: null,
  connected: () => {},
  moved: () => {},
  reported: () => {},
  ended: () => {},
};

/** `status` as the dialer told it. */
export function connectOutcome(status: number | null): ConnectOutcome {
  if (status === null) return "unreachable";
  if (status === 429) return "rate_limited";
  return status === 401 || status === 403 ? "unauthorized" : "refused";
}
