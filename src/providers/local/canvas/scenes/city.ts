/** A skyline in layers, with windows that are lit. */

import { mix } from "../color.ts";
import { mist, water } from "../land.ts";
import { type Layer, type PictureFrame, shape } from "../layer.ts";
import { atDepth, drifting } from "../motion.ts";
import { Outline, type Point } from "../outline.ts";
import type { Random } from "../random.ts";
import { flock, luminary, nightStars, placeFigures, type Scene } from "../scene.ts";
import { backdrop, clouds } from "../sky.ts";

export const city: Scene = function* (input) {
  const { frame, palette, reading, random } = input;
  const river = random.chance(50) || reading.water;
  const horizon = Math.floor((frame.height * (river ? random.between(66, 74) : 101)) / 100);
  const sun = luminary(input, Math.floor((frame.height * 62) / 100));
  const layers: Layer[] = [
    backdrop(frame, palette.sky, 0, horizon, random.next()),
    ...nightStars(input, Math.floor(horizon / 2)),
    ...sun.layers,
  ];
  yield;
  layers.push(
    drifting(
      10,
      60,
      clouds(
        frame,
        0,
        Math.floor(horizon / 2),
        mix(palette.paper, palette.glow, 110),
        palette.sky[1]!,
        random.between(10, 34),
        random.next(),
      ),
    ),
  );
  if (!palette.night) layers.push(flock(input, frame.width - sun.x, Math.floor(frame.height / 4)));
  const depth = 4;
  for (let index = 0; index < depth; index++) {
    yield;
    const t = Math.floor(((index + 1) * 256) / depth);
    const color = mix(mix(palette.far, palette.sky[2]!, 90), mix(palette.near, palette.ink, 60), t);
    const block = buildings(frame, horizon, frame.unit(430 - index * 75), index, random);
    const far = 40 + index * 60;
    const walls = shape(
      block.walls,
      { top: color, bottom: mix(color, palette.glow, 90 - index * 22) },
      frame.width,
    );
    const light = mix(palette.accents[0]!, 0xffe6a8, 190);
    const lit = palette.night ? 90 + index * 48 : 70 + index * 20;
    const windows = shape(
      block.windows,
      { top: mix(color, light, 210), bottom: mix(color, light, 256), alpha: lit },
      frame.width,
    );
    layers.push(atDepth(far, walls), atDepth(far, windows));
    if (index < depth - 1)
      layers.push(
        drifting(
          far,
          30,
          mist(
            frame,
            horizon - frame.unit(20),
            frame.unit(190),
            mix(palette.glow, palette.sky[2]!, 100),
            130,
            random.next(),
          ),
        ),
      );
  }
  if (river)
    layers.push(
      water(frame, [...layers], {
        horizon,
        shallow: palette.water,
        deep: palette.deep,
        glitter: { x: sun.x, color: palette.glow, strength: 130 },
        mirror: 190,
        seed: random.next(),
      }),
    );
  yield;
  layers.push(
    ...placeFigures(input, reading.figures, () => Math.floor((frame.height * 97) / 100), frame.unit(270)),
  );
  return layers;
};

/** One row of houses standing on `base`, of heights around `tall`. */
function buildings(
  frame: PictureFrame,
  base: number,
  tall: number,
  nearness: number,
  random: Random,
): { walls: Outline; windows: Outline } {
  const walls = new Outline();
  const windows = new Outline();
  const pane = Math.max(1, frame.unit(4 + nearness * 2));
  for (let x = -frame.unit(random.between(0, 60)); x < frame.width; ) {
    const width = pane * random.between(8, 15);
    const tower = random.chance(22);
    const height = Math.floor((tall * (tower ? random.between(100, 150) : random.between(35, 92))) / 100);
    const top = base - height;
    rectangle(walls, x, top, width, height + 2);
    crown(walls, x, top, width, frame, random);
    const dense = random.between(18, 62);
    const wide = random.chance(30);
    for (let row = top + pane * 2; row < base - pane * 2; row += pane * 3) {
      for (let column = x + pane; column + pane * (wide ? 2 : 1) < x + width; column += pane * (wide ? 3 : 2))
        if (random.chance(dense)) rectangle(windows, column, row, wide ? pane * 2 : pane, pane + (pane >> 1));
    }
    x += width + (random.chance(40) ? pane * random.between(0, 3) : 0);
  }
  return { walls, windows };
}

/** What is on the roof: nothing, a step, a gable or a mast. */
function crown(
  walls: Outline,
  x: number,
  top: number,
  width: number,
  frame: PictureFrame,
  random: Random,
): void {
  const kind = random.between(0, 4);
  const third = Math.floor(width / 3);
  if (kind === 0) rectangle(walls, x + third, top - third, third, third + 1);
  else if (kind === 1) {
    const peak: Point = { x: (x * 2 + width) * 128, y: (top - Math.floor(width / 2)) * 256 };
    walls.add([{ x: x * 256, y: top * 256 }, peak, { x: (x + width) * 256, y: top * 256 }]);
  } else if (kind === 2) {
    rectangle(walls, x + Math.floor(width / 5), top - third, Math.floor((width * 3) / 5), third + 1);
    const mast = Math.max(1, frame.unit(3));
    rectangle(walls, x + Math.floor((width - mast) / 2), top - width - third, mast, width + third);
  }
}

function rectangle(outline: Outline, x: number, y: number, width: number, height: number): void {
  const right = (x + width) * 256;
  const low = (y + height) * 256;
  outline.add([
    { x: x * 256, y: y * 256 },
    { x: right, y: y * 256 },
    { x: right, y: low },
    { x: x * 256, y: low },
  ]);
}
