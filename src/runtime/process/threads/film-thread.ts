/** The thread that draws films, one at a time. The other end is thread-studio.ts. */

import { parentPort } from "node:worker_threads";
import { createTurnStudio, type FilmSession } from "../../../providers/local/film-studio.ts";
import { Pacer } from "../../../providers/local/pacer.ts";
import { encoderWasm } from "./codec-wasm.ts";
import type { FromFilmThread, ToFilmThread } from "./film-messages.ts";

const studio = createTurnStudio(encoderWasm, new Pacer());
let session: FilmSession | null = null;
let stop = new AbortController();
/** Requests are answered one after the other; only closing does not wait. */
let before: Promise<void> = Promise.resolve();

parentPort?.on("message", (message: ToFilmThread) => {
  if (message.kind === "close") {
    stop.abort();
    session?.close();
    session = null;
    return;
  }
  if (message.kind === "open") stop = new AbortController();
  const { signal } = stop;
  before = before
    .then(() => answer(message, signal))
    .catch((error: unknown) => {
      say({
        film: message.film,
        kind: "failed",
        message: error instanceof Error ? error.message : String(error),
      });
    });
});

async function answer(message: ToFilmThread, signal: AbortSignal): Promise<void> {
  const { film } = message;
  if (signal.aborted) return;
  if (message.kind === "open") {
    const opened = await studio.open(message.order, signal);
    if (signal.aborted) return;
    session = opened;
    say({ film, kind: "opened" });
  } else if (message.kind === "draw") {
    const whole = await session?.drawUntil(
      message.until,
      (frames) => say({ film, kind: "drawn", frames }),
      signal,
    );
    if (whole === true) say({ film, kind: "reached" });
  } else if (message.kind === "finish" && session !== null) {
    const bytes = await session.finish();
    say({ film, kind: "finished", bytes }, [bytes.buffer]);
  }
}

function say(message: FromFilmThread, moved: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, moved);
}
