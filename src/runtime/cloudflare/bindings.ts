/** What a deployment gives the Worker and its Durable Objects; `wrangler.toml` binds it. */

import type { DurableObjectNamespace, R2Bucket } from "@cloudflare/workers-types";
import type { HubShard } from "./hub-shard.ts";
import type { MediaObject } from "./media-object.ts";
import type { StepRunner } from "./step-runner.ts";
import type { StoreObject } from "./store-object.ts";
import type { TaskRoom } from "./task-room.ts";

export type Bindings = {
  /** One object, named `store`. */
  readonly STORE: DurableObjectNamespace<StoreObject>;
  /** One object for each followed task or tenant, named like its room. */
  readonly TASK_ROOM: DurableObjectNamespace<TaskRoom>;
  /** `<keyId>/<n>`: the hub connections of a key. */
  readonly HUB_SHARD: DurableObjectNamespace<HubShard>;
  /** A fixed pool, see step-runner.ts. */
  readonly STEP_RUNNER: DurableObjectNamespace<StepRunner>;
  /** Media where no bucket is bound. */
  readonly MEDIA_STORE: DurableObjectNamespace<MediaObject>;
  /** Media; without it they go to `MEDIA_STORE`. */
  readonly MEDIA?: R2Bucket;
  /** Variables and secrets are texts. */
  readonly [variable: string]: unknown;
};

/** The texts among the bindings: what the configuration reads as its environment. */
export function variablesOf(bindings: Bindings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
