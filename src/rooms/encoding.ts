/** How events are encoded for a subscriber: rooms know events, encodings know bytes. */

import type { Frame } from "../sockets/frame.ts";
import type { TaskView } from "../tasks/ports/task-store.ts";
import type { Task, TaskEvent } from "../tasks/task.ts";

/** An event and the task as it was recorded with it, or later. */
export type Entry = { readonly event: TaskEvent; readonly task: Task };

/**
 * One encoding of events. An instance is shared by all its subscribers: a room encodes an event once per encoding,
 * however many subscribers use it. `null` means that this encoding sends nothing for it. MUST NOT throw.
 * `id` is the printed position at which a subscriber that saw the frame resumes.
 */
export interface Encoding {
  /** Unique among the encodings of a process; part of topic names. */
  readonly name: string;
  event(entry: Entry, id: string): Frame | null;
  /** Begins a one-task stream that does not resume. */
  snapshot(view: TaskView, id: string): Frame | null;
  /** Begins a tenant's stream that does not resume; it has no snapshot. */
  begin(id: string): Frame | null;
  /** Announces that events were lost. */
  reset(id: string): Frame | null;
  /**
   * Joins frames that are due in the same turn of the event loop; null where every frame goes out alone and at once.
   */
  readonly pack: ((frames: readonly Frame[]) => Frame) | null;
}
