/** What every scene is given, and the pieces several of them share. */

import { type Color, mix } from "./color.ts";
import { AIRBORNE, type FigureName, figure, gaitOf } from "./figures.ts";
import type { Layer, PictureFrame } from "./layer.ts";
import { shape } from "./layer.ts";
import type { PromptReading } from "./lexicon.ts";
import { type Bird, moving, movingTogether } from "./motion.ts";
import { curveTo, Outline, type Point } from "./outline.ts";
import type { Palette } from "./palette.ts";
import type { Random } from "./random.ts";
import { disc, glow, stars } from "./sky.ts";

export type SceneInput = { frame: PictureFrame; palette: Palette; reading: PromptReading; random: Random };

/** Composes a picture: its layers from the back to the front. It yields wherever the caller may want to pause. */
export type Scene = (input: SceneInput) => Generator<void, Layer[]>;

/** Where the sun or the moon stands. */
export type Luminary = { x: number; y: number; radius: number; layers: Layer[] };

/** The sun or, by night, the moon: beside the middle, where the eye likes it. */
export function luminary({ frame, palette, reading, random }: SceneInput, horizon: number): Luminary {
  const x = Math.floor((frame.width * random.pick([30, 36, 62, 68, 50])) / 100);
  const moon = palette.night || reading.moon;
  const radius = frame.unit(moon ? random.between(48, 74) : random.between(64, 120));
  const y = Math.floor((horizon * (moon ? random.between(28, 45) : random.between(48, 78))) / 100);
  const layers: Layer[] = [
    glow(frame, x, y, frame.unit(moon ? 520 : 760), palette.glow, moon ? 120 : 170),
    glow(frame, x, y, radius * 3, palette.sun, moon ? 90 : 130),
  ];
  const crescent = moon && random.chance(55);
  const lower = mix(palette.sun, palette.glow, moon ? 40 : 120);
  const missing = {
    x: x + Math.floor(radius / 2),
    y: y - Math.floor(radius / 4),
    radius: Math.floor((radius * 9) / 10),
  };
  layers.push(disc(frame, x, y, radius, palette.sun, lower, crescent ? missing : undefined));
  return { x, y, radius, layers: movingTogether({ kind: "luminary" }, layers) };
}

/** Stars, where the palette or the prompt has them. */
export function nightStars({ frame, palette, reading, random }: SceneInput, lowest: number): Layer[] {
  if (!palette.night && !reading.stars) return [];
  const points = stars(frame, lowest, reading.stars ? 520 : 300, palette.glow, random.fork());
  return [moving({ kind: "twinkle", depth: 0 }, points)];
}

/** A loose flock of far birds. */
export function flock({ frame, palette, random }: SceneInput, x: number, y: number): Layer {
  const count = random.between(4, 8);
  const birds = Array.from({ length: count }, (): Bird => {
    const span = (frame.unit(random.between(14, 26)) * 256) >> 1;
    return {
      span,
      x: (x + frame.unit(random.between(-150, 150))) * 256,
      y: (y + frame.unit(random.between(-60, 60))) * 256,
      lift: random.between(10, 40),
    };
  });
  const color = mix(palette.ink, palette.far, 40);
  return moving({ kind: "flock", birds, color }, flockShape(birds, color, frame.width));
}

/** The silhouettes of birds. */
export function flockShape(birds: readonly Bird[], color: Color, width: number): Layer {
  const outline = new Outline();
  for (const { x, y, span, lift } of birds) {
    const at = (dx: number, dy: number): Point => ({
      x: x + Math.floor((dx * span) / 100),
      y: y + Math.floor((dy * span) / 100),
    });
    const bird = [at(-100, -lift)];
    curveTo(bird, at(-45, -lift - 30), at(0, 6));
    curveTo(bird, at(45, -lift - 30), at(100, -lift));
    curveTo(bird, at(45, -lift - 8), at(0, 24));
    curveTo(bird, at(-45, -lift - 8), at(-100, -lift));
    outline.add(bird);
  }
  return shape(outline, { top: color, bottom: color, alpha: 210 }, width);
}

/** Where figures are: how far in front (0-256), and whether they float. */
export type Stance = { depth: number; weightless: boolean };

/** Where nothing passes by: they keep their place in the picture. */
export const IN_PLACE: Stance = { depth: 0, weightless: false };

/** The figures the prompt asked for, side by side on the ground line; flying ones in the air. */
export function placeFigures(
  { frame, palette, reading, random }: SceneInput,
  names: readonly FigureName[],
  groundAt: (x: number) => number,
  height: number,
  { depth, weightless }: Stance = { depth: 256, weightless: false },
): Layer[] {
  const side = random.chance(50);
  return names.flatMap((name, index) => {
    const share =
      names.length === 1 ? (side ? 34 : 66) : Math.floor(((index * 2 + 1) * 100) / (names.length * 2));
    const x = Math.floor((frame.width * (share + random.between(-4, 4))) / 100);
    const size = Math.floor((height * random.between(92, 108)) / 100);
    const y = AIRBORNE.has(name)
      ? Math.floor((frame.height * random.between(40, 52)) / 100)
      : groundAt(x) + frame.unit(14);
    const parts = figure(frame, name, x, y, size, palette, reading.figures.length > 1 && share > 50);
    return movingTogether(
      {
        kind: "figure",
        gait: gaitOf(name),
        x,
        y,
        height: size,
        depth,
        groundAt: (at) => groundAt(at) + y - groundAt(x),
        weightless,
      },
      parts,
    );
  });
}

/** A conifer with its foot at (`x`, `y`) pixels. */
export function conifer(outline: Outline, x: number, y: number, height: number, random: Random): void {
  const tiers = random.between(6, 9);
  const half = Math.floor((height * random.between(17, 23)) / 100);
  const right: Point[] = [];
  const left: Point[] = [];
  for (let tier = 0; tier < tiers; tier++) {
    const droop =
      Math.floor((height * (tier + 1) * 236) / tiers) -
      (tier === tiers - 1 ? 0 : random.between(0, height * 6));
    const outer = Math.floor((half * (tier + 1) * random.between(210, 256)) / tiers);
    const inner = Math.floor(outer / 2);
    const rise = Math.floor((height * 256) / tiers / 3);
    right.push(
      { x: x * 256 + outer, y: (y - height) * 256 + droop },
      { x: x * 256 + inner, y: (y - height) * 256 + droop - rise },
    );
    left.push(
      { x: x * 256 - outer, y: (y - height) * 256 + droop },
      { x: x * 256 - inner, y: (y - height) * 256 + droop - rise },
    );
  }
  right.pop();
  left.pop();
  const trunk = Math.max(128, height * 5);
  const foot = y * 256;
  outline.add([
    { x: x * 256, y: (y - height) * 256 },
    ...right,
    { x: x * 256 + trunk, y: foot - height * 20 },
    { x: x * 256 + trunk, y: foot },
    { x: x * 256 - trunk, y: foot },
    { x: x * 256 - trunk, y: foot - height * 20 },
    ...left.reverse(),
  ]);
}
