/**
 * The subscriber port: what receives the events of a room. One subscriber subscribes to one task or one tenant's
 * stream.
 */

import type { Frame, TopicMembership } from "../sockets/frame.ts";
import type { Encoding } from "./encoding.ts";

export interface Subscriber {
  readonly encoding: Encoding;
  /**
   * The host's native topics, where frames may reach this subscriber through them; null where every frame must be
   * handed to `send` (numbered messages, byte streams, hosts without topics).
   */
  readonly topics: TopicMembership | null;
  /** Takes a frame for sending, in order, behind everything that came by a topic. MUST NOT throw or block. */
  send(frame: Frame): void;
  /** Bytes taken and not yet handed to the network. Asked often: MUST be cheap. */
  bufferedBytes(): number;
  /**
   * Ends the stream: after everything sent, except for `CLOSE_TRY_AGAIN`, where it may be cut. MUST NOT throw.
   * Called once, when the room has already removed the subscription.
   */
  close(code: number, reason: string): void;
}

/** When a subscriber counts as slow, and when it is closed. */
export type SlowPolicy = {
  /** Unsent bytes from which a subscriber is served alone. */
  readonly slowBytes: number;
  /** How long it may stay so full that it can be given nothing, ms. */
  readonly slowCloseMs: number;
};
