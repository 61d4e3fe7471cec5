/** Scenes without a place: tiled geometry and flowing bands. */

import { type Color, mix, ramp } from "../color.ts";
import { SINE_ONE, sine, TURN } from "../fixed-point.ts";
import { type Layer, type PictureFrame, shape } from "../layer.ts";
import { type Motion, movingTogether } from "../motion.ts";
import { noiseLine } from "../noise.ts";
import { ellipse, Outline, type Point, reach } from "../outline.ts";
import type { Random } from "../random.ts";
import { IN_PLACE, luminary, nightStars, placeFigures, type Scene } from "../scene.ts";
import { backdrop } from "../sky.ts";

/** Tiles of circles, arcs, triangles and stripes, like a woodblock print of the twenties. */
export const geometry: Scene = function* (input) {
  const { frame, palette, reading, random } = input;
  const paper = palette.night ? mix(palette.ink, palette.sky[1]!, 90) : palette.paper;
  const inks = [
    ...palette.accents,
    palette.near,
    palette.far,
    mix(palette.glow, palette.accents[1]!, 70),
    palette.deep,
  ];
  const layers: Layer[] = [
    backdrop(frame, [paper, mix(paper, palette.glow, 50)], 0, frame.height, random.next(), 160),
  ];
  const across = frame.width >= frame.height ? random.between(4, 6) : random.between(3, 5);
  const margin = frame.unit(52);
  const size = Math.floor((Math.min(frame.width, frame.height) - margin * 2) / across);
  const columns = Math.floor((frame.width - margin * 2) / size);
  const rows = Math.floor((frame.height - margin * 2) / size);
  const left = Math.floor((frame.width - columns * size) / 2);
  const top = Math.floor((frame.height - rows * size) / 2);
  // One large circle over the tiles gives the eye a place to rest.
  const large = {
    column: random.between(0, Math.max(0, columns - 2)),
    row: random.between(0, Math.max(0, rows - 2)),
  };
  for (let row = 0; row < rows; row++) {
    yield;
    for (let column = 0; column < columns; column++) {
      const x = left + column * size;
      const y = top + row * size;
      const first = random.pick(inks);
      const second = random.pick(inks.filter((ink) => ink !== first));
      const pieces = tile(frame, x, y, size, first, second, paper, random);
      layers.push(...movingTogether(quarterTurns(x, y, size, column * 3 + row * 5), pieces));
    }
  }
  if (columns > 1 && rows > 1) {
    const x = left + large.column * size;
    const y = top + large.row * size;
    const pieces = medallion(frame, x, y, size * 2, inks, paper, random);
    layers.push(...movingTogether(quarterTurns(x, y, size * 2, 4), pieces));
  }
  yield;
  layers.push(
    ...placeFigures(
      input,
      reading.figures,
      () => Math.floor((frame.height * 93) / 100),
      frame.unit(430),
      IN_PLACE,
    ),
  );
  return layers;
};

/** Turns of a square whose corner is at (`x`, `y`); neighbours turn one after the other. */
function quarterTurns(x: number, y: number, size: number, place: number): Motion {
  return { kind: "turn", x: x + size / 2, y: y + size / 2, phase: (place * 640) % TURN };
}

function tile(
  frame: PictureFrame,
  x: number,
  y: number,
  size: number,
  first: Color,
  second: Color,
  paper: Color,
  random: Random,
): Layer[] {
  const at = (px: number, py: number): Point => ({
    x: x * 256 + Math.floor((px * size * 256) / 100),
    y: y * 256 + Math.floor((py * size * 256) / 100),
  });
  const fill = (outline: Outline, color: Color) =>
    shape(outline, { top: color, bottom: mix(color, 0, 22) }, frame.width);
  const polygon = (color: Color, ...points: Point[]) => fill(new Outline().add(points), color);
  const ground = polygon(first, at(0, 0), at(100, 0), at(100, 100), at(0, 100));
  const corner = random.pick([
    [0, 0],
    [100, 0],
    [100, 100],
    [0, 100],
  ] as const);
  const kind = random.between(0, 8);
  const layers = random.chance(14) ? [] : [ground];
  if (kind <= 1) {
    const angle =
      (
        [
          [0, 0],
          [100, 0],
          [100, 100],
          [0, 100],
        ] as const
      ).findIndex((it) => it[0] === corner[0] && it[1] === corner[1]) *
      (TURN / 4);
    for (const [index, radius] of [100, 76, 52, 28].entries()) {
      if (kind === 1 && index > 0) break;
      layers.push(
        polygon(
          index % 2 === 0 ? second : index === 1 ? paper : first,
          ...quarter(at(corner[0], corner[1]), angle, Math.floor((size * 256 * radius) / 100)),
        ),
      );
    }
  } else if (kind === 2) {
    layers.push(fill(new Outline().add(ellipse(at(50, 50), size * 100, size * 100, 0, 72)), second));
    layers.push(fill(new Outline().add(ellipse(at(50, 50), size * 46, size * 46, 0, 56)), paper));
  } else if (kind === 3) {
    layers.push(
      polygon(
        second,
        at(corner[0], corner[1]),
        at(100 - corner[0], corner[1]),
        at(corner[0], 100 - corner[1]),
      ),
    );
  } else if (kind === 4) {
    const upright = random.chance(50);
    for (let band = 0; band < 100; band += 25)
      layers.push(
        upright
          ? polygon(second, at(band, 0), at(band + 12, 0), at(band + 12, 100), at(band, 100))
          : polygon(second, at(0, band), at(100, band), at(100, band + 12), at(0, band + 12)),
      );
  } else if (kind === 5) {
    const dots = new Outline();
    for (let dot = 0; dot < 16; dot++)
      dots.add(ellipse(at(12 + (dot % 4) * 25, 12 + (dot >> 2) * 25), size * 17, size * 17, 0, 24));
    layers.push(fill(dots, second));
  } else if (kind === 6) {
    const turned = random.chance(50) ? 0 : TURN / 4;
    layers.push(
      polygon(second, ...half(at(50, 50), turned, size * 128)),
      polygon(paper, ...half(at(50, 50), turned + TURN / 2, size * 70)),
    );
  } else if (kind === 7) {
    layers.push(
      polygon(second, at(50, 0), at(100, 50), at(50, 100), at(0, 50)),
      polygon(paper, at(50, 28), at(72, 50), at(50, 72), at(28, 50)),
    );
  } else {
    const leaf = new Outline().add([...quarter(at(0, 0), 0, size * 256).slice(1), at(100, 100)]);
    layers.push(fill(leaf, second));
  }
  return layers;
}

