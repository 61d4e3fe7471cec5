/** What is handed to a connection, and the port to the host's native topics. */

/** One message of a socket, or one chunk of a byte stream: text, or bytes. */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** One connection's membership in the host's native topics. */
export interface TopicMembership {
  subscribe(topic: string): void;
  /** What was published before MUST still arrive, before anything sent later. */
  unsubscribe(topic: string): void;
}

/** The host's native topics. */
export interface Topics {
  publish(topic: string, frame: Frame): void;
}
