/** What QStash carries for us: the message that says "there is work in this lane", and where it is delivered. */

import type { TaskType } from "../protocol/task.ts";

/** Takes rings. */
export const STEP_PATH = "/v1/queue/step";
/** Takes word of rings that QStash gave up on. */
export const FAILED_PATH = "/v1/queue/failed";
export type QueuePath = typeof STEP_PATH | typeof FAILED_PATH;

/**
 * Where QStash delivers to: the gateway's public address and one of the paths above. Deliveries are signed for it, so
 * whoever rings and whoever checks must spell it alike.
 */
export function queueAddress(publicUrl: string, path: QueuePath): string {
  // Spelled in the standard way (lower case host, no default port), whatever way the operator spells it.
  return new URL(publicUrl + path).href;
}

/** Carries the proof that a delivery comes from QStash. */
export const SIGNATURE_HEADER = "upstash-signature";

/**
 * The body of a ring. Whoever takes it claims the fairest due task of `lane`, which need not be the one named: id and
 * step tell repeated rings apart and lead from a message to a task.
 */
export type RingMessage = {
  lane: TaskType;
  taskId: string;
  /** The task's claim number (fence) when the ring was sent: 0 = its first start. */
  step: number;
  /** How often this step was rung for again after QStash had given up on a ring. */
  again: number;
  /** Due work is to be done and nothing to be claimed; then no task is named. */
  work?: true | undefined;
};
