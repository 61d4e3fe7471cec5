/** The bounds of what is stored, checked before anything is written. */

import type { Json } from "../protocol/task.ts";
import {
  MAX_EVENT_BYTES,
  MAX_STATE_BYTES,
  MAX_TASK_BYTES,
  StoredValueTooLargeError,
} from "../tasks/ports/store-error.ts";
import type { Task } from "../tasks/task.ts";
import type { StepTransition } from "../tasks/transition.ts";

/** What an event has besides its message: names, numbers, ids. */
const EVENT_FRAME_BYTES = 512;

/** Length of the text in UTF-8. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // A surrogate pair is two units and four bytes: two for each.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/** The immutable part of a task with its size. Throws `StoredValueTooLargeError` when a task could not hold it. */
export function measuredSpec(text: string): { text: string; bytes: number } {
  const bytes = utf8Bytes(text);
  if (bytes > MAX_TASK_BYTES) throw new StoredValueTooLargeError("task", bytes, MAX_TASK_BYTES);
  return { text, bytes };
}

/** Throws `StoredValueTooLargeError` when a provider's state is beyond its bound. */
export function assertStateFits(state: Json): void {
  const bytes = jsonBytes(state);
  if (bytes > MAX_STATE_BYTES) throw new StoredValueTooLargeError("state", bytes, MAX_STATE_BYTES);
}

/** Throws `StoredValueTooLargeError` when the transition's state or event is beyond its bound, whatever the task. */
export function assertTransitionFits(transition: StepTransition): void {
  if (transition.kind === "save" || transition.kind === "pend") assertStateFits(transition.state);
  const message = messageOf(transition);
  // Three bytes per unit is the worst case: short messages need no count.
  if (message === null || message.length * 3 + EVENT_FRAME_BYTES <= MAX_EVENT_BYTES) return;
  const bytes = utf8Bytes(message) + EVENT_FRAME_BYTES;
  if (bytes > MAX_EVENT_BYTES) throw new StoredValueTooLargeError("event", bytes, MAX_EVENT_BYTES);
}

/** The error to reject with when the task would outgrow its bound by the transition; null when it fits. */
export function taskTooLarge(
  { task, specBytes }: { task: Task; specBytes: number },
  transition: StepTransition,
): StoredValueTooLargeError | null {
  const state = "state" in transition ? transition.state : task.state;
  const result = transition.kind === "complete" ? transition.result : task.result;
  const error = "error" in transition ? transition.error : task.error;
  const message = messageOf(transition) ?? task.message;
  let bytes = specBytes;
  if (state !== null) bytes += jsonBytes(state);
  if (result !== null) bytes += jsonBytes(result);
  if (error !== null) bytes += jsonBytes(error);
  if (message !== null) bytes += utf8Bytes(message);
  return bytes > MAX_TASK_BYTES ? new StoredValueTooLargeError("task", bytes, MAX_TASK_BYTES) : null;
}

function messageOf(transition: StepTransition): string | null {
  if (transition.kind === "progress" || transition.kind === "pend") return transition.message;
  return "error" in transition ? transition.error.message : null;
}

function jsonBytes(value: object | Json): number {
  return value === null ? 0 : utf8Bytes(JSON.stringify(value));
}
