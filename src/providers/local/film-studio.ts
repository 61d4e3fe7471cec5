/** Where films are drawn: in a thread of its own where there are threads, else a frame per turn of the event loop. */

import { composeFilm, type Film, type FilmOptions } from "./motion/film.ts";
import { createFrameEncoder, type FrameEncoder } from "./motion/vp8.ts";
import type { WebmWriter } from "./motion/webm.ts";
import type { Pacer } from "./pacer.ts";
import { Places } from "./places.ts";

/** What a film shall be. Plain data: it can be sent to a thread. */
export type FilmOrder = FilmOptions;

export interface FilmStudio {
  /** Begins a film once there is room for it. Rejects when the studio is out of order, and when `signal` aborts. */
  open(order: FilmOrder, signal: AbortSignal): Promise<FilmSession>;
}

/** One film in the making. */
export interface FilmSession {
  /**
   * Draws on until the film has `frames` frames and tells `drawn` of each. False as soon as `signal` aborts: then the
   * session can only be closed.
   */
  drawUntil(frames: number, drawn: (frames: number) => void, signal: AbortSignal): Promise<boolean>;
  /** The whole film as a WebM file, once every frame is drawn. */
  finish(): Promise<Uint8Array<ArrayBuffer>>;
  /** Gives back what the film takes; to be called in any case. */
  close(): void;
}

/**
 * Pixels of the frames of all films that one memory holds at a time. A film keeps the layers of its scene, some 60 bytes
 * for each pixel of a frame, and an isolate of Workers has 128 MB for everything.
 */
const PIXELS_IN_MEMORY = 1280 * 720;

/** Draws in the caller's own thread. `wasm` gives the compiled encoder, and is asked once. */
export function createTurnStudio(wasm: () => Promise<WebAssembly.Module>, pacer: Pacer): FilmStudio {
  let encoder: Promise<FrameEncoder> | null = null;
  const places = new Places(PIXELS_IN_MEMORY);
  const prepare = () => {
    encoder ??= wasm().then(createFrameEncoder);
    return encoder;
  };
  return {
    async open(order, signal) {
      const leave = await places.take(order.width * order.height, signal);
      try {
        const encode = await prepare();
        const { WebmWriter } = await import("./motion/webm.ts");
        const writer = new WebmWriter(order.width, order.height, order.fps);
        return new TurnSession(order, { encode, writer }, pacer, leave);
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

class TurnSession implements FilmSession {
  readonly #sketch: Generator<void, Film>;
  readonly #encode: FrameEncoder;
  readonly #writer: WebmWriter;
  readonly #pacer: Pacer;
  readonly #leave: () => void;
  #film: Film | null = null;
  #drawn = 0;

  constructor(
    order: FilmOrder,
    { encode, writer }: { encode: FrameEncoder; writer: WebmWriter },
    pacer: Pacer,
    leave: () => void,
  ) {
    this.#leave = leave;
    this.#sketch = composeFilm(order);
    this.#encode = encode;
    this.#writer = writer;
    this.#pacer = pacer;
  }

  async drawUntil(frames: number, drawn: (frames: number) => void, signal: AbortSignal): Promise<boolean> {
    while (this.#drawn < frames) {
      await this.#pacer.turn();
      if (signal.aborted) return false;
      if (this.#film === null) {
        const step = this.#sketch.next();
        if (step.done) this.#film = step.value;
        continue;
      }
      const { width, height } = this.#film;
      await this.#writer.add(this.#encode(this.#film.paintFrame(this.#drawn), width, height));
      this.#drawn += 1;
      drawn(this.#drawn);
    }
    return !signal.aborted;
  }

  finish(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#writer.finish();
  }

  close(): void {
    this.#film = null;
    this.#leave();
  }
}
