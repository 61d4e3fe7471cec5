/** The follower port: whoever is told what happens in a room. One follower follows one task or one tenant's stream. */

import type { Frame, TopicMembership } from "../sockets/frame.ts";
import type { Encoding } from "./encoding.ts";

export interface Follower {
  readonly encoding: Encoding;
  /**
   * The host's native fan-out, where this follower can take part in it; null where every frame must be handed to
   * `send` (numbered messages, byte streams, hosts without topics).
   */
  readonly topics: TopicMembership | null;
  /** Takes a frame for sending, in order, behind everything that came by a topic. MUST NOT throw or block. */
  send(frame: Frame): void;
  /** Bytes taken and not yet handed to the network. Asked often: MUST be cheap. */
  bufferedBytes(): number;
  /**
   * Ends the stream: after everything sent, except for `CLOSE_TRY_AGAIN`, where it may be cut. MUST NOT throw.
   * The room has let go of the follower before it calls this, once.
   */
  close(code: number, reason: string): void;
}

/** What becomes of followers that read too slowly. */
export type SlowPolicy = {
  /** Unsent bytes from which a follower is served alone. */
  readonly slowBytes: number;
  /** How long it may stay so full that it can be given nothing, ms. */
  readonly slowCloseMs: number;
};
