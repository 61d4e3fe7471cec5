/** One run of a commission: paints the pictures that are missing, in slices that leave the event loop free. */

import type { Json } from "../../protocol/task.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { StepIo, StepOutcome } from "../../tasks/ports/media-provider.ts";
import { composeSteps, type Picture, pictureSeed } from "./canvas.ts";
import { INTERRUPTED, rest } from "./interruption.ts";
import type { RehearsalOptions } from "./options.ts";
import type { Pacer } from "./pacer.ts";
import { PngEncoder } from "./png.ts";
import { rehearsedFailure } from "./rehearsal.ts";
import type { LocalState } from "./state.ts";

/** A job as the canvas understands it. */
export type Commission = {
  prompt: string;
  n: number;
  width: number;
  height: number;
  seed: string;
  attempt: number;
  options: RehearsalOptions;
};

/** How long a slice paints before it hands the event loop back, ms. One row and one block of compression more may follow. */
const SLICE_MS = 1;
/** The same in pixels, for hosts whose clock stands still while code computes (Workers). */
const SLICE_PIXELS = 8192;
/** Progress until the last file is stored; the engine says 100 when the task is complete. */
const PAINTED_PERCENT = 98;
const SOFTWARE = "Conduit local/canvas";

export class CanvasRun {
  readonly #commission: Commission;
  readonly #io: StepIo;
  readonly #clock: Clock;
  readonly #pacer: Pacer;
  #state: LocalState;
  /** Rows of the whole job painted and encoded. */
  #rows: number;
  /** A picture being composed, then one being painted. */
  #sketch: Generator<void, Picture> | null = null;
  #easel: { picture: Picture; encoder: PngEncoder; row: Uint8Array; y: number } | null = null;

  constructor(commission: Commission, state: LocalState, io: StepIo, clock: Clock, pacer: Pacer) {
    this.#commission = commission;
    this.#state = state;
    this.#io = io;
    this.#clock = clock;
    this.#pacer = pacer;
    this.#rows = state.items.length * commission.height;
  }

  async run(): Promise<StepOutcome> {
    const { n, height, options } = this.#commission;
    const total = n * height;
    // Steps that end within finished pictures are over: they are neither painted nor waited for again.
    for (let step = Math.floor((this.#rows * options.steps) / total) + 1; step <= options.steps; step++) {
      const failure = rehearsedFailure(this.#commission, this.#state, step);
      if (failure !== null) {
        if (failure.kind === "rate_limited") await this.#save({ refusals: this.#state.refusals + 1 });
        return { kind: "failed", failure };
      }
      this.#report(step);
      const goal = Math.floor((total * step) / options.steps);
      if (
        !(await this.#paintUntil(goal, step)) ||
        !(await rest(options.stepMs, this.#io.signal, this.#clock))
      )
        return INTERRUPTED;
    }
    return { kind: "done", items: this.#state.items, costMicros: 0 };
  }

  /** Paints until `goal` rows of the job are done; false when it was told to stop. */
  async #paintUntil(goal: number, step: number): Promise<boolean> {
    const { width, height, n } = this.#commission;
    while (this.#rows < goal) {
      await this.#pacer.turn();
      if (this.#io.signal.aborted) return false;
      if (this.#easel === null) {
        this.#compose();
        continue;
      }
      const from = this.#clock.monotonic();
      let pixels = 0;
      const end = Math.min(height, this.#easel.y + goal - this.#rows);
      do {
        const { picture, encoder, row, y } = this.#easel;
        picture.paintRow(y, row);
        encoder.addRow(row);
        this.#easel.y++;
        this.#rows++;
        pixels += width;
      } while (this.#easel.y < end && pixels < SLICE_PIXELS && this.#clock.monotonic() - from < SLICE_MS);
      if (this.#easel.y === height) await this.#store(this.#easel.encoder);
      if (this.#state.items.length < n) this.#report(step);
    }
    return true;
  }

  /** Goes on composing the next picture; once it is composed, `#easel` holds it for painting. */
  #compose(): void {
    const { prompt, seed, width, height } = this.#commission;
    this.#sketch ??= composeSteps({
      prompt,
      seed: pictureSeed(seed, this.#state.items.length),
      width,
      height,
    });
    const step = this.#sketch.next();
    if (!step.done) return;
    this.#sketch = null;
    const encoder = new PngEncoder(width, height, { Software: SOFTWARE });
    this.#easel = { picture: step.value, encoder, row: new Uint8Array(width * 3), y: 0 };
  }

  /** Stores the finished picture before anything else happens, so that a crash does not paint it twice. */
  async #store(encoder: PngEncoder): Promise<void> {
    const { width, height, n, options } = this.#commission;
    this.#easel = null;
    await this.#pacer.turn();
    const media = await this.#io.putMedia(encoder.finish(), "image/png");
    const items = [...this.#state.items, { index: this.#state.items.length, media, width, height }];
    // The result names the last picture at once; saving it first would be a write for nothing.
    if (items.length < n || options.stepMs > 0) await this.#save({ items });
    else this.#state = { ...this.#state, items };
  }

  async #save(change: Partial<LocalState>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    await this.#io.save(this.#state as Json);
  }

  #report(step: number): void {
    const { n, height, options } = this.#commission;
    const percent = Math.floor((this.#rows * PAINTED_PERCENT) / (n * height));
    const picture = Math.min(n, this.#state.items.length + 1);
    const painting = n === 1 ? "painting" : `painting ${picture} of ${n}`;
    const last = step === options.steps && picture === n;
    this.#io.progress(percent, this.#rows === 0 ? "sketching" : last ? "finishing" : painting);
  }
}
