/**
 * The nine messages of the hub protocol, spelled as JSON spells them. `headers` are checked by the readers and
 * dropped there: Python's signalrcore copies its bearer token into them (seen in 2026).
 */

export const MessageType = {
  Invocation: 1,
  StreamItem: 2,
  Completion: 3,
  StreamInvocation: 4,
  CancelInvocation: 5,
  Ping: 6,
  Close: 7,
  Ack: 8,
  Sequence: 9,
} as const;

/** Calls a method; without `invocationId` nothing is answered. */
export type Invocation = {
  type: typeof MessageType.Invocation;
  invocationId?: string;
  target: string;
  arguments: readonly unknown[];
  /** Ids of the streams the sender will feed with `StreamItem`. */
  streamIds?: readonly string[];
};

/** One value of a stream; `invocationId` names the stream. */
export type StreamItem = { type: typeof MessageType.StreamItem; invocationId: string; item: unknown };

/** Ends an invocation or a stream. `error` excludes `result`; neither means void. */
export type Completion = {
  type: typeof MessageType.Completion;
  invocationId: string;
  result?: unknown;
  error?: string;
};

/** Calls a method that answers with a stream. */
export type StreamInvocation = {
  type: typeof MessageType.StreamInvocation;
  invocationId: string;
  target: string;
  arguments: readonly unknown[];
  streamIds?: readonly string[];
};

/** Asks the other side to stop a stream. */
export type CancelInvocation = { type: typeof MessageType.CancelInvocation; invocationId: string };

export type Ping = { type: typeof MessageType.Ping };

/** Ends the connection; without `allowReconnect` a client stays away. */
export type Close = { type: typeof MessageType.Close; error?: string; allowReconnect?: boolean };

/** Stateful reconnect: every message up to this number was processed. */
export type Ack = { type: typeof MessageType.Ack; sequenceId: number };

/** Stateful reconnect: the number of the first message that follows. */
export type Sequence = { type: typeof MessageType.Sequence; sequenceId: number };

export type HubMessage =
  | Invocation
  | StreamItem
  | Completion
  | StreamInvocation
  | CancelInvocation
  | Ping
  | Close
  | Ack
  | Sequence;

/** Shared by every reader and writer: the commonest message needs no allocation. */
export const PING: Ping = Object.freeze({ type: MessageType.Ping });

/** Whether stateful reconnect numbers this message; both sides count them implicitly, from 1. */
export function isNumbered(message: HubMessage): boolean {
  return message.type <= MessageType.CancelInvocation;
}
