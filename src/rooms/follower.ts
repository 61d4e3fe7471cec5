/** The follower port: whoever is told what happens in a room. One follower follows one task or one tenant's stream. */

import type { Encoding, Frame } from "./encoding.ts";

/** Why a room closes a follower: WebSocket close codes, whatever the transport. */
export const CLOSE_ENDED = 1000;
export const CLOSE_SHUTDOWN = 1001;
export const CLOSE_KEY_DISABLED = 1008;
/** Too slow, or the store cannot be read now: come again and resume. */
export const CLOSE_TRY_AGAIN = 1013;

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

export interface TopicMembership {
  subscribe(topic: string): void;
  /** What was published before MUST still arrive, before anything sent later. */
  unsubscribe(topic: string): void;
}

/** The host's native fan-out. */
export interface Topics {
  publish(topic: string, frame: Frame): void;
}

/** What becomes of followers that read too slowly. */
export type SlowPolicy = {
  /** Unsent bytes from which a follower is served alone. */
  readonly slowBytes: number;
  /** How long it may stay so full that it can be given nothing, ms. */
  readonly slowCloseMs: number;
};
