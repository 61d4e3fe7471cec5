/** A film of a scene: its layers are painted once, and every frame moves them. The same on every host. */

import { hash } from "../canvas/fixed-point.ts";
import { createPictureFrame, type Layer, type PictureFrame } from "../canvas/layer.ts";
import type { Motion } from "../canvas/motion.ts";
import { type Composition, composeScene } from "../canvas.ts";
import type { Actor } from "./actor.ts";
import { Camera } from "./camera.ts";
import type { Canvas } from "./compositor.ts";
import { figureActor, flockActor } from "./figures.ts";
import { panned, risen, shimmering, slid, swayed, turned, twinkling } from "./scenery.ts";
import { makeSprite } from "./sprite.ts";
import { waterActor } from "./water.ts";
import { weatherActor } from "./weather.ts";

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
const NOT_MOVING: Motion = { kind: "pan", depth: 0 };

/** Prepares a film in short steps, between which the caller may pause. Equal options give equal frames. */
export function* composeFilm(options: FilmOptions): Generator<void, Film> {
  const { width, height, frames, fps } = options;
  const seconds = frames / fps;
  const measures = createPictureFrame(width, height);
  const camera = new Camera(width, seconds, hash(options.seed, 3, 1) % 2 === 0 ? 1 : -1);
  const frame: PictureFrame = { ...measures, width: width + camera.margin };
  const composition = yield* composeScene(options, frame);
  const actors = yield* castActors(composition, frame, camera, width, seconds);
  const hidden = hiddenRows(actors, height);
  const canvas: Canvas = { width, height, pixels: new Int32Array(width * height) };
  const bytes = new Uint8ClampedArray(canvas.pixels.buffer);
  const finish = vignette(canvas);
  return {
    width,
    height,
    frames,
    paintFrame(index) {
      const moment = { share: frames === 1 ? 0.5 : index / (frames - 1), seconds: index / fps };
      for (const [place, actor] of actors.entries()) actor.draw(canvas, moment, hidden[place]!);
      finish();
      return bytes;
    },
  };
}

/** Makes an actor of every run of layers that move together. */
function* castActors(
  composition: Composition,
  frame: PictureFrame,
  camera: Camera,
  width: number,
  seconds: number,
): Generator<void, Actor[]> {
  const { layers, palette, reading } = composition;
  const actors: Actor[] = [];
  for (let at = 0; at < layers.length; ) {
    const motion = layers[at]!.motion ?? NOT_MOVING;
    const together: Layer[] = [];
    while (at < layers.length && moveAlike(motion, layers[at]!.motion ?? NOT_MOVING))
      together.push(layers[at++]!);
    if (motion.kind === "water") {
      actors.push(yield* waterActor(width, frame, motion.options, camera, seconds));
      continue;
    }
    if (motion.kind === "flock") {
      actors.push(flockActor(motion, camera));
      continue;
    }
    const sprite = yield* makeSprite(together, frame);
    if (sprite === null) continue;
    switch (motion.kind) {
      case "pan":
        actors.push(panned(sprite, motion, camera));
        break;
      case "luminary": {
        // In the evening it goes down.
        const sets =
          reading.palette === "sunset" || reading.palette === "dusk" || reading.palette === "autumn";
        const way = frame.unit(palette.night ? 70 : 130) * (sets ? -1 : 1) * Math.min(1, 0.35 + seconds / 10);
        actors.push(risen(sprite, camera, way, frame.height));
        break;
      }
      case "twinkle":
        actors.push(twinkling(sprite, motion, camera));
        break;
      case "shimmer":
        actors.push(shimmering(sprite, camera, frame.height));
        break;
      case "sway":
        actors.push(swayed(sprite, motion, camera));
        break;
      case "slide":
        actors.push(slid(sprite, motion, camera));
        break;
      case "turn":
        actors.push(turned(sprite, motion, camera));
        break;
      case "figure":
        actors.push(figureActor(sprite, motion, camera, actors.length * 731));
        break;
    }
  }
  const weather = yield* weatherActor(composition, frame, width);
  return weather === null ? actors : [...actors, weather];
}

function moveAlike(one: Motion, other: Motion): boolean {
  if (one === other) return true;
  return (
    one.kind === "pan" &&
    other.kind === "pan" &&
    one.depth === other.depth &&
    (one.drift ?? 0) === 0 &&
    (other.drift ?? 0) === 0
  );
}

/** By actor: the rows that something in front of it hides at every moment. */
function hiddenRows(actors: readonly Actor[], height: number): Uint8Array[] {
  const hidden: Uint8Array[] = [];
  const covered = new Uint8Array(height);
  for (const actor of [...actors].reverse()) {
    hidden.push(covered.slice());
    actor.hides?.forEach((hides, row) => {
      if (hides === 1 && row < height) covered[row] = 1;
    });
  }
  return hidden.reverse();
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
