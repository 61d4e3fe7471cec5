/** The painter: from a prompt and a seed to the rows of a picture, the same on every host. */

import { clamp, hash, hashText } from "./canvas/fixed-point.ts";
import { createPictureFrame, type Layer, type PictureFrame, paintLayers, type Row } from "./canvas/layer.ts";
import { type PromptReading, readPrompt, SCENE_NAMES, type SceneName } from "./canvas/lexicon.ts";
import { inventPalette, namedPalette, PALETTE_NAMES, type Palette, tintPalette } from "./canvas/palette.ts";
import { Random } from "./canvas/random.ts";
import type { Scene } from "./canvas/scene.ts";
import { geometry, waves } from "./canvas/scenes/abstract.ts";
import { botanical } from "./canvas/scenes/botanical.ts";
import { city } from "./canvas/scenes/city.ts";
import { cosmos } from "./canvas/scenes/cosmos.ts";
import { desert, forest, hills, mountains, sea } from "./canvas/scenes/landscapes.ts";

export type PictureOptions = {
  prompt: string;
  /** Any 32-bit number; see `pictureSeed`. */
  seed: number;
  width: number;
  height: number;
};

/** A picture ready to be painted, row by row. */
export type Picture = {
  readonly width: number;
  readonly height: number;
  /** Paints row `y` (0 at the top) into `out`: red, green, blue of every pixel. Rows may come in any order. */
  paintRow(y: number, out: Uint8Array): void;
};

const SCENES: Record<SceneName, Scene> = {
  hills,
  mountains,
  sea,
  forest,
  city,
  desert,
  cosmos,
  botanical,
  geometry,
  waves,
};

/** How strongly a colour word pulls the palette, 0-256. */
const TINT_STRENGTH = 120;
/** How much darker the corners are, in 256ths. */
const VIGNETTE = 58;
/** Side of the tile of dither thresholds. */
const DITHER = 64;
/** The grain's reach, in 256ths of a level of brightness. */
const GRAIN = 700;

const NOISE = Int32Array.from(
  { length: DITHER * DITHER },
  (_, at) => hash(at % DITHER, Math.floor(at / DITHER), 99) & 255,
);

/** The seed of picture `index` of a job; every letter of `seed` counts. */
export function pictureSeed(seed: string, index: number): number {
  return hash(hashText(seed), index, 0x51ed270b);
}

/** Composes a picture in short steps, between which the caller may pause. Equal options give equal pictures. */
export function* composeSteps(options: PictureOptions): Generator<void, Picture> {
  const { layers, random } = yield* composeScene(options, createPictureFrame(options.width, options.height));
  return {
    width: options.width,
    height: options.height,
    paintRow: rowPainter(layers, options, random.next()),
  };
}

/** A scene before it is painted. */
export type Composition = {
  readonly scene: SceneName;
  readonly layers: readonly Layer[];
  readonly palette: Palette;
  readonly reading: PromptReading;
  /** Draws on where the scene stopped. */
  readonly random: Random;
};

/** Composes the scene a prompt and a seed lead to, in the measures of `frame`. */
export function* composeScene(
  options: Pick<PictureOptions, "prompt" | "seed">,
  frame: PictureFrame,
): Generator<void, Composition> {
  const reading = readPrompt(options.prompt);
  const random = new Random(hash(reading.hash, options.seed, 0x2545f491));
  const palette = choosePalette(reading, random);
  const scene = chooseScene(reading);
  const layers = yield* SCENES[scene]({ frame, palette, reading, random });
  return { scene, layers, palette, reading, random };
}

/** Composes a picture at once: some 5 ms, several times that before the code is warm. */
export function composePicture(options: PictureOptions): Picture {
  const steps = composeSteps(options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

function chooseScene(reading: PromptReading): SceneName {
  if (reading.scene !== null) return reading.scene;
  // Figures want ground to stand on; a prompt without any known word may become anything.
  if (reading.figures.length > 0 || reading.palette !== null) {
    return (["hills", "mountains", "forest", "sea", "hills", "waves"] as const)[reading.hash % 6]!;
  }
  return SCENE_NAMES[reading.hash % SCENE_NAMES.length]!;
}

function choosePalette(reading: PromptReading, random: Random): Palette {
  // Drawn from the prompt alone, so that the pictures of one prompt are variations and not strangers.
  const own = new Random(reading.hash);
  const invented = inventPalette(own);
  const suited: Partial<Record<SceneName, readonly Palette[]>> = {
    forest: [namedPalette("forest"), namedPalette("dawn"), namedPalette("autumn")],
    desert: [namedPalette("desert"), namedPalette("sunset")],
    sea: [namedPalette("day"), namedPalette("sunset"), namedPalette("dawn"), invented],
    mountains: [namedPalette("winter"), namedPalette("dawn"), namedPalette("day")],
    city: [namedPalette("dusk"), namedPalette("night"), namedPalette("sunset")],
    cosmos: [namedPalette("night"), namedPalette("neon"), invented],
  };
  const named = reading.aurora
    ? namedPalette("night")
    : reading.palette === null
      ? null
      : namedPalette(reading.palette);
  const choices = reading.scene === null ? undefined : suited[reading.scene];
  const palette =
    named ??
    (choices ? random.pick(choices) : own.chance(60) ? invented : namedPalette(own.pick(PALETTE_NAMES)));
  return reading.tint === null ? palette : tintPalette(palette, reading.tint, TINT_STRENGTH);
}

/** Paints the layers, darkens the corners, adds grain, and rounds with a dither so that no gradient shows bands. */
function rowPainter(
  layers: readonly Layer[],
  size: { width: number; height: number },
  seed: number,
): Picture["paintRow"] {
  const { width, height } = size;
  const row: Row = new Int32Array(width * 3);
  const columns = Int32Array.from({ length: width }, (_, x) => fromMiddle(x, width));
  const turnX = seed % DITHER;
  const turnY = (seed >>> 8) % DITHER;
  return (y, out) => {
    paintLayers(layers, y, row);
    const high = fromMiddle(y, height);
    const line = ((y + turnY) % DITHER) * DITHER;
    // Every pass over the tile is shifted by another amount, so that it never shows as a pattern.
    const shift = hash(Math.floor((y + turnY) / DITHER), 0, seed) + turnX;
    for (let x = 0, at = 0; x < width; x++, at += 3) {
      const noise = NOISE[line + ((x + shift) % DITHER)]!;
      const dim = 256 - ((((columns[x]! + high) >> 1) * VIGNETTE) >> 8);
      const grain = ((noise - 128) * GRAIN) >> 8;
      out[at] = level(row[at]!, dim, grain);
      out[at + 1] = level(row[at + 1]!, dim, grain);
      out[at + 2] = level(row[at + 2]!, dim, grain);
    }
  };
}

/** The square of the distance from the middle: 0 there, 256 at the edges. */
function fromMiddle(at: number, length: number): number {
  const share = Math.floor((Math.abs(at * 2 - length) * 256) / length);
  return (share * share) >> 8;
}

function level(value: number, dim: number, grain: number): number {
  return clamp(((value * dim) >> 8) + grain + 128, 0, 65280) >> 8;
}
