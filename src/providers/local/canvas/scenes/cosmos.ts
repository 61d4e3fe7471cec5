/** Deep space: nebulae, stars, a planet or two. */

import { type Color, mix, ramp } from "../color.ts";
import { clamp, hash, integerRoot } from "../fixed-point.ts";
import { blend, type Layer, type PictureFrame, shape, shine } from "../layer.ts";
import { atDepth, moving } from "../motion.ts";
import { NoiseField } from "../noise.ts";
import { ellipse, Outline } from "../outline.ts";
import { namedPalette } from "../palette.ts";
import { placeFigures, type Scene } from "../scene.ts";
import { backdrop, edgeCover, glow, stars } from "../sky.ts";

export const cosmos: Scene = function* (input) {
  const { frame, palette, reading, random } = input;
  const night = namedPalette("night");
  const base = palette.night ? palette : night;
  const layers: Layer[] = [
    backdrop(
      frame,
      [base.ink, mix(base.ink, base.sky[1]!, 190), mix(base.ink, palette.accents[2]!, 70), base.ink],
      0,
      frame.height,
      random.next(),
      200,
    ),
    atDepth(24, nebula(frame, palette.accents[0]!, palette.accents[2]!, random.next(), 150)),
    atDepth(48, nebula(frame, palette.glow, palette.accents[1]!, random.next(), 90)),
    moving({ kind: "twinkle", depth: 32 }, stars(frame, frame.height, 760, palette.glow, random.fork())),
  ];
  const side = random.chance(50);
  const x = Math.floor((frame.width * (side ? random.between(60, 72) : random.between(28, 40))) / 100);
  const y = Math.floor((frame.height * random.between(40, 60)) / 100);
  const radius = frame.unit(random.between(150, 250));
  const colors = [
    palette.accents[0]!,
    palette.paper,
    palette.accents[1]!,
    mix(palette.accents[0]!, base.ink, 90),
    palette.accents[0]!,
  ];
  const world: Layer[] = [glow(frame, x, y, radius * 2, palette.accents[0]!, 90)];
  const rings = random.chance(65);
  const tilt = random.between(-330, 330);
  const ring = (front: boolean) =>
    ringHalf(frame, x, y, radius, tilt, palette.paper, palette.accents[1]!, front);
  if (rings) world.push(...ring(false));
  world.push(planet(frame, x, y, radius, colors, base.ink, side ? -1 : 1, random.next()));
  if (rings) world.push(...ring(true));
  layers.push(...world.map((layer) => atDepth(120, layer)));
  const moonX = Math.floor((frame.width * (side ? random.between(16, 34) : random.between(66, 84))) / 100);
  const moonY = Math.floor((frame.height * random.between(18, 34)) / 100);
  yield;
  const moon = planet(
    frame,
    moonX,
    moonY,
    frame.unit(random.between(26, 60)),
    [palette.paper, mix(palette.paper, palette.far, 120), palette.paper],
    base.ink,
    side ? -1 : 1,
    random.next(),
  );
  layers.push(atDepth(200, moon));
  yield;
  layers.push(
    ...placeFigures(input, reading.figures, () => Math.floor((frame.height * 92) / 100), frame.unit(280), {
      depth: 256,
      weightless: true,
    }),
  );
  return layers;
};

/** A glowing cloud of gas. */
function nebula(frame: PictureFrame, inner: Color, outer: Color, seed: number, strength: number): Layer {
  const body = new NoiseField({ seed, cellX: frame.unit(520), cellY: frame.unit(380), octaves: 5 });
  const veil = new NoiseField({
    seed: hash(seed, 1, 1),
    cellX: frame.unit(240),
    cellY: frame.unit(300),
    octaves: 5,
  });
  const thick = new Int32Array(frame.width);
  const thin = new Int32Array(frame.width);
  const colors = Array.from({ length: 257 }, (_, t) =>
    ramp([mix(outer, 0, 110), outer, inner, mix(inner, 0xffffff, 110)], t),
  );
  return {
    top: 0,
    bottom: frame.height - 1,
    paint(y, row) {
      body.row(y, thick);
      veil.row(y, thin);
      for (let x = 0; x < frame.width; x++) {
        const light = clamp((thick[x]! - 122) * 4, 0, 256) - clamp((thin[x]! - 128) * 3, -60, 200);
        if (light > 0) shine(row, x, colors[clamp(light, 0, 256)]!, (clamp(light, 0, 256) * strength) >> 8);
      }
    },
  };
}

/** A banded ball, lit from one side (-1 left, 1 right). */
function planet(
  frame: PictureFrame,
  centerX: number,
  centerY: number,
  radius: number,
  colors: readonly Color[],
  dark: Color,
  from: number,
  seed: number,
): Layer {
  const bands = new NoiseField({
    seed,
    cellX: Math.max(4, radius * 2),
    cellY: Math.max(3, radius >> 2),
    octaves: 4,
  });
  const noise = new Int32Array(frame.width);
  const table = Array.from({ length: 257 }, (_, t) => ramp(colors, t));
  return {
    top: centerY - radius - 1,
    bottom: centerY + radius + 1,
    paint(y, row) {
      bands.row(y, noise);
      const end = Math.min(frame.width - 1, centerX + radius + 1);
      const dy = y - centerY;
      for (let x = Math.max(0, centerX - radius - 1); x <= end; x++) {
        const dx = x - centerX;
        const cover = edgeCover(dx, dy, radius);
        if (cover === 0) continue;
        const height = integerRoot(Math.max(0, radius * radius - dx * dx - dy * dy));
        const place = clamp(Math.floor(((dy + radius) * 128) / radius) + noise[x]! - 128, 0, 256);
        // Lambert's law for light from the side, above and slightly in front.
        const lit = clamp(Math.floor(((dx * from * 170 - dy * 90 + height * 160) * 1) / radius) + 12, 6, 256);
        blend(row, x, mix(dark, table[place]!, lit), cover);
      }
    },
  };
}

/** Half of a ring: the one behind the ball or the one in front. */
function ringHalf(
  frame: PictureFrame,
  x: number,
  y: number,
  radius: number,
  tilt: number,
  inner: Color,
  outer: Color,
  front: boolean,
): Layer[] {
  const center = { x: x * 256, y: y * 256 };
  return [0, 1, 2].map((index) => {
    const outline = new Outline();
    const size = radius * (370 + index * 62);
    const along = (scale: number) => {
      const points = ellipse(
        center,
        Math.floor((size * scale) / 100),
        Math.floor((size * scale * 24) / 10_000),
        tilt,
        96,
      );
      // The first half of the corners runs below the centre line, which is the nearer side.
      return front ? points.slice(0, 49) : [...points.slice(48), points[0]!];
    };
    outline.add([...along(100), ...along(index === 1 ? 87 : 90).reverse()]);
    const color = mix(inner, outer, index * 100);
    return shape(
      outline,
      { top: color, bottom: mix(color, outer, 100), alpha: 215 - index * 50 },
      frame.width,
    );
  });
}
