/** Scenes with a horizon: hills, mountains, sea, forest, desert. */

import { mix } from "../color.ts";
import { AFLOAT, AIRBORNE } from "../figures.ts";
import { mist, type Ridge, ridge, water } from "../land.ts";
import type { Layer } from "../layer.ts";
import { shape } from "../layer.ts";
import { atDepth, drifting, moving } from "../motion.ts";
import { Outline } from "../outline.ts";
import { conifer, flock, luminary, nightStars, placeFigures, type Scene, type SceneInput } from "../scene.ts";
import { aurora, backdrop, clouds } from "../sky.ts";

/** Sky, stars, sun and clouds down to the horizon. */
function sky(input: SceneInput, horizon: number): { layers: Layer[]; sunX: number } {
  const { frame, palette, reading, random } = input;
  const sun = luminary(input, horizon);
  const layers = [backdrop(frame, palette.sky, 0, horizon, random.next()), ...nightStars(input, horizon)];
  if (reading.aurora)
    layers.push(
      moving(
        { kind: "shimmer" },
        aurora(frame, Math.floor((horizon * 62) / 100), 0x3fe6a0, 0x8a5fe0, random.next()),
      ),
    );
  layers.push(...sun.layers);
  if (!reading.aurora && random.chance(palette.night ? 40 : 80)) {
    const light = mix(palette.paper, palette.glow, 90);
    const shade = mix(palette.sky[1]!, palette.far, 128);
    const top = Math.floor((horizon * random.between(2, 20)) / 100);
    layers.push(
      drifting(
        20,
        60,
        clouds(
          frame,
          top,
          Math.floor((horizon * 88) / 100),
          light,
          shade,
          random.between(18, 44),
          random.next(),
        ),
      ),
    );
  }
  return { layers, sunX: sun.x };
}

export const hills: Scene = function* (input) {
  const { frame, palette, reading, random } = input;
  const horizon = Math.floor((frame.height * random.between(50, 60)) / 100);
  const { layers, sunX } = sky(input, horizon);
  yield;
  if (random.chance(70)) layers.push(flock(input, frame.width - sunX, Math.floor(horizon / 2)));
  const count = random.between(4, 6);
  let front: Ridge | null = null;
  for (let index = 0; index < count; index++) {
    yield;
    const t = Math.floor((index * 256) / (count - 1));
    const crest = mix(palette.far, palette.near, t);
    const depth = 40 + ((t * 27) >> 5);
    front = ridge(frame, {
      level: horizon + Math.floor(((frame.height - horizon) * index * 17) / (count * 20)),
      relief: frame.unit(70 + random.between(0, 50)),
      cell: frame.unit(random.between(420, 680)),
      octaves: 3,
      roughness: 70,
      crest: mix(crest, palette.glow, 70 - (t >> 3)),
      foot: mix(crest, palette.ink, 30 + (t >> 2)),
      seed: random.next(),
      light: { color: palette.glow, from: sunX > frame.width / 2 ? 1 : -1, strength: 90 },
    });
    layers.push(atDepth(depth, front));
    if (index >= 1 && index < count - 1 && random.chance(75)) {
      const grove = new Outline();
      for (let trees = random.between(3, 12), x = random.between(0, frame.width); trees > 0; trees--) {
        x = (x + frame.unit(random.between(12, 60))) % frame.width;
        conifer(
          grove,
          x,
          front.crestAt(x) + frame.unit(5),
          frame.unit(18 + index * 14 + random.between(0, 16)),
          random,
        );
      }
      const color = mix(mix(palette.far, palette.near, t + 50), palette.ink, 60);
      const trees = shape(grove, { top: color, bottom: mix(color, palette.ink, 60) }, frame.width);
      layers.push(atDepth(depth, trees));
    }
    if (index < 2)
      layers.push(
        drifting(
          depth,
          40,
          mist(
            frame,
            front.top + frame.unit(90),
            frame.unit(90),
            mix(palette.paper, palette.glow, 90),
            100,
            random.next(),
          ),
        ),
      );
  }
  const ground = front!;
  layers.push(...placeFigures(input, reading.figures, (x) => ground.crestAt(x), frame.unit(250)));
  return layers;
};

