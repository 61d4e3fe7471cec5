/** The store on Upstash: the Redis store over REST. */

import type { Settings } from "../../config.ts";
import type { Store } from "./store-calls.ts";

export function openUpstashStore(_upstash: Settings["upstash"]): Store {
  throw new Error("not there yet");
}
