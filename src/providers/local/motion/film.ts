/** A film of a scene: its layers are painted once, and every frame moves them. The same on every host. */

import { hash } from "../canvas/fixed-point.ts";
import { createPictureFrame, type PictureFrame } from "../canvas/layer.ts";
import { composeScene } from "../canvas.ts";
import { Camera } from "./camera.ts";
import { castActors } from "./cast.ts";
import type { Canvas } from "./compositor.ts";

export type FilmOptions = {
  prompt: string;
  /** Any 32-bit number. */
  seed: number;
  width: number;
  height: number;
  frames: number;
  /** Frames a second. */
  fps: number;
};

/** A film whose frames can be painted, in any order. */
export type Film = {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** Paints a frame (0 is the first) as RGBA. The array is used again for the next one. */
  paintFrame(index: number): Uint8ClampedArray;
};

/** How much darker the corners are, in 256ths. */
const VIGNETTE = 58;

/** Prepares a film in short steps, between which the caller may pause. Equal options give equal frames. */
export function* composeFilm(options: FilmOptions): Generator<void, Film> {
  const { width, height, frames, fps } = options;
  const seconds = frames / fps;
  const measures = createPictureFrame(width, height);
  const camera = new Camera(width, seconds, hash(options.seed, 3, 1) % 2 === 0 ? 1 : -1);
  const frame: PictureFrame = { ...measures, width: width + camera.margin };
  const composition = yield* composeScene(options, frame);
  const cast = yield* castActors({ composition, frame, camera, width, seconds });
  const canvas: Canvas = { width, height, pixels: new Int32Array(width * height) };
  const bytes = new Uint8ClampedArray(canvas.pixels.buffer);
  const finish = vignette(canvas);
  return {
    width,
    height,
    frames,
    paintFrame(index) {
      const moment = { share: frames === 1 ? 0.5 : index / (frames - 1), seconds: index / fps };
      for (const { actor, hidden } of cast) actor.draw(canvas, moment, hidden);
      finish();
      return bytes;
    },
  };
}

/** Darkens the corners. */
function vignette({ width, height, pixels }: Canvas): () => void {
  const columns = Int32Array.from({ length: width }, (_, x) => fromMiddle(x, width));
  return () => {
    for (let y = 0, at = 0; y < height; y++) {
      const high = fromMiddle(y, height);
      for (let x = 0; x < width; x++, at++) {
        const pixel = pixels[at]!;
        const light = 256 - ((((columns[x]! + high) >> 1) * VIGNETTE) >> 8);
        const redBlue = (Math.imul(pixel & 0xff00ff, light) >>> 8) & 0xff00ff;
        const green = (((pixel >> 8) & 255) * light) & 0xff00;
        pixels[at] = 0xff000000 | redBlue | green;
      }
    }
  };
}

/** The square of the distance from the middle: 0 there, 256 at the edges. */
function fromMiddle(at: number, length: number): number {
  const share = Math.floor((Math.abs(at * 2 - length) * 256) / length);
  return (share * share) >> 8;
}
