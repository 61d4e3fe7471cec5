/** The colour worlds a picture can live in. */

import { brightness, type Color, hsl, mix } from "./color.ts";
import type { Random } from "./random.ts";

export type Palette = {
  /** From the zenith to the horizon. */
  sky: readonly Color[];
  /** The disc in the sky and the light around it. */
  sun: Color;
  glow: Color;
  /** Land in the distance and right in front. */
  far: Color;
  near: Color;
  water: Color;
  deep: Color;
  accents: readonly Color[];
  /** The darkest tone: silhouettes. */
  ink: Color;
  /** The lightest tone: paper, snow, mist. */
  paper: Color;
  /** How far things in front are drowned in `ink`, 0-256. */
  shade: number;
  night: boolean;
};

const PALETTES = {
  dawn: {
    sky: [0x5b6fa8, 0x9d8fc4, 0xf0a9a7, 0xffd9b0],
    sun: 0xfff1cf,
    glow: 0xffc48a,
    far: 0xb793b5,
    near: 0x3a3358,
    water: 0xe8aaa5,
    deep: 0x4a4a7c,
    accents: [0xe4687a, 0xf6b45a, 0x7a6cc0],
    ink: 0x2a2444,
    paper: 0xfff0e2,
    shade: 80,
    night: false,
  },
  day: {
    sky: [0x2f7fc2, 0x66b2de, 0xa9dcec, 0xe9f5e6],
    sun: 0xfffbe0,
    glow: 0xfff0b8,
    far: 0x86b7c4,
    near: 0x2c5f4e,
    water: 0x7cc4d4,
    deep: 0x1c5d86,
    accents: [0xe9604c, 0xf7c548, 0x2f8f83],
    ink: 0x1b3a40,
    paper: 0xfbf7ea,
    shade: 24,
    night: false,
  },
  sunset: {
    sky: [0x3b2a6b, 0x8c3f86, 0xe4606a, 0xfca256, 0xffd98a],
    sun: 0xffedb0,
    glow: 0xff9a4d,
    far: 0xb5587d,
    near: 0x2b1a3f,
    water: 0xf08a5c,
    deep: 0x3f2559,
    accents: [0xf7b23b, 0xe4484f, 0x6c3f96],
    ink: 0x1f1232,
    paper: 0xffe9cf,
    shade: 130,
    night: false,
  },
  dusk: {
    sky: [0x141c44, 0x31386f, 0x7a5a94, 0xd98a93],
    sun: 0xffe6cd,
    glow: 0xe69a9c,
    far: 0x6f5f96,
    near: 0x171b3a,
    water: 0x8a6c98,
    deep: 0x1c2350,
    accents: [0xf4a259, 0xd86a84, 0x7f8fd6],
    ink: 0x10132c,
    paper: 0xf2e3ea,
    shade: 130,
    night: true,
  },
  night: {
    sky: [0x050a1f, 0x0c1a40, 0x1a3566, 0x3a648c],
    sun: 0xf6f2dc,
    glow: 0xa8c6ea,
    far: 0x35577f,
    near: 0x081226,
    water: 0x2f5a80,
    deep: 0x07132c,
    accents: [0xf5c85c, 0x7fb8d8, 0xd9738c],
    ink: 0x050b1a,
    paper: 0xdfe9f2,
    shade: 130,
    night: true,
  },
  forest: {
    sky: [0x8fb7a6, 0xb9d3b4, 0xe3e8c4, 0xf7f1d2],
    sun: 0xfffbe2,
    glow: 0xf9eeb0,
    far: 0x9fc0a4,
    near: 0x12342c,
    water: 0x8fb9a2,
    deep: 0x1d4a43,
    accents: [0xd9683c, 0xe9b949, 0x4f8f5b],
    ink: 0x0d241f,
    paper: 0xf8f4df,
    shade: 50,
    night: false,
  },
  autumn: {
    sky: [0x6f8fa6, 0xb9bfae, 0xf0d4a0, 0xfbe6bd],
    sun: 0xfff3d0,
    glow: 0xffd58a,
    far: 0xd0a06c,
    near: 0x4a2320,
    water: 0xc9a27a,
    deep: 0x4f4a4f,
    accents: [0xd9502b, 0xf0a02f, 0x8c2f2a],
    ink: 0x2d1618,
    paper: 0xfcf0d8,
    shade: 50,
    night: false,
  },
  winter: {
    sky: [0x6f94bd, 0xa7c2dc, 0xd6e2ee, 0xf6ece6],
    sun: 0xffffff,
    glow: 0xffe9dc,
    far: 0xb4c8dc,
    near: 0x567594,
    water: 0xb7d0e0,
    deep: 0x4a7096,
    accents: [0xd8584f, 0x3f6fa0, 0xf0c674],
    ink: 0x24384f,
    paper: 0xffffff,
    shade: 30,
    night: false,
  },
  desert: {
    sky: [0x3f8fa8, 0x93c3bd, 0xf4dcae, 0xfde9c4],
    sun: 0xfff8e0,
    glow: 0xffdf9c,
    far: 0xe2a977,
    near: 0x9c4a2f,
    water: 0x9cc4b8,
    deep: 0x356f78,
    accents: [0xc8452f, 0xf2b14b, 0x2f7f7c],
    ink: 0x44201c,
    paper: 0xfff3dc,
    shade: 40,
    night: false,
  },
  storm: {
    sky: [0x2c3844, 0x4c5c68, 0x7f8e92, 0xc2c6ba],
    sun: 0xf2efdc,
    glow: 0xd8d6c0,
    far: 0x71828a,
    near: 0x1c262e,
    water: 0x7c8f95,
    deep: 0x20323e,
    accents: [0xe0b54a, 0x9c4a48, 0x4f7f92],
    ink: 0x12191f,
    paper: 0xe6e6dc,
    shade: 90,
    night: false,
  },
  rose: {
    sky: [0xb77fb4, 0xe59fbe, 0xf9c9cf, 0xffeadd],
    sun: 0xfffaf0,
    glow: 0xffd9d2,
    far: 0xdb9dbd,
    near: 0x7b3b6c,
    water: 0xe6a9c2,
    deep: 0x7a4c86,
    accents: [0xd8345f, 0xf7a072, 0x6f5fa8],
    ink: 0x43204a,
    paper: 0xfff5ef,
    shade: 50,
    night: false,
  },
  neon: {
    sky: [0x0d0628, 0x2b0f54, 0x7a1f86, 0xf0508f],
    sun: 0xffe27a,
    glow: 0xff5f9e,
    far: 0x5a2a8c,
    near: 0x0b0824,
    water: 0x9a2f92,
    deep: 0x120a3a,
    accents: [0x2fe6e0, 0xff5fa8, 0xffd84a],
    ink: 0x07041a,
    paper: 0xf6e9ff,
    shade: 120,
    night: true,
  },
} as const satisfies Record<string, Palette>;

