/** Previews of pictures that are being made, for those in this process who wait for the picture. Nothing is kept. */

import type { Preview } from "./ports/media-provider.ts";

export type PreviewWatcher = (preview: Preview) => void;

export class Previews {
  readonly #watchers = new Map<string, Set<PreviewWatcher>>();

  /** Hands a preview to whoever watches the task; nobody is no error. */
  show(taskId: string, preview: Preview): void {
    for (const watcher of this.#watchers.get(taskId) ?? []) watcher(preview);
  }

  /** Calls back with every preview of the task from now on, until the answer is called. */
  watch(taskId: string, watcher: PreviewWatcher): () => void {
    const watchers = this.#watchers.get(taskId) ?? new Set();
    this.#watchers.set(taskId, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(taskId) === watchers) this.#watchers.delete(taskId);
    };
  }
}
