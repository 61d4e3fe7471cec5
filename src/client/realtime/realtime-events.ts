/** What the realtime client is made with, and what it says. */

import type { TerminalStatus } from "../../protocol/task.ts";
import type { KeyOptions } from "../transport/credentials.ts";
import type { ConnectionOptions } from "../transport/requester.ts";

export type HubType = "image" | "video";

/** The ways to hear of tasks, in the order in which they are tried. */
export const REALTIME_TRANSPORTS = ["hub", "sse", "polling"] as const;
export type RealtimeTransport = (typeof REALTIME_TRANSPORTS)[number];

export type ConduitClientOptions = KeyOptions &
  ConnectionOptions & {
    /** Tries to reach the hub again after it was lost, before other transports are used. Default 5. */
    maxReconnectAttempts?: number | undefined;
    /** Says on the console what happens to the connection. Default false. */
    enableLogging?: boolean | undefined;
    /** Default: all of them. */
    transports?: readonly RealtimeTransport[] | undefined;
    /** Event streams at once while there is no hub; further tasks are read. Default 4, because browsers open six connections. */
    mostStreams?: number | undefined;
  };

export type ProgressUpdate = {
  taskId: string;
  /** 0 to 100, never lower than before. */
  progress: number;
  message?: string;
  estimatedSecondsRemaining?: number;
};

/** How a followed task ended. */
export type RealtimeTaskResult = {
  taskId: string;
  status: TerminalStatus;
  /** Of the first picture, or film. */
  imageUrl?: string;
  videoUrl?: string;
  error?: string;
  /** The task's own, and the `provider` and `model` its result came from. */
  metadata?: Record<string, unknown>;
};

export type RealtimeEvents = {
  connected: { hubType: HubType };
  /** By `disconnect`, without an error; or because the gateway cannot be reached or refuses the key. */
  disconnected: { error?: Error };
  reconnecting: { error?: Error };
  /** `connectionId` is null where the hub cannot be had and another transport took over. */
  reconnected: { connectionId: string | null };
  subscribed: { taskId: string; taskType: HubType };
  unsubscribed: { taskId: string };
  progress: ProgressUpdate;
  completed: RealtimeTaskResult;
  /** Failed or cancelled. */
  failed: RealtimeTaskResult;
  /** Something went wrong that no call can reject with. */
  error: { type: string; error: Error };
};
