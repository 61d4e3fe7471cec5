/** A pressed-flower sheet: stems, leaves and blossoms on toned paper. */

import { type Color, mix } from "../color.ts";
import { TURN } from "../fixed-point.ts";
import { type Layer, type PictureFrame, shape } from "../layer.ts";
import { movingTogether } from "../motion.ts";
import { curveTo, ellipse, Outline, type Point, reach, ribbon } from "../outline.ts";
import type { Palette } from "../palette.ts";
import type { Random } from "../random.ts";
import { IN_PLACE, placeFigures, type Scene } from "../scene.ts";
import { backdrop, glow } from "../sky.ts";

const UP = (TURN * 3) / 4;

export const botanical: Scene = function* (input) {
  const { frame, palette, reading, random } = input;
  const paper = palette.night ? palette.sky[0]! : palette.paper;
  const layers: Layer[] = [
    backdrop(
      frame,
      [paper, mix(paper, palette.sky[palette.night ? 1 : 2]!, 110)],
      0,
      frame.height,
      random.next(),
      220,
    ),
    glow(
      frame,
      Math.floor(frame.width / 2),
      Math.floor((frame.height * 42) / 100),
      frame.unit(640),
      palette.glow,
      palette.night ? 90 : 60,
    ),
  ];
  const halo = new Outline().add(
    ellipse(
      { x: frame.width * 128, y: Math.floor((frame.height * 110) / 256) * 256 },
      frame.unit(330) * 256,
      frame.unit(330) * 256,
      0,
      120,
    ),
  );
  yield;
  layers.push(
    shape(
      halo,
      {
        top: mix(palette.glow, palette.accents[1]!, 90),
        bottom: mix(paper, palette.accents[0]!, 70),
        alpha: palette.night ? 120 : 165,
      },
      frame.width,
    ),
  );
  const green = palette.night
    ? mix(0x4f9c78, palette.glow, 50)
    : mix(mix(palette.near, 0x3f7f52, 150), palette.ink, 20);
  const count = Math.max(5, Math.floor((frame.width * 7) / frame.height) + random.between(0, 2));
  for (let index = 0; index < count; index++) {
    yield;
    const spread = Math.floor((index * 200) / Math.max(1, count - 1)) - 100;
    const stem = plant(frame, spread, random);
    const leafColor = mix(
      green,
      random.pick([palette.far, palette.accents[2]!, palette.glow]),
      random.between(10, 90),
    );
    const parts = leaves(frame, stem, leafColor, palette, random);
    const bloom = random.pick(palette.accents);
    parts.push(...blossom(frame, stem[stem.length - 1]!, bloom, palette, random));
    const height = frame.height - (stem[stem.length - 1]!.y >> 8);
    layers.push(...movingTogether({ kind: "sway", foot: frame.height, height, phase: index * 700 }, parts));
  }
  yield;
  layers.push(
    ...placeFigures(
      input,
      reading.figures,
      () => Math.floor((frame.height * 95) / 100),
      frame.unit(270),
      IN_PLACE,
    ),
  );
  return layers;
};

/** A stem's line from the bottom edge upwards; `lean` is -100 (left) to 100 (right). */
function plant(frame: PictureFrame, lean: number, random: Random): Point[] {
  const foot = {
    x: (Math.floor(frame.width / 2) + frame.unit(lean + random.between(-30, 30))) * 256,
    y: frame.height * 256,
  };
  const height = frame.height - frame.unit(Math.floor((Math.abs(lean) * 14) / 10) + random.between(130, 330));
  const tip = {
    x:
      (Math.floor(frame.width / 2) +
        Math.floor((frame.width * lean * 36) / 10_000) +
        frame.unit(random.between(-60, 60))) *
      256,
    y: frame.height * 256 - height * 256,
  };
  const spine = [foot];
  curveTo(
    spine,
    { x: foot.x + frame.unit(random.between(-80, 80)) * 256, y: Math.floor((foot.y + tip.y) / 2) },
    tip,
  );
  return spine;
}

