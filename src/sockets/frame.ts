/** What is handed to a connection, and the host's native fan-out of it. */

/** One message of a socket, or one chunk of a byte stream: text, or bytes. */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** One connection's part in the host's native fan-out. */
export interface TopicMembership {
  subscribe(topic: string): void;
  /** What was published before MUST still arrive, before anything sent later. */
  unsubscribe(topic: string): void;
}

/** The host's native fan-out. */
export interface Topics {
  publish(topic: string, frame: Frame): void;
}
