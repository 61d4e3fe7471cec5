/**
 * Silhouettes by name. Each stands with its feet on (0, 0) in a box of about 200 units, up being negative. A part is
 * a colour and a path of M(ove), L(ine), Q(uadratic curve) and E(llipse: centre, radii); later parts cover earlier ones.
 */

import { type Color, mix } from "./color.ts";
import { type Layer, type PictureFrame, shape } from "./layer.ts";
import type { Gait } from "./motion.ts";
import { curveTo, ellipse, Outline, type Point } from "./outline.ts";
import type { Palette } from "./palette.ts";

type Part = readonly [color: Color, path: string];

const FIGURES = {
  fox: [
    [0xd9652a, "M 26 -2 Q 92 2 96 -44 Q 98 -82 70 -100 Q 76 -64 58 -44 Q 44 -30 26 -34"],
    [0xfff3e2, "M 95 -52 Q 96 -84 70 -100 Q 77 -76 71 -62 Q 84 -50 95 -52"],
    [0xd9652a, "M -36 0 Q -50 -62 -20 -122 L 20 -122 Q 50 -62 36 0"],
    [0xfff3e2, "M -18 -116 Q -8 -60 0 -40 Q 8 -60 18 -116"],
    [0x4a2620, "M -24 0 L -23 -20 Q -14 -28 -4 -20 L -3 0 M 3 0 L 4 -20 Q 14 -28 23 -20 L 24 0"],
    [
      0xe2702f,
      "M -40 -204 Q -24 -192 -14 -174 L 14 -174 Q 24 -192 40 -204 Q 48 -172 44 -150 Q 34 -122 0 -106 Q -34 -122 -44 -150 Q -48 -172 -40 -204",
    ],
    [
      0x4a2620,
      "M -37 -194 Q -26 -184 -22 -172 L -36 -164 Q -39 -180 -37 -194 M 37 -194 Q 26 -184 22 -172 L 36 -164 Q 39 -180 37 -194",
    ],
    [
      0xfff3e2,
      "M -44 -150 Q -16 -148 -3 -110 L 0 -106 Q -34 -120 -44 -150 M 44 -150 Q 16 -148 3 -110 L 0 -106 Q 34 -120 44 -150",
    ],
    [0x2a1512, "E -16 -148 4 6 E 16 -148 4 6 E 0 -109 7 5"],
  ],
  cat: [
    [0x3a3440, "M 24 -4 Q 70 4 72 -40 Q 72 -66 88 -84 Q 94 -88 96 -80 Q 84 -62 86 -38 Q 84 16 24 4"],
    [0x3a3440, "M -38 0 Q -50 -70 -22 -120 L 22 -120 Q 50 -70 38 0"],
    [
      0x3a3440,
      "M -38 -196 Q -22 -188 -13 -174 L 13 -174 Q 22 -188 38 -196 Q 44 -166 42 -146 Q 34 -108 0 -108 Q -34 -108 -42 -146 Q -44 -166 -38 -196",
    ],
    [0xe2a0a0, "M -34 -184 Q -24 -178 -20 -170 L -32 -164 M 34 -184 Q 24 -178 20 -170 L 32 -164"],
    [0xf2d35c, "E -17 -146 8 7 E 17 -146 8 7"],
    [0x120e16, "E -17 -146 2 6 E 17 -146 2 6"],
    [0xe2a0a0, "M -4 -131 L 4 -131 L 0 -126"],
  ],
  dog: [
    [0xb98250, "M 28 -6 Q 64 -20 72 -58 Q 82 -60 82 -50 Q 74 -2 28 6"],
    [0xb98250, "M -38 0 Q -50 -70 -24 -122 L 24 -122 Q 50 -70 38 0"],
    [0xf6ead6, "M -16 -112 Q 0 -50 0 -44 Q 0 -50 16 -112"],
    [
      0xc4905c,
      "M -30 -180 Q 0 -198 30 -180 Q 44 -150 34 -128 Q 18 -104 0 -104 Q -18 -104 -34 -128 Q -44 -150 -30 -180",
    ],
    [
      0x6e452c,
      "M -28 -182 Q -56 -178 -54 -126 Q -40 -118 -34 -140 Q -34 -164 -28 -182 M 28 -182 Q 56 -178 54 -126 Q 40 -118 34 -140 Q 34 -164 28 -182",
    ],
    [0xf6ead6, "E 0 -124 19 16"],
    [0x2a1a14, "E -15 -150 5 6 E 15 -150 5 6 E 0 -130 8 6"],
  ],
  rabbit: [
    [0xe9e2da, "E 40 -22 15 15"],
    [0xd8cfc6, "M -36 0 Q -50 -64 -16 -100 L 16 -100 Q 50 -64 36 0"],
    [
      0xe9e2da,
      "M -30 -196 Q -38 -160 -18 -128 L -4 -130 Q -10 -180 -30 -196 M 30 -196 Q 38 -160 18 -128 L 4 -130 Q 10 -180 30 -196",
    ],
    [
      0xe5a9ac,
      "M -27 -182 Q -30 -158 -17 -136 L -11 -137 Q -14 -168 -27 -182 M 27 -182 Q 30 -158 17 -136 L 11 -137 Q 14 -168 27 -182",
    ],
    [0xe9e2da, "E 0 -112 33 29"],
    [0x33231f, "E -14 -115 4 5 E 14 -115 4 5"],
    [0xd9858c, "M -5 -104 L 5 -104 L 0 -98"],
  ],
  owl: [
    [
      0x6d4b38,
      "M -46 -40 Q -54 -120 -40 -168 L -44 -192 L -22 -178 Q 0 -186 22 -178 L 44 -192 L 40 -168 Q 54 -120 46 -40 Q 30 0 0 0 Q -30 0 -46 -40",
    ],
    [0xe2c7a0, "M -26 -40 Q -30 -92 0 -110 Q 30 -92 26 -40 Q 14 -8 0 -8 Q -14 -8 -26 -40"],
    [0xf8ecd2, "E -19 -144 21 22 E 19 -144 21 22"],
    [0x1f1512, "E -17 -144 10 11 E 17 -144 10 11"],
    [0xf2a53c, "M -8 -134 L 8 -134 L 0 -114 M -24 0 L -18 -10 L -8 0 M 8 0 L 18 -10 L 24 0"],
    [0xffffff, "E -14 -149 3 3 E 20 -149 3 3"],
  ],
  deer: [
    [
      0x5a3a2a,
      "M -12 -196 Q -44 -214 -40 -254 L -34 -254 Q -34 -232 -24 -220 Q -26 -240 -14 -256 L -9 -253 Q -18 -230 -4 -198 M 12 -196 Q 44 -214 40 -254 L 34 -254 Q 34 -232 24 -220 Q 26 -240 14 -256 L 9 -253 Q 18 -230 4 -198",
    ],
    [
      0xa56a40,
      "M -22 0 L -26 -60 Q -34 -110 -16 -136 L 16 -136 Q 34 -110 26 -60 L 22 0 L 10 0 L 8 -56 L -8 -56 L -10 0",
    ],
    [0xf0dcc0, "M -10 -128 Q 0 -80 10 -128"],
    [
      0xb5764a,
      "M -14 -196 Q 0 -202 14 -196 Q 48 -206 50 -192 Q 40 -180 20 -178 Q 20 -150 8 -134 Q 0 -128 -8 -134 Q -20 -150 -20 -178 Q -40 -180 -50 -192 Q -48 -206 -14 -196",
    ],
    [0x241410, "E -12 -174 4 5 E 12 -174 4 5 E 0 -137 7 5"],
  ],
  bear: [
    [0x6a4632, "M -54 0 Q -66 -80 -30 -126 L 30 -126 Q 66 -80 54 0"],
    [0x8a6248, "E 0 -52 32 42"],
    [0x6a4632, "E -34 -184 15 15 E 34 -184 15 15 E 0 -152 46 42"],
    [0xb08a6a, "E 0 -138 20 16 E -34 -184 7 7 E 34 -184 7 7"],
    [0x1f1410, "E -18 -158 5 6 E 18 -158 5 6 E 0 -145 8 6"],
  ],
  penguin: [
    [0xf0a03c, "E -16 -3 16 6 E 16 -3 16 6"],
    [
      0x232b3c,
      "M -40 -40 Q -46 -150 0 -174 Q 46 -150 40 -40 Q 26 0 0 0 Q -26 0 -40 -40 M -38 -110 Q -66 -70 -54 -40 Q -40 -56 -36 -84 M 38 -110 Q 66 -70 54 -40 Q 40 -56 36 -84",
    ],
    [
      0xf8f5ee,
      "M -26 -40 Q -32 -104 -22 -142 Q -8 -152 0 -136 Q 8 -152 22 -142 Q 32 -104 26 -40 Q 16 -8 0 -8 Q -16 -8 -26 -40",
    ],
    [0x10141f, "E -11 -138 4 5 E 11 -138 4 5"],
    [0xf0a03c, "M -8 -130 L 8 -130 L 0 -118"],
  ],
  bird: [
    [
      0x2f5f7c,
      "M -96 -84 L -48 -96 Q -10 -134 36 -120 Q 58 -144 78 -124 L 98 -114 L 78 -108 Q 66 -58 12 -54 Q -30 -56 -48 -80",
    ],
    [0xe9744c, "M 34 -112 Q 66 -96 62 -84 Q 44 -58 12 -56 Q 30 -80 34 -112"],
    [0x1f4258, "M -40 -96 Q 0 -116 30 -100 Q 6 -66 -52 -72"],
    [0x14202a, "E 70 -122 4 4"],
    [0x3a2a24, "M 4 -56 L 8 -56 L 8 0 L 4 0 M 22 -58 L 26 -58 L 26 0 L 22 0"],
  ],
  whale: [
    [
      0x3c6a8c,
      "M -90 -30 Q -84 -98 0 -98 Q 56 -98 78 -50 Q 92 -62 90 -96 Q 72 -108 66 -128 Q 90 -124 98 -108 Q 104 -126 128 -130 Q 124 -108 108 -96 Q 112 -20 50 0 L -50 0 Q -84 -4 -90 -30",
    ],
    [0xdfeaf0, "M -88 -26 Q -40 -10 30 -22 Q 20 0 -20 2 L -50 0 Q -82 -4 -88 -26"],
    [0x14242f, "E -56 -48 5 6"],
    [
      0xbfe2f0,
      "M -10 -106 Q -12 -146 -40 -150 Q -50 -146 -46 -136 Q -26 -140 -16 -106 M -6 -106 Q -4 -146 24 -150 Q 34 -146 30 -136 Q 10 -140 0 -106",
    ],
  ],
  fish: [
    [0xe8743c, "M -80 -60 Q -20 -120 40 -66 L 80 -104 Q 70 -60 80 -18 L 40 -54 Q -20 0 -80 -60"],
    [
      0xfff0dc,
      "M -36 -88 Q -22 -60 -36 -32 Q -26 -26 -18 -26 Q -4 -60 -18 -94 M 8 -86 Q 16 -60 8 -36 L 20 -42 Q 26 -60 20 -80",
    ],
    [0x1f1712, "E -56 -66 5 6"],
  ],
  butterfly: [
    [
      0xe8873c,
      "M 0 -100 Q -40 -180 -90 -160 Q -104 -110 -40 -92 Q -84 -70 -64 -28 Q -30 -20 0 -84 Q 30 -20 64 -28 Q 84 -70 40 -92 Q 104 -110 90 -160 Q 40 -180 0 -100",
    ],
    [0xfbd28a, "E -64 -132 15 15 E 64 -132 15 15 E -46 -56 9 9 E 46 -56 9 9"],
    [0x2a1c20, "M -4 -120 Q 0 -128 4 -120 L 3 -50 L -3 -50"],
  ],
  sailboat: [
    [0xfff6e4, "M 6 -196 Q 70 -110 84 -50 L 6 -50"],
    [0xe4584c, "M -6 -170 Q -24 -100 -66 -50 L -6 -50"],
    [0x4a3228, "M -3 -204 L 3 -204 L 3 -36 L -3 -36"],
    [0x7c4430, "M -88 -38 L 92 -38 Q 80 -6 56 0 L -56 0 Q -80 -8 -88 -38"],
    [0xfff6e4, "M -86 -32 L 90 -32 L 88 -26 L -84 -26"],
  ],
  lighthouse: [
    [0x6d6a70, "M -70 0 Q -50 -26 0 -28 Q 50 -26 70 0"],
    [0xf7f0e4, "M -26 -18 L -16 -150 L 16 -150 L 26 -18"],
    [0xd8483f, "M -25 -34 L -22 -66 L 22 -66 L 25 -34 M -20 -98 L -18 -128 L 18 -128 L 20 -98"],
    [0x2c3440, "M -22 -150 L 22 -150 L 22 -156 L -22 -156 M -12 -156 L -12 -182 L 12 -182 L 12 -156"],
    [0xffe9a0, "M -9 -158 L -9 -180 L 9 -180 L 9 -158"],
    [0xd8483f, "M -18 -180 Q 0 -206 18 -180"],
  ],
  cabin: [
    [0x4a322a, "M 24 -130 L 24 -178 L 42 -178 L 42 -112"],
    [0x8c5a3c, "M -64 0 L -64 -78 L 64 -78 L 64 0"],
    [
      0x70442e,
      "M -64 -60 L 64 -60 L 64 -56 L -64 -56 M -64 -40 L 64 -40 L 64 -36 L -64 -36 M -64 -20 L 64 -20 L 64 -16 L -64 -16",
    ],
    [0x3c2a30, "M -84 -70 L 0 -154 L 84 -70"],
    [0xffd877, "M -46 -26 L -46 -56 L -16 -56 L -16 -26"],
    [
      0x5a3626,
      "M 14 0 L 14 -54 L 42 -54 L 42 0 M -33 -26 L -33 -56 L -29 -56 L -29 -26 M -46 -43 L -16 -43 L -16 -39 L -46 -39",
    ],
  ],
  castle: [
    [
      0x8a8494,
      "M -90 0 L -90 -120 L -50 -120 L -50 -70 L 50 -70 L 50 -120 L 90 -120 L 90 0 M -24 -70 L -24 -160 L 24 -160 L 24 -70",
    ],
    [
      0x5f5a70,
      "M -98 -116 L -70 -172 L -42 -116 M 98 -116 L 70 -172 L 42 -116 M -32 -156 L 0 -226 L 32 -156",
    ],
    [
      0xd8483f,
      "M -1 -224 L 34 -236 L -1 -248 M -71 -170 L -44 -180 L -71 -190 M 69 -170 L 96 -180 L 69 -190",
    ],
    [0x3a3444, "M -18 0 L -18 -34 Q 0 -60 18 -34 L 18 0"],
    [
      0xffe09a,
      "M -76 -80 L -76 -98 L -64 -98 L -64 -80 M 64 -80 L 64 -98 L 76 -98 L 76 -80 M -6 -112 L -6 -134 L 6 -134 L 6 -112",
    ],
  ],
  tent: [
    [0xd8713c, "M -92 0 L 0 -124 L 92 0"],
    [0xb85528, "M 8 0 L 0 -124 L 92 0"],
    [0xffdf8a, "M -34 0 L 0 -112 L 22 0"],
    [0x7c3418, "M -34 0 L 0 -112 L -6 0"],
  ],
  balloon: [
    [0xe4584c, "M -14 -58 Q -84 -112 -70 -162 Q -52 -214 0 -216 Q 52 -214 70 -162 Q 84 -112 14 -58"],
    [0xf9d77c, "M -8 -58 Q -52 -120 -40 -168 Q -28 -208 0 -216 Q 28 -208 40 -168 Q 52 -120 8 -58"],
    [0xe4584c, "M -4 -58 Q -22 -120 -16 -170 Q -10 -206 0 -216 Q 10 -206 16 -170 Q 22 -120 4 -58"],
    [
      0x5a3a2a,
      "M -13 -58 L -9 -26 L -11 -26 L -15 -58 M 13 -58 L 9 -26 L 11 -26 L 15 -58 M -13 -26 L 13 -26 L 11 0 L -11 0",
    ],
  ],
  cactus: [
    [
      0x3f7f58,
      "M -16 0 L -16 -150 Q -16 -172 0 -172 Q 16 -172 16 -150 L 16 0 M -16 -60 L -40 -60 Q -60 -62 -60 -84 L -60 -116 Q -50 -130 -40 -116 L -40 -84 L -16 -84 M 16 -40 L 38 -40 Q 58 -42 58 -64 L 58 -100 Q 48 -114 38 -100 L 38 -64 L 16 -64",
    ],
    [0x2f6348, "M 4 0 L 4 -168 Q 16 -166 16 -150 L 16 0"],
    [0xf07a8c, "E 0 -172 9 7 E -50 -122 6 5"],
  ],
  mushroom: [
    [0xf4e6d0, "M -22 0 Q -12 -50 -20 -84 L 20 -84 Q 12 -50 22 0"],
    [0xd8433c, "M -84 -78 Q -72 -166 0 -168 Q 72 -166 84 -78 Q 40 -66 0 -66 Q -40 -66 -84 -78"],
    [0xfff4e4, "E -38 -112 13 10 E 10 -138 12 9 E 44 -100 10 8 E -8 -92 8 6"],
  ],
  robot: [
    [
      0x5a6a7a,
      "M -3 -196 L 3 -196 L 3 -168 L -3 -168 M -34 -36 L -34 0 L -8 0 L -8 -36 M 8 -36 L 8 0 L 34 0 L 34 -36 M -66 -98 L -46 -98 L -46 -50 L -66 -50 M 46 -98 L 66 -98 L 66 -50 L 46 -50",
    ],
    [0x9fb2c0, "M -46 -34 L -46 -108 L 46 -108 L 46 -34 M -38 -112 L -38 -172 L 38 -172 L 38 -112"],
    [0x22303c, "M -28 -126 L -28 -158 L 28 -158 L 28 -126"],
    [0x6ff0e0, "E -13 -142 7 8 E 13 -142 7 8 E 0 -200 7 7"],
    [0xf0785c, "E 0 -72 14 14"],
  ],
  rocket: [
    [0xf2a03c, "M -16 -36 Q -22 -10 0 14 Q 22 -10 16 -36"],
    [0xd8483f, "M -24 -84 Q -56 -56 -52 -24 L -20 -44 M 24 -84 Q 56 -56 52 -24 L 20 -44"],
    [0xf4f0ea, "M -22 -36 Q -42 -140 0 -206 Q 42 -140 22 -36"],
    [0xd8483f, "M -22 -164 Q -14 -184 0 -206 Q 14 -184 22 -164"],
    [0x2f5f8c, "E 0 -122 15 15"],
    [0xa8dcf0, "E 0 -122 10 10"],
  ],
  astronaut: [
    [
      0xd4dae2,
      "M -34 0 L -34 -50 L 34 -50 L 34 0 L 8 0 L 4 -22 L -4 -22 L -8 0 M -36 -104 Q -66 -84 -62 -44 L -46 -40 L -36 -70 M 36 -104 Q 66 -84 62 -44 L 46 -40 L 36 -70",
    ],
    [
      0xf2f4f6,
      "M -38 -40 Q -44 -90 -30 -112 L 30 -112 Q 44 -90 38 -40 M -50 -150 Q -50 -198 0 -198 Q 50 -198 50 -150 Q 50 -106 0 -106 Q -50 -106 -50 -150",
    ],
    [0x22364f, "M -38 -150 Q -38 -180 0 -180 Q 38 -180 38 -150 Q 38 -122 0 -122 Q -38 -122 -38 -150"],
    [0x8fc2e2, "M -28 -156 Q -26 -172 -8 -173 Q -20 -164 -22 -150"],
    [0xe4584c, "M -18 -66 L -18 -88 L 18 -88 L 18 -66"],
  ],
  heart: [
    [
      0xd8344f,
      "M 0 -4 Q -96 -72 -88 -132 Q -78 -178 -38 -174 Q -8 -168 0 -136 Q 8 -168 38 -174 Q 78 -178 88 -132 Q 96 -72 0 -4",
    ],
  ],
} as const satisfies Record<string, readonly Part[]>;

