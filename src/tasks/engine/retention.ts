/**
 * The retention sweep: removes what has been kept long enough, a bounded step at a time so that requests go on. Its cost is that
 * of what ends: nothing that is kept is looked at.
 *
 * A task's files go by the task's end. The store says whose are due, from its index of finished tasks: all files of a task
 * `mediaMs` after its end, those that it does not name (a crashed or repeated step left them) an hour after it. Files of tasks
 * that the store does not know (it was restored, or a removal failed) are found among the oldest days, when nothing of
 * these should be left. A task whose files cannot be removed holds up no other one (unremoved-media.ts).
 */

import type { Clock, TimerHandle } from "../ports/clock.ts";
import { describeError, type Log } from "../ports/log.ts";
import { type MediaStore, originalPath } from "../ports/media-store.ts";
import type { MediaRetention, Retention, TaskStore } from "../ports/task-store.ts";
import { UnremovedMedia } from "./unremoved-media.ts";

export type RetentionOptions = Retention &
  Pick<MediaRetention, "mediaMs"> & {
    /** Pause between two sweeps, ms. */
    everyMs: number;
  };

export type RetentionDependencies = {
  store: Pick<TaskStore, "retire" | "dueMedia" | "unreferencedMedia" | "positions">;
  media: Pick<MediaStore, "filesOf" | "tasksBefore" | "remove" | "removeTask">;
  clock: Clock;
  log: Log;
};

/** Tasks and logs removed in one step. */
const STEP_LIMIT = 200;
/** Tasks whose files are removed or compared in one step. */
const MEDIA_STEP_LIMIT = 100;
/** Pause between two steps of one sweep, ms. */
const STEP_PAUSE_MS = 20;
/** A worker that lost its task may go on writing files for as long, ms. */
const STRAY_MS = 3_600_000;
const DAY_MS = 86_400_000;

export class RetentionSweep {
  readonly #dependencies: RetentionDependencies;
  readonly #options: RetentionOptions;
  readonly #unremoved: UnremovedMedia;
  #timer: TimerHandle | null = null;
  #sweeping: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(dependencies: RetentionDependencies, options: RetentionOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    this.#unremoved = new UnremovedMedia(dependencies.clock, dependencies.log);
  }

  /** Tasks whose files could not be removed so far. */
  get unremovedMedia(): number {
    return this.#unremoved.size;
  }

  /** Sweeps now and then every `everyMs`. */
  start(): void {
    this.#sweeping = this.sweep().finally(() => {
      if (this.#stopped) return;
      this.#timer = this.#dependencies.clock.after(this.#options.everyMs, () => this.start());
    });
  }

  /** Ends after the step under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#sweeping;
  }

  /** One whole sweep. Never rejects: what could not be removed is tried again by the next one. */
  async sweep(): Promise<void> {
    // Each for itself: a folder that cannot be written to keeps no task for ever.
    await this.#attempt("media that could not be removed", () => this.#unremoved.retry());
    await this.#attempt("media", () => this.#sweepMedia());
    await this.#attempt("tasks", () => this.#sweepTasks());
    await this.#attempt("oldest media", () => this.#sweepOldestMedia());
  }

  async #attempt(what: string, part: () => Promise<void>): Promise<void> {
    try {
      if (!this.#stopped) await part();
    } catch (error) {
      this.#dependencies.log.error("retention sweep failed", { what, cause: describeError(error) });
    }
  }

  async #sweepTasks(): Promise<void> {
    const { store, media } = this.#dependencies;
    const { tasksMs, eventsMs, ledgerMs } = this.#options;
    const retention = { tasksMs, eventsMs, ledgerMs };
    for (let more = true; more && !this.#stopped; ) {
      const outcome = await store.retire(retention, STEP_LIMIT);
      // The store does not name them again: what breaks off here is found among the oldest media.
      await this.#unremoved.removeEach(outcome.removedTaskIds, (taskId) => media.removeTask(taskId));
      more = outcome.more;
      if (more) await this.#pause();
    }
  }

  /** The store goes on to the next step when it is told that this one is done: one that breaks off comes again. */
  async #sweepMedia(): Promise<void> {
    const { store, media } = this.#dependencies;
    const retention = { mediaMs: this.#options.mediaMs, strayMs: STRAY_MS };
    let receipt: string | null = null;
    do {
      const due = await store.dueMedia(retention, MEDIA_STEP_LIMIT, receipt);
      await this.#unremoved.removeEach(due.expired, (taskId) => media.removeTask(taskId));
      await this.#tidy(due.untidy);
      receipt = due.receipt;
      if (receipt !== null) await this.#pause();
    } while (receipt !== null && !this.#stopped);
  }

  /** Removes what finished tasks do not name: one question to the store for all of them. */
  async #tidy(taskIds: readonly string[]): Promise<void> {
    const { media } = this.#dependencies;
    const files: { path: string; taskId: string }[] = [];
    const unread = new Map<string, unknown>();
    for (const taskId of taskIds)
      try {
        for (const path of await media.filesOf(taskId)) files.push({ path, taskId });
      } catch (error) {
        unread.set(taskId, error);
      }
    const unnamed = await this.#unnamed(files);
    await this.#unremoved.removeEach(
      taskIds,
      async (taskId) => {
        if (unread.has(taskId)) throw unread.get(taskId);
        const paths = files.filter((file) => file.taskId === taskId && unnamed.has(originalPath(file.path)));
        if (paths.length > 0) await media.remove(paths.map(({ path }) => path));
      },
      (taskId) => this.#tidyAgain(taskId),
    );
  }

  async #tidyAgain(taskId: string): Promise<void> {
    const { media } = this.#dependencies;
    const paths = await media.filesOf(taskId);
    const unnamed = await this.#unnamed(paths.map((path) => ({ path, taskId })));
    const removed = paths.filter((path) => unnamed.has(originalPath(path)));
    if (removed.length > 0) await media.remove(removed);
  }

  /** The originals among these files, and of these files, that their tasks do not name: what is made from a file goes with it. */
  async #unnamed(files: readonly { path: string; taskId: string }[]): Promise<Set<string>> {
    const originals = new Map(files.map(({ path, taskId }) => [originalPath(path), taskId]));
    if (originals.size === 0) return new Set();
    const { store } = this.#dependencies;
    return new Set(await store.unreferencedMedia([...originals].map(([path, taskId]) => ({ path, taskId }))));
  }

  /** Removes files of unknown tasks: one step after the other, as long as there are any among the oldest tasks. */
  async #sweepOldestMedia(): Promise<void> {
    const { store, media, clock } = this.#dependencies;
    // A day more than files are kept, because a task may have waited and worked for as long before its end.
    const madeBefore = clock.now() - this.#options.mediaMs - DAY_MS;
    for (let found = true; found && !this.#stopped; ) {
      const named = await media.tasksBefore(madeBefore, MEDIA_STEP_LIMIT + this.#unremoved.size);
      const taskIds = named.filter((taskId) => !this.#unremoved.has(taskId));
      const known = taskIds.length === 0 ? null : await store.positions(taskIds);
      const unknown = taskIds.filter((taskId) => known?.has(taskId) === false);
      found = (await this.#unremoved.removeEach(unknown, (taskId) => media.removeTask(taskId))) > 0;
      if (found) await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#dependencies.clock.after(STEP_PAUSE_MS, resolve));
  }
}