/** A large disc of rings with a horizon through it. */
function medallion(
  frame: PictureFrame,
  x: number,
  y: number,
  size: number,
  inks: readonly Color[],
  paper: Color,
  random: Random,
): Layer[] {
  const center = { x: (x * 2 + size) * 128, y: (y * 2 + size) * 128 };
  const colors = [random.pick(inks), paper, random.pick(inks), random.pick(inks)];
  const layers = [100, 86, 72].map((radius, index) =>
    shape(
      new Outline().add(
        ellipse(
          center,
          Math.floor((size * 128 * radius) / 100),
          Math.floor((size * 128 * radius) / 100),
          0,
          120,
        ),
      ),
      { top: colors[index]!, bottom: mix(colors[index]!, 0, 30) },
      frame.width,
    ),
  );
  layers.push(
    shape(
      new Outline().add(half(center, 0, Math.floor((size * 128 * 72) / 100))),
      { top: colors[3]!, bottom: mix(colors[3]!, 0, 50) },
      frame.width,
    ),
  );
  return layers;
}

function quarter(center: Point, angle: number, radius: number): Point[] {
  return [center, ...Array.from({ length: 33 }, (_, step) => reach(center, angle + step * 32, radius))];
}

function half(center: Point, angle: number, radius: number): Point[] {
  return Array.from({ length: 65 }, (_, step) => reach(center, angle + step * 32, radius));
}

/** Bands that swell and sink, one over the other, under a low sun. */
export const waves: Scene = function* (input) {
  const { frame, palette, reading, random } = input;
  const start = Math.floor((frame.height * random.between(26, 42)) / 100);
  const layers: Layer[] = [
    backdrop(frame, palette.sky, 0, Math.floor((frame.height * 70) / 100), random.next()),
    ...nightStars(input, start),
  ];
  layers.push(...luminary(input, Math.floor((frame.height * 52) / 100)).layers);
  const count = random.between(11, 17);
  const colors = [
    palette.far,
    palette.accents[0]!,
    palette.water,
    palette.accents[2]!,
    palette.deep,
    palette.near,
  ];
  const swing = random.between(40, 95);
  const turn = random.between(0, TURN);
  for (let index = 0; index < count; index++) {
    yield;
    const t = Math.floor((index * 256) / (count - 1));
    const level = start + Math.floor(((frame.height - start) * index) / count);
    const color = ramp(colors, t);
    const crest = wave(frame, level, frame.unit(swing), turn + index * 260, random.next());
    const line = frame.unit(7) * 256;
    const pieces = [
      shape(
        band(frame, crest, -line),
        { top: mix(color, palette.paper, 150), bottom: mix(color, palette.paper, 150), alpha: 210 },
        frame.width,
      ),
      shape(
        band(frame, crest, 0),
        { top: mix(color, palette.glow, 50), bottom: mix(color, palette.ink, 90) },
        frame.width,
      ),
    ];
    layers.push(...movingTogether({ kind: "slide", phase: index * 900 }, pieces));
  }
  yield;
  layers.push(
    ...placeFigures(
      input,
      reading.figures,
      () => Math.floor((frame.height * 93) / 100),
      frame.unit(280),
      IN_PLACE,
    ),
  );
  return layers;
};

/** A line across the picture, 256ths of a pixel at every eighth pixel. */
function wave(frame: PictureFrame, level: number, swing: number, turn: number, seed: number): Point[] {
  const points = Math.ceil(frame.width / 8) + 2;
  const noise = noiseLine(points, Math.max(4, Math.floor(frame.unit(420) / 8)), 2, 90, seed);
  return Array.from({ length: points }, (_, index) => {
    const angle = turn + Math.floor((index * 8 * TURN) / Math.max(1, frame.unit(1250)));
    const lift =
      Math.floor((sine(angle) * swing * 150) / SINE_ONE) +
      Math.floor(((noise[index]! - 32768) * swing) / 200);
    return { x: (index * 8 - 4) * 256, y: level * 256 + lift };
  });
}

function band(frame: PictureFrame, crest: readonly Point[], lift: number): Outline {
  return new Outline().add([
    ...crest.map((point) => ({ x: point.x, y: point.y + lift })),
    { x: (frame.width + 16) * 256, y: (frame.height + 2) * 256 },
    { x: -16 * 256, y: (frame.height + 2) * 256 },
  ]);
}
