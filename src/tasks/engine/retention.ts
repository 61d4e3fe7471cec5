/** The retention sweep: removes what has been kept long enough, a bounded step at a time so that requests go on. */

import type { Clock, TimerHandle } from "../ports/clock.ts";
import { describeError, type Log } from "../ports/log.ts";
import type { MediaStore } from "../ports/media-store.ts";
import type { Retention, TaskStore } from "../ports/task-store.ts";

export type RetentionOptions = Retention & {
  /** How long files are kept, ms. */
  mediaMs: number;
  /** Pause between two sweeps, ms. */
  everyMs: number;
};

export type RetentionDependencies = {
  store: Pick<TaskStore, "retire" | "unreferencedMedia">;
  media: Pick<MediaStore, "list" | "remove" | "removeTask">;
  clock: Clock;
  log: Log;
};

/** Tasks, logs and files looked at in one step: a few milliseconds of work. */
const STEP_LIMIT = 200;
/** Pause between two steps of one sweep, ms. */
const STEP_PAUSE_MS = 20;
/** A file younger than this may belong to a step that has not stored its reference yet, ms. */
const UNREFERENCED_GRACE_MS = 3_600_000;

export class RetentionSweep {
  readonly #dependencies: RetentionDependencies;
  readonly #options: RetentionOptions;
  #timer: TimerHandle | null = null;
  #sweeping: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(dependencies: RetentionDependencies, options: RetentionOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
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
    try {
      await this.#sweepTasks();
      await this.#sweepMedia();
    } catch (error) {
      this.#dependencies.log.error("retention sweep failed", { cause: describeError(error) });
    }
  }

  async #sweepTasks(): Promise<void> {
    const { store, media } = this.#dependencies;
    const { tasksMs, eventsMs, ledgerMs } = this.#options;
    const retention = { tasksMs, eventsMs, ledgerMs };
    for (let more = true; more && !this.#stopped; ) {
      const outcome = await store.retire(retention, STEP_LIMIT);
      for (const taskId of outcome.removedTaskIds) await media.removeTask(taskId);
      more = outcome.more;
      if (more) await this.#pause();
    }
  }

  async #sweepMedia(): Promise<void> {
    const { store, media, clock } = this.#dependencies;
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<MediaStore["list"]>> = await media.list(STEP_LIMIT, cursor);
      cursor = page.cursor;
      const now = clock.now();
      const expired = page.files.filter((file) => now - file.modifiedAt >= this.#options.mediaMs);
      const doubtful = page.files.filter(
        (file) => now - file.modifiedAt >= UNREFERENCED_GRACE_MS && !expired.includes(file),
      );
      const unreferenced = doubtful.length === 0 ? [] : await store.unreferencedMedia(doubtful);
      await media.remove([...expired.map((file) => file.path), ...unreferenced]);
      if (cursor !== null) await this.#pause();
    } while (cursor !== null && !this.#stopped);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#dependencies.clock.after(STEP_PAUSE_MS, resolve));
  }
}
