/**
 * What a deployment gives the Worker and its Durable Objects; `wrangler.toml` binds it. Each class of objects is
 * declared by the methods it is called with, so that callers need not import its code.
 */

import type { R2Bucket } from "@cloudflare/workers-types";
import type { MediaShards } from "../../media/chunked.ts";
import type { KeyEnd } from "../../protocol/close-codes.ts";
import type { ErrorCode } from "../../protocol/error.ts";
import type { VoiceOpening } from "../../realtime/voice-admission.ts";
import type { StoreNamespace } from "../../stores/remote/remote-store.ts";
import type { TaskUpdate } from "../../tasks/task.ts";

/** The objects of one class. A stub is good for the request that made it. */
export type Objects<Calls> = {
  getByName(name: string): Calls & { fetch(request: Request): Promise<Response> };
};

export type RoomCalls = {
  publish(update: TaskUpdate): Promise<void>;
  /** The shard gets the room's updates from here on. */
  join(shard: string): Promise<void>;
  leave(shard: string): Promise<void>;
};

export type ShardCalls = {
  /** In order. */
  publish(...updates: TaskUpdate[]): Promise<void>;
  /** Ends every connection: the key is no longer valid. */
  closeKey(why: KeyEnd): Promise<void>;
};

export type RunnerCalls = {
  /** There is work at `atMs` (wall clock); `forwards` counts the full runners that forwarded this ring. */
  ring(atMs: number, forwards?: number): Promise<void>;
};

/** Why there is no session, as an error of the API. */
export type RefusedSession = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly param: string | null;
  readonly retryAfterSeconds: number | null;
};

export type SessionCalls = {
  open(opening: VoiceOpening): Promise<RefusedSession | null>;
  /** Makes a call; answers with the provider's SDP. */
  makeCall(opening: VoiceOpening, sdp: string): Promise<RefusedSession | { readonly sdp: string }>;
  /** False when no session is open there. */
  terminate(): Promise<boolean>;
};

/** The files that were uploaded with the Worker, by their paths. */
export type AssetFiles = { fetch(request: Request): Promise<Response> };

export type Bindings = {
  /** One object, named `store`. */
  readonly STORE: StoreNamespace;
  /** One object for each followed task or tenant, named like its room. */
  readonly TASK_ROOM: Objects<RoomCalls>;
  /** `<keyId>/<n>`: the hub connections of a key. */
  readonly HUB_SHARD: Objects<ShardCalls>;
  /** A fixed pool, see tasks/engine/steps/step-runner-pool.ts. */
  readonly STEP_RUNNER: Objects<RunnerCalls>;
  /** One object for each realtime session, named by its id. */
  readonly REALTIME_SESSION: Objects<SessionCalls>;
  /** Media where no bucket is bound. */
  readonly MEDIA_STORE: MediaShards;
  /** Media; without it they go to `MEDIA_STORE`. */
  readonly MEDIA?: R2Bucket;
  /** The web pages that come with the gateway. */
  readonly ASSETS?: AssetFiles;
  /** Variables and secrets are texts. */
  readonly [variable: string]: unknown;
};

/** The texts among the bindings: what the configuration reads as its environment. */
export function variablesOf(bindings: Bindings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
