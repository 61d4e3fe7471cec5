/** How a session ends: what the client is told, the close code, and the reason that is kept in the session's record. */

import {
  CLOSE_GOING_AWAY,
  CLOSE_INTERNAL,
  CLOSE_NORMAL,
  CLOSE_POLICY,
  CLOSE_RESTART,
  CLOSE_TOO_BIG,
  CLOSE_TRY_AGAIN,
  sendableCloseCode,
} from "../../protocol/close-codes.ts";
import type { RealtimeError } from "../../protocol/realtime.ts";
import type { CloseNote, DialFailure } from "../../sockets/dialer.ts";

export type SessionEnding = {
  readonly code: number;
  /** For the record: one word or two, with underscores. */
  readonly reason: string;
  /** Sent before the close. */
  readonly error: RealtimeError | null;
  /** The text of the close, at most 123 bytes. */
  readonly text: string;
};

const MINUTE_MS = 60_000;

function ending(code: number, reason: string, error: RealtimeError | null, text = ""): SessionEnding {
  return { code, reason, error, text };
}

export const END = {
  providerTooSlow: ending(CLOSE_TRY_AGAIN, "provider_too_slow", {
    code: "connection_failed",
    message: "The provider takes messages too slowly. Open a new session.",
  }),
  clientTooSlow: ending(CLOSE_TRY_AGAIN, "client_too_slow", null, "messages were read too slowly"),
  internalError: ending(CLOSE_INTERNAL, "internal_error", {
    code: "internal_error",
    message: "The session failed in the gateway. Open a new one.",
  }),
  shutdown: ending(CLOSE_RESTART, "shutdown", null, "the server is shutting down; open a new session"),
  terminated: ending(CLOSE_NORMAL, "terminated", null, "the session was ended by its owner"),
  unmetered: ending(CLOSE_TRY_AGAIN, "unmetered", {
    code: "connection_failed",
    message:
      "The call was ended, because the provider did not tell the gateway what it uses. Make a new one.",
  }),
  keyEnded: (why: string) => ending(CLOSE_POLICY, "key_ended", null, why),
  sessionExpired: (ms: number) =>
    ending(
      CLOSE_GOING_AWAY,
      "session_expired",
      {
        code: "session_expired",
        message: `Your session hit the maximum duration of ${Math.round(ms / MINUTE_MS)} minutes.`,
      },
      "the session has reached its maximum duration",
    ),
  messageTooLarge: (bytes: number) =>
    ending(
      CLOSE_TOO_BIG,
      "message_too_large",
      {
        code: "message_too_large",
        message: `A message may have at most ${bytes} bytes. Send audio in smaller pieces.`,
      },
      "the message is too large",
    ),
  flood: (kind: "audio" | "control") =>
    ending(
      CLOSE_POLICY,
      "flood",
      {
        code: "rate_limit_exceeded",
        message: `Too many ${kind} messages a second. Send larger pieces, less often.`,
      },
      "too many messages",
    ),
  budgetExceeded: (eventId: string | null) =>
    ending(
      CLOSE_POLICY,
      "budget_exceeded",
      {
        code: "insufficient_quota",
        message: "The key's budget is used up. GET /v1/key shows what is left of it.",
        eventId,
      },
      "the key's budget is used up",
    ),
} as const;

/** The provider could not be had. */
export function connectFailure({ status, message }: DialFailure): SessionEnding {
  if (status === 401 || status === 403)
    return ending(CLOSE_INTERNAL, "provider_auth", {
      code: "authentication_failed",
      message: "The provider refused the gateway's account. Whoever runs the gateway has to look at its key.",
    });
  if (status === 429)
    return ending(CLOSE_TRY_AGAIN, "provider_rate_limited", {
      code: "rate_limit_exceeded",
      message: "The provider takes no more sessions at the moment. Try again later.",
    });
  return ending(CLOSE_INTERNAL, "connection_failed", {
    code: "connection_failed",
    message: `The provider could not be connected to: ${message}.`,
  });
}

/** The provider ended the session: its code as far as it may be sent, its words kept from the client. */
export function upstreamEnding({ code }: CloseNote): SessionEnding {
  if (code === CLOSE_NORMAL || code === 1005) return ending(CLOSE_NORMAL, "provider_closed", null);
  const sent = code === 1006 || code === 1015 ? CLOSE_INTERNAL : sendableCloseCode(code);
  return ending(sent, `provider_closed_${code}`, {
    code: "provider_error",
    message: `The provider ended the session (close code ${code}).`,
  });
}