export const mountains: Scene = function* (input) {
  const { frame, palette, reading, random } = input;
  const lake = random.chance(65) || reading.water;
  const horizon = Math.floor((frame.height * (lake ? random.between(58, 66) : random.between(70, 78))) / 100);
  const { layers, sunX } = sky(input, horizon);
  yield;
  const from = sunX > frame.width / 2 ? 1 : -1;
  for (let index = 0; index < 3; index++) {
    yield;
    const t = index * 84;
    const crest = mix(palette.far, palette.near, t);
    const depth = 20 + index * 35;
    const range = ridge(frame, {
      level: horizon - frame.unit(230 - index * 95),
      relief: frame.unit(250 - index * 60),
      cell: frame.unit(460 - index * 90),
      octaves: 7,
      roughness: 122,
      crest,
      foot: mix(crest, palette.glow, 90),
      seed: random.next(),
      light: { color: mix(palette.glow, 0xffffff, 90), from, strength: 150 },
      ...(index < 2 ? { snow: mix(palette.paper, palette.far, 30 + index * 40) } : {}),
    });
    const haze = mist(
      frame,
      horizon - frame.unit(60 - index * 20),
      frame.unit(110),
      mix(palette.paper, palette.glow, 80),
      120,
      random.next(),
    );
    layers.push(atDepth(depth, range), drifting(depth, 30, haze));
  }
  const shore = ridge(frame, {
    level: horizon - frame.unit(8),
    relief: frame.unit(26),
    cell: frame.unit(300),
    octaves: 4,
    roughness: 120,
    crest: mix(palette.near, palette.far, 40),
    foot: palette.near,
    seed: random.next(),
  });
  const trees = new Outline();
  for (let x = 0; x < frame.width; x += frame.unit(random.between(7, 22)) + 1)
    conifer(trees, x, shore.crestAt(x) + frame.unit(6), frame.unit(random.between(26, 64)), random);
  const dark = mix(palette.near, palette.ink, 90);
  const wood = shape(trees, { top: mix(dark, palette.far, 50), bottom: dark }, frame.width);
  layers.push(atDepth(130, shore), atDepth(130, wood));
  if (lake)
    layers.push(
      water(frame, [...layers], {
        horizon,
        shallow: palette.water,
        deep: palette.deep,
        glitter: { x: sunX, color: palette.glow, strength: 90 },
        mirror: 215,
        seed: random.next(),
      }),
    );
  return [
    ...layers,
    ...foreground(
      input,
      lake ? 92 : 90,
      reading.figures.filter((name) => !lake || !AFLOAT.has(name)),
    ),
    ...(lake ? floaters(input, horizon) : []),
  ];
};

export const sea: Scene = function* (input) {
  const { frame, palette, reading, random } = input;
  const horizon = Math.floor((frame.height * random.between(46, 60)) / 100);
  const { layers, sunX } = sky(input, horizon);
  yield;
  if (random.chance(80)) layers.push(flock(input, frame.width - sunX, Math.floor((horizon * 55) / 100)));
  if (random.chance(60)) {
    const island = ridge(frame, {
      level: horizon + frame.unit(14),
      relief: frame.unit(95),
      cell: frame.unit(360),
      octaves: 6,
      roughness: 120,
      crest: mix(palette.far, palette.near, 60),
      foot: mix(palette.far, palette.glow, 60),
      seed: random.next(),
      light: { color: palette.glow, from: sunX > frame.width / 2 ? 1 : -1, strength: 110 },
    });
    layers.push(atDepth(40, island));
  }
  const surface = water(frame, [...layers], {
    horizon,
    shallow: palette.water,
    deep: palette.deep,
    glitter: { x: sunX, color: mix(palette.sun, palette.glow, 128), strength: 230 },
    mirror: 120,
    seed: random.next(),
  });
  yield;
  layers.push(
    surface,
    drifting(
      40,
      30,
      mist(frame, horizon, frame.unit(40), mix(palette.glow, palette.paper, 100), 130, random.next()),
    ),
  );
  layers.push(...floaters(input, horizon));
  const ashore = reading.figures.filter((name) => !AFLOAT.has(name));
  if (ashore.some((name) => !AIRBORNE.has(name)) || random.chance(30))
    layers.push(...foreground(input, 88, ashore));
  else layers.push(...placeFigures(input, ashore, () => frame.height, frame.unit(260)));
  return layers;
};

/** Boats and beasts on the water; a small sail when nobody asked for any. */
function floaters(input: SceneInput, horizon: number): Layer[] {
  const { frame, reading, random } = input;
  const afloat = reading.figures.filter((name) => AFLOAT.has(name));
  const line = horizon + Math.floor(((frame.height - horizon) * random.between(20, 34)) / 100);
  const stance = { depth: 90, weightless: false };
  if (afloat.length > 0) return placeFigures(input, afloat, () => line, frame.unit(230), stance);
  if (reading.figures.length > 0 || random.chance(45)) return [];
  return placeFigures(
    input,
    ["sailboat"],
    () => horizon + frame.unit(10),
    frame.unit(random.between(60, 95)),
    stance,
  );
}