export type FigureName = keyof typeof FIGURES;

/** Where each kind of figure feels at home. */
export const AFLOAT: ReadonlySet<FigureName> = new Set(["sailboat", "whale", "fish"]);
export const AIRBORNE: ReadonlySet<FigureName> = new Set(["balloon", "rocket", "butterfly", "heart"]);

const GAITS: Partial<Record<FigureName, Gait>> = {
  sailboat: "float",
  whale: "swim",
  fish: "swim",
  lighthouse: "stand",
  cabin: "stand",
  castle: "stand",
  tent: "stand",
  cactus: "stand",
  mushroom: "stand",
  balloon: "rise",
  rocket: "launch",
  butterfly: "flutter",
  heart: "beat",
};

/** How a figure gets about in a film. */
export function gaitOf(name: FigureName): Gait {
  return GAITS[name] ?? "walk";
}

/** A figure whose feet stand at (`x`, `y`) pixels, `height` pixels tall, coloured by the light of the palette. */
export function figure(
  frame: PictureFrame,
  name: FigureName,
  x: number,
  y: number,
  height: number,
  palette: Palette,
  mirrored = false,
): Layer[] {
  return FIGURES[name].map(([color, path]) => {
    const outline = new Outline();
    const place = (px: number, py: number): Point => ({
      x: x * 256 + Math.floor(((mirrored ? -px : px) * height * 256) / 200),
      y: y * 256 + Math.floor((py * height * 256) / 200),
    });
    for (const polygon of tracePath(path, place, Math.floor((height * 256) / 200))) outline.add(polygon);
    const lit = mix(color, palette.ink, palette.shade >> 1);
    return shape(
      outline,
      { top: mix(lit, palette.glow, 40), bottom: mix(lit, palette.ink, 50) },
      frame.width,
    );
  });
}

/** Turns a path into polygons. */
function tracePath(path: string, place: (x: number, y: number) => Point, scale: number): Point[][] {
  const polygons: Point[][] = [];
  const tokens = path.split(" ");
  let at = 0;
  const number = () => Number(tokens[at++]);
  const point = () => place(number(), number());
  while (at < tokens.length) {
    const command = tokens[at++];
    if (command === "M") polygons.push([point()]);
    else if (command === "E") polygons.push(ellipse(point(), number() * scale, number() * scale));
    else if (command === "L") polygons[polygons.length - 1]!.push(point());
    else curveTo(polygons[polygons.length - 1]!, point(), point());
  }
  return polygons;
}
