/** Where films are drawn: in a thread of its own where there are threads, else a frame per turn of the event loop. */

import { composeFilm, type Film, type FilmOptions } from "./motion/film.ts";
import { createFrameEncoder, type FrameEncoder } from "./motion/vp8.ts";
import { WebmWriter } from "./motion/webm.ts";
import type { Pacer } from "./pacer.ts";

/** What a film shall be. Plain data: it can be sent to a thread. */
export type FilmOrder = FilmOptions;

export interface FilmStudio {
  /** Begins a film. Rejects when the studio is out of order. */
  open(order: FilmOrder): Promise<FilmSession>;
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

/** Draws in the caller's own thread. `wasm` gives the compiled encoder, and is asked once. */
export function createTurnStudio(wasm: () => Promise<WebAssembly.Module>, pacer: Pacer): FilmStudio {
  let encoder: Promise<FrameEncoder> | null = null;
  const prepare = () => {
    encoder ??= wasm().then(createFrameEncoder);
    return encoder;
  };
  return {
    async open(order) {
      return new TurnSession(order, await prepare(), pacer);
    },
  };
}

class TurnSession implements FilmSession {
  readonly #sketch: Generator<void, Film>;
  readonly #encode: FrameEncoder;
  readonly #writer: WebmWriter;
  readonly #pacer: Pacer;
  #film: Film | null = null;
  #drawn = 0;

  constructor(order: FilmOrder, encode: FrameEncoder, pacer: Pacer) {
    this.#sketch = composeFilm(order);
    this.#encode = encode;
    this.#writer = new WebmWriter(order.width, order.height, order.fps);
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
  }
}