export const forest: Scene = function* (input) {
  const { frame, palette, reading, random } = input;
  const horizon = Math.floor((frame.height * random.between(52, 62)) / 100);
  const { layers } = sky(input, horizon);
  yield;
  const rows = 5;
  let ground: Ridge | null = null;
  for (let index = 0; index < rows; index++) {
    yield;
    const t = Math.floor((index * 256) / (rows - 1));
    const color = mix(palette.far, palette.near, t);
    const depth = 40 + ((t * 27) >> 5);
    ground = ridge(frame, {
      level: horizon + Math.floor(((frame.height - horizon) * index * 16) / (rows * 20)),
      relief: frame.unit(46),
      cell: frame.unit(520),
      octaves: 4,
      roughness: 100,
      crest: color,
      foot: mix(color, palette.ink, 60 + (t >> 2)),
      seed: random.next(),
    });
    const trees = new Outline();
    const size = 90 + index * index * 34;
    const last = index === rows - 1;
    for (
      let x = -frame.unit(40);
      x < frame.width + frame.unit(40);
      x += frame.unit(last ? random.between(60, 200) : random.between(12, 26) + index * random.between(6, 14))
    ) {
      const middle = Math.abs(x * 2 - frame.width) * 100 < frame.width * 56;
      if (last && middle) continue;
      const height = frame.unit(Math.floor((size * random.between(62, 118)) / 100));
      // Rooted deep enough for the ground, painted afterwards, to hide the gap beneath the lowest boughs.
      conifer(trees, x, ground.crestAt(x) + Math.floor(height / 7), height, random);
    }
    const wood = shape(
      trees,
      { top: mix(color, palette.glow, 60 - (t >> 3)), bottom: mix(color, palette.ink, t >> 1) },
      frame.width,
    );
    layers.push(atDepth(depth, wood), atDepth(depth, ground));
    if (index < rows - 1)
      layers.push(
        drifting(
          depth,
          40,
          mist(
            frame,
            ground.top + frame.unit(30),
            frame.unit(130),
            mix(palette.paper, palette.glow, 110),
            150 - index * 24,
            random.next(),
          ),
        ),
      );
  }
  const floor = ground!;
  yield;
  layers.push(
    ...placeFigures(input, reading.figures, (x) => floor.crestAt(x) + frame.unit(20), frame.unit(270)),
  );
  return layers;
};

export const desert: Scene = function* (input) {
  const { frame, palette, reading, random } = input;
  const horizon = Math.floor((frame.height * random.between(50, 58)) / 100);
  const { layers, sunX } = sky(input, horizon);
  yield;
  const from = sunX > frame.width / 2 ? 1 : -1;
  if (random.chance(70)) {
    layers.push(
      atDepth(
        30,
        ridge(frame, {
          level: horizon + frame.unit(4),
          relief: frame.unit(80),
          cell: frame.unit(300),
          octaves: 6,
          roughness: 130,
          crest: mix(palette.far, palette.sky[1]!, 110),
          foot: mix(palette.far, palette.glow, 80),
          seed: random.next(),
          light: { color: palette.glow, from, strength: 100 },
        }),
      ),
    );
  }
  let ground: Ridge | null = null;
  for (let index = 0; index < 5; index++) {
    yield;
    const color = mix(palette.far, palette.near, index * 50);
    ground = ridge(frame, {
      level: horizon + frame.unit(20) + Math.floor(((frame.height - horizon) * index * 16) / 100),
      relief: frame.unit(60 + index * 8),
      cell: frame.unit(560),
      octaves: 2,
      roughness: 50,
      crest: mix(color, palette.ink, 26),
      foot: mix(color, palette.glow, 70),
      seed: random.next(),
      light: { color: mix(palette.glow, palette.paper, 60), from, strength: 235 },
    });
    layers.push(atDepth(64 + index * 48, ground));
  }
  const floor = ground!;
  const names = reading.figures.length > 0 ? reading.figures : random.chance(60) ? (["cactus"] as const) : [];
  layers.push(...placeFigures(input, names, (x) => floor.crestAt(x), frame.unit(230)));
  return layers;
};

/** A dark strip of land in front with the figures on it. */
function foreground(
  input: SceneInput,
  levelPercent: number,
  names: SceneInput["reading"]["figures"],
): Layer[] {
  const { frame, palette, random } = input;
  const ground = ridge(frame, {
    level: Math.floor((frame.height * levelPercent) / 100),
    relief: frame.unit(50),
    cell: frame.unit(600),
    octaves: 4,
    roughness: 90,
    crest: palette.near,
    foot: palette.ink,
    seed: random.next(),
    light: { color: palette.glow, from: random.chance(50) ? 1 : -1, strength: 60 },
  });
  return [atDepth(256, ground), ...placeFigures(input, names, (x) => ground.crestAt(x), frame.unit(260))];
}