function leaves(
  frame: PictureFrame,
  stem: readonly Point[],
  color: Color,
  palette: Palette,
  random: Random,
): Layer[] {
  const thick = frame.unit(5) * 256;
  const stalk = new Outline().add(
    ribbon(stem, (index, count) => Math.floor((thick * (count - (index >> 1))) / count)),
  );
  const blades = new Outline();
  const veins = new Outline();
  const kind = random.between(0, 2);
  for (let index = 2; index < stem.length - 1; index++) {
    for (const side of [-1, 1]) {
      if (random.chance(18)) continue;
      const angle = UP + side * random.between(420, 760);
      const length = frame.unit(random.between(70, 150) - index * 5) * 256;
      const width = Math.floor((length * [22, 34, 14][kind]!) / 100);
      const from = stem[index]!;
      const tip = reach(from, angle, length);
      const bow = reach(reach(from, angle, length >> 1), UP, length >> 3);
      const blade = [from];
      curveTo(blade, reach(bow, angle + TURN / 4, width), tip);
      curveTo(blade, reach(bow, angle - TURN / 4, width), from);
      blades.add(blade);
      const vein = [from];
      curveTo(vein, bow, reach(from, angle, Math.floor((length * 9) / 10)));
      veins.add(ribbon(vein, () => Math.max(90, frame.unit(1) * 200)));
    }
  }
  const light = mix(color, palette.paper, 120);
  return [
    shape(stalk, { top: color, bottom: mix(color, palette.ink, 110) }, frame.width),
    shape(
      blades,
      { top: mix(color, palette.paper, 60), bottom: mix(color, palette.ink, 100), alpha: 240 },
      frame.width,
    ),
    shape(veins, { top: light, bottom: color, alpha: 150 }, frame.width),
  ];
}

function blossom(frame: PictureFrame, at: Point, color: Color, palette: Palette, random: Random): Layer[] {
  const size = frame.unit(random.between(62, 120)) * 256;
  const kind = random.between(0, 3);
  const heart = mix(palette.accents[1]!, 0xffd86a, 120);
  const rings = kind === 1 ? 3 : 2;
  const layers: Layer[] = [];
  const turn = random.between(0, TURN);
  if (kind === 3) return umbel(frame, at, size, color, palette, random);
  for (let ring = 0; ring < rings; ring++) {
    const petals = new Outline();
    const count = kind === 2 ? 16 : kind === 1 ? 9 - ring : 6;
    const length = Math.floor((size * (100 - ring * 26)) / 100);
    const width = Math.floor((length * (kind === 2 ? 12 : kind === 1 ? 30 : 32)) / 100);
    for (let petal = 0; petal < count; petal++) {
      const angle = turn + Math.floor((petal * TURN) / count) + ring * 190;
      const middle = reach(at, angle, Math.floor((length * 58) / 100));
      petals.add(ellipse(middle, length >> 1, width, angle, 28));
    }
    const tone = mix(color, ring % 2 === 0 ? palette.paper : palette.ink, 30 + ring * 34);
    layers.push(
      shape(
        petals,
        { top: mix(tone, palette.paper, 70), bottom: mix(tone, palette.ink, 40), alpha: 238 },
        frame.width,
      ),
    );
  }
  const core = size >> 2;
  layers.push(
    shape(
      new Outline().add(ellipse(at, core, core)),
      { top: heart, bottom: mix(heart, palette.ink, 90) },
      frame.width,
    ),
  );
  const seeds = new Outline();
  for (let seed = 0; seed < 22; seed++) {
    // The golden angle spaces seeds evenly.
    const place = reach(at, seed * 1565, Math.floor((core * seed) / 24));
    seeds.add(ellipse(place, Math.max(160, (size / 40) | 0), Math.max(160, (size / 40) | 0), 0, 8));
  }
  layers.push(
    shape(
      seeds,
      { top: mix(heart, palette.ink, 120), bottom: mix(heart, palette.ink, 160), alpha: 200 },
      frame.width,
    ),
  );
  return layers;
}

/** A cluster of small round flowers on thin rays. */
function umbel(
  frame: PictureFrame,
  at: Point,
  size: number,
  color: Color,
  palette: Palette,
  random: Random,
): Layer[] {
  const rays = new Outline();
  const buds = new Outline();
  const lights = new Outline();
  for (let index = 0; index < 17; index++) {
    const angle = UP - 900 + Math.floor((index * 1800) / 16);
    const length = Math.floor((size * random.between(70, 125)) / 100);
    const tip = reach(at, angle, length);
    rays.add(ribbon([at, reach(at, angle, length >> 1), tip], () => Math.max(110, frame.unit(1) * 256)));
    const bud = Math.floor((size * random.between(10, 17)) / 100);
    buds.add(ellipse(tip, bud, bud, 0, 20));
    lights.add(ellipse({ x: tip.x - (bud >> 2), y: tip.y - (bud >> 2) }, bud >> 1, bud >> 1, 0, 16));
  }
  const stalk = mix(palette.near, 0x3f7f52, 120);
  return [
    shape(rays, { top: stalk, bottom: stalk }, frame.width),
    shape(buds, { top: mix(color, palette.paper, 50), bottom: mix(color, palette.ink, 50) }, frame.width),
    shape(lights, { top: palette.paper, bottom: mix(color, palette.paper, 140), alpha: 150 }, frame.width),
  ];
}