export type PaletteName = keyof typeof PALETTES;

export const PALETTE_NAMES = Object.keys(PALETTES) as PaletteName[];

export function namedPalette(name: PaletteName): Palette {
  return PALETTES[name];
}

/** A palette made from two hues, for prompts whose words suggest none. */
export function inventPalette(random: Random): Palette {
  const hue = random.between(0, 359);
  const other = hue + random.pick([28, 40, 150, 180, 205, -35]);
  const night = random.chance(28);
  if (night) {
    return {
      sky: [hsl(hue, 62, 8), hsl(hue, 55, 17), hsl(hue + 12, 45, 32), hsl(other, 52, 58)],
      sun: hsl(other, 80, 90),
      glow: hsl(other, 80, 68),
      far: hsl(hue + 10, 36, 38),
      near: hsl(hue, 52, 10),
      water: hsl(other, 34, 44),
      deep: hsl(hue, 55, 12),
      accents: [hsl(other, 78, 62), hsl(hue + 90, 55, 60), hsl(other + 30, 75, 66)],
      ink: hsl(hue, 58, 6),
      paper: hsl(other, 45, 92),
      shade: 125,
      night,
    };
  }
  return {
    sky: [hsl(hue, 42, 48), hsl(hue + 8, 44, 64), hsl(other, 58, 79), hsl(other + 10, 80, 90)],
    sun: hsl(other, 90, 95),
    glow: hsl(other, 88, 78),
    far: hsl(hue + 6, 30, 66),
    near: hsl(hue - 8, 42, 20),
    water: hsl(hue + 4, 38, 64),
    deep: hsl(hue, 48, 26),
    accents: [hsl(other + 12, 72, 54), hsl(other + 40, 80, 62), hsl(hue, 48, 42)],
    ink: hsl(hue - 10, 48, 12),
    paper: hsl(other, 60, 95),
    shade: 55,
    night,
  };
}

/** Pulls a whole palette towards a colour and keeps its lights and darks apart. */
export function tintPalette(palette: Palette, tint: Color, strength: number): Palette {
  const pull = (color: Color) => {
    const light = brightness(color);
    const own = brightness(tint);
    // The tint, brought to this colour's brightness by mixing in black or white.
    const toned =
      light < own
        ? mix(0, tint, Math.floor((light * 256) / Math.max(1, own)))
        : mix(tint, 0xffffff, Math.floor(((light - own) * 256) / Math.max(1, 255 - own)));
    return mix(color, toned, strength);
  };
  return {
    ...palette,
    sky: palette.sky.map(pull),
    sun: mix(palette.sun, pull(palette.sun), 128),
    glow: pull(palette.glow),
    far: pull(palette.far),
    near: pull(palette.near),
    water: pull(palette.water),
    deep: pull(palette.deep),
    accents: [tint, ...palette.accents.slice(1)],
    ink: mix(palette.ink, pull(palette.ink), 128),
  };
}
