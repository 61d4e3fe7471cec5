/** Draws films in threads, so that requests are answered meanwhile: each film in one of its own, used again afterwards. */

import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import type { FilmOrder, FilmSession, FilmStudio } from "../../../providers/local/film-studio.ts";
import { Places } from "../../../providers/local/places.ts";
import type { Clock } from "../../../tasks/ports/clock.ts";
import type { FromFilmThread, ToFilmThread } from "./film-messages.ts";
import { startThread } from "./start-thread.ts";

/** A thread that has had nothing to do for so long is ended; a new one takes some 100 ms until it draws at full speed. */
const IDLE_MS = 60_000;
/** Threads at a time. More than there are cores make no film sooner, but a few films may be slow on purpose. */
const FEWEST_THREADS = 4;
const THREAD = new URL("./film-thread.ts", import.meta.url);

export type ThreadStudioOptions = { clock: Pick<Clock, "after">; script?: URL };

/** `script` is what a thread runs. */
export function createThreadStudio({ clock, script = THREAD }: ThreadStudioOptions): FilmStudio {
  const idle: FilmThread[] = [];
  const places = new Places(Math.max(FEWEST_THREADS, availableParallelism()));
  const rest = (thread: FilmThread) => {
    if (!thread.alive) return;
    idle.push(thread);
    thread.endAfter(clock, IDLE_MS, () => idle.splice(idle.indexOf(thread), 1));
  };
  return {
    async open(order, signal) {
      const leave = await places.take(1, signal);
      let known = idle.pop();
      while (known !== undefined && !known.alive) known = idle.pop();
      try {
        const thread = known ?? new FilmThread(script);
        return await thread.open(order, () => {
          rest(thread);
          leave();
        });
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

/** A thread and the film it draws. */
class FilmThread {
  readonly #worker: Worker;
  #film = 0;
  #session: ThreadSession | null = null;
  #ending: { cancel(): void } | null = null;
  alive = true;

  constructor(script: URL) {
    this.#worker = startThread(script);
    this.#worker.on("message", (message: FromFilmThread) => {
      if (message.film === this.#film) this.#session?.heard(message);
    });
    this.#worker.on("error", (error: unknown) =>
      this.#died(error instanceof Error ? error.message : String(error)),
    );
    this.#worker.on("exit", () => this.#died("it ended"));
    // What a thread draws is picked up again by the next process; it is no reason to go on living.
    this.#worker.unref();
  }

  async open(order: FilmOrder, closed: () => void): Promise<FilmSession> {
    this.#ending?.cancel();
    this.#film += 1;
    const film = this.#film;
    const session = new ThreadSession(
      (message) => this.#worker.postMessage({ ...message, film } satisfies ToFilmThread),
      () => {
        this.#session = null;
        closed();
      },
    );
    this.#session = session;
    try {
      await session.ask({ kind: "open", order }, "opened");
    } catch (error) {
      session.close();
      throw error;
    }
    return session;
  }

  endAfter(clock: Pick<Clock, "after">, ms: number, ended: () => void): void {
    this.#ending = clock.after(ms, () => {
      this.alive = false;
      ended();
      void this.#worker.terminate();
    });
  }

  #died(reason: string): void {
    this.alive = false;
    this.#session?.broken(new Error(`The thread that draws films failed: ${reason}`));
  }
}

type Body<Message> = Message extends unknown ? Omit<Message, "film"> : never;
type Answer<Kind extends FromFilmThread["kind"]> = Extract<FromFilmThread, { kind: Kind }>;

class ThreadSession implements FilmSession {
  readonly #send: (message: Body<ToFilmThread>) => void;
  readonly #closed: () => void;
  #waiting: {
    kind: FromFilmThread["kind"];
    resolve(message: FromFilmThread): void;
    reject(error: Error): void;
  } | null = null;
  #drawn: (frames: number) => void = () => {};
  #over = false;
  #failure: Error | null = null;

  constructor(send: (message: Body<ToFilmThread>) => void, closed: () => void) {
    this.#send = send;
    this.#closed = closed;
  }

  async drawUntil(frames: number, drawn: (frames: number) => void, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    this.#drawn = drawn;
    let stop = () => {};
    const stopped = new Promise<false>((resolve) => {
      stop = () => resolve(false);
      signal.addEventListener("abort", stop, { once: true });
    });
    try {
      const reached = this.ask({ kind: "draw", until: frames }, "reached").then(() => true);
      return await Promise.race([reached, stopped]);
    } finally {
      signal.removeEventListener("abort", stop);
      this.#drawn = () => {};
    }
  }

  async finish(): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.ask({ kind: "finish" }, "finished")).bytes;
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#waiting = null;
    this.#send({ kind: "close" });
    this.#closed();
  }

  /** Asks the thread; resolves with its answer of the kind, rejects when it fails or dies. */
  ask<Kind extends FromFilmThread["kind"]>(message: Body<ToFilmThread>, kind: Kind): Promise<Answer<Kind>> {
    return new Promise<FromFilmThread>((resolve, reject) => {
      if (this.#failure !== null) return reject(this.#failure);
      this.#waiting = { kind, resolve, reject };
      this.#send(message);
    }) as Promise<Answer<Kind>>;
  }

  heard(message: FromFilmThread): void {
    if (message.kind === "drawn") this.#drawn(message.frames);
    else if (message.kind === "failed") this.broken(new Error(message.message));
    else if (message.kind === this.#waiting?.kind) {
      const { resolve } = this.#waiting;
      this.#waiting = null;
      resolve(message);
    }
  }

  /** Nothing more comes from the thread for this film. */
  broken(error: Error): void {
    this.#failure ??= error;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(error);
  }
}
