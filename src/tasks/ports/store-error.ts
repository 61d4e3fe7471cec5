/** The errors a store may reject with, besides bugs. */

/** Why the store could not do it. */
export type UnavailableReason =
  /** Another process holds the store. */
  | "locked"
  /** No room to write. */
  | "full"
  /** The storage failed or is damaged. */
  | "broken"
  /** Too many steps wait already. */
  | "overloaded"
  /** The storage is elsewhere and gave no answer, or is not ready. Only here it is open whether the step happened. */
  | "unreachable"
  /** The data was written by a newer release. */
  | "newer_schema"
  | "closed";

/**
 * The step did not happen: nothing of it is stored, unless the reason is `unreachable`. Trying again later may work,
 * except for `newer_schema` and `closed`. Clients see 503.
 */
export class StoreUnavailableError extends Error {
  override readonly name = "StoreUnavailableError";
  readonly reason: UnavailableReason;

  constructor(reason: UnavailableReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/** The longest prompt the gateway takes (32,000 characters) where JSON escapes every one of them (`\u0001`). */
const LONGEST_PROMPT_BYTES = 32_000 * 6;
/** A stored task as UTF-8 JSON: what was asked for, its state, result and error together; 64 kB beside its prompt. */
export const MAX_TASK_BYTES = 64 * 1024 + LONGEST_PROMPT_BYTES;
/** One event, progress included. */
export const MAX_EVENT_BYTES = 16 * 1024;
/** What a provider may keep between two steps. */
export const MAX_STATE_BYTES = 8 * 1024;

/** A value beyond its bound; nothing was written. */
export class StoredValueTooLargeError extends Error {
  override readonly name = "StoredValueTooLargeError";
  readonly what: "task" | "event" | "state";
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(what: "task" | "event" | "state", bytes: number, maxBytes: number) {
    super(
      `A stored ${what} may have ${maxBytes} bytes; this one has ${bytes}. Keep files in the media store.`,
    );
    this.what = what;
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}
