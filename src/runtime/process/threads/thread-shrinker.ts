/**
 * Makes thumbnails in a thread of their own, so that requests are answered meanwhile. The thread is ended when it has
 * nothing to do, because only that gives back the memory of the largest picture it has seen.
 */

import type { Worker } from "node:worker_threads";
import type { PictureShrinker } from "../../../media/thumbnails/lazy.ts";
import type { Clock, TimerHandle } from "../../../tasks/ports/clock.ts";
import { ThumbnailError } from "../../../tasks/ports/thumbnails.ts";
import { startThread } from "./start-thread.ts";
import type { FromThumbnailThread, ToThumbnailThread } from "./thumbnail-thread.ts";

/** A new thread takes some 100 ms. */
const IDLE_MS = 10_000;
/** The largest picture takes a second or two. */
const LONGEST_MS = 30_000;
const THREAD = new URL("./thumbnail-thread.ts", import.meta.url);

export type ThreadShrinkerOptions = { clock: Pick<Clock, "after">; script?: URL };

/** `script` is what the thread runs. To be asked for one thumbnail at a time. */
export function createThreadShrinker({ clock, script = THREAD }: ThreadShrinkerOptions): PictureShrinker {
  let thread: Worker | null = null;
  let idle: TimerHandle | null = null;
  let answered: ((copy: FromThumbnailThread) => void) | null = null;

  const started = (): Worker => {
    const worker = startThread(script);
    const over = () => {
      if (thread !== worker) return;
      thread = null;
      answered?.(null);
    };
    worker.on("message", (copy: FromThumbnailThread) => answered?.(copy));
    worker.on("error", over);
    worker.on("exit", over);
    // Nobody stays for a thumbnail when the process is to end.
    worker.unref();
    return worker;
  };
  const end = () => {
    const worker = thread;
    thread = null;
    void worker?.terminate();
  };
  return {
    shrink: (bytes, contentType, longest) =>
      new Promise((resolve, reject) => {
        idle?.cancel();
        thread ??= started();
        answered = (copy) => {
          answered = null;
          late.cancel();
          if (copy !== null) {
            idle = clock.after(IDLE_MS, end);
            return resolve(copy);
          }
          // A codec that met with a broken picture may be broken itself.
          end();
          reject(new ThumbnailError({ kind: "unreadable" }));
        };
        const late = clock.after(LONGEST_MS, () => answered?.(null));
        thread.postMessage({ bytes, contentType, longest } satisfies ToThumbnailThread, [bytes.buffer]);
      }),
  };
}
