/** What the servers of the fan-outs send: an event of the REST streams, or the hubs' `TaskProgress` in either protocol. */

import { progressEvent } from "./offered-rate.ts";

export type HubEncoding = "json" | "messagepack";
export type Payload = "event" | HubEncoding;

export const HUB_TARGET = "TaskProgress";
export const TASK_ID = "019aa7b5-9c00-7000-8000-000000000000";
export const PERCENT = 50;

const RECORD_END = "\x1e";
/** [1, {}, nil, "TaskProgress", [id, 50]] and its length in front, as MessagePack writes it. */
const HEAD = [0x95, 0x01, 0x80, 0xc0, 0xa0 | HUB_TARGET.length, ...Buffer.from(HUB_TARGET)];
const ARGUMENTS = [0x92, 0xd9, TASK_ID.length, ...Buffer.from(TASK_ID), PERCENT];
const BINARY = [HEAD.length + ARGUMENTS.length, ...HEAD, ...ARGUMENTS];

/** Makes one message of this kind; every call encodes anew, as a server has to. */
export function createPayload(
  kind: Payload,
): (seq: number, dueAt: number) => string | Uint8Array<ArrayBuffer> {
  switch (kind) {
    case "event":
      return progressEvent;
    case "json":
      return () =>
        JSON.stringify({ type: 1, target: HUB_TARGET, arguments: [TASK_ID, PERCENT] }) + RECORD_END;
    case "messagepack":
      return () => Uint8Array.from(BINARY);
  }
}
