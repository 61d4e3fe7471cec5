/** What fills the air: snow, rain, falling leaves and petals, fireflies, dust in the light. */

import { type Color, mix } from "../canvas/color.ts";
import { TURN } from "../canvas/fixed-point.ts";
import { type Layer, type PictureFrame, shape } from "../canvas/layer.ts";
import { curveTo, ellipse, Outline, type Point } from "../canvas/outline.ts";
import type { Palette } from "../canvas/palette.ts";
import type { Random } from "../canvas/random.ts";
import { glow } from "../canvas/sky.ts";
import type { Composition } from "../canvas.ts";
import type { Actor } from "./actor.ts";
import { swing } from "./camera.ts";
import { drawPosed } from "./compositor.ts";
import { makeSprite, type Sprite } from "./sprite.ts";

type Kind = "snow" | "rain" | "leaves" | "petals" | "fireflies" | "dust";

/** A kind of weather. Speeds are thousandths of the shorter side a second, to the right and down. */
type Rule = {
  count: number;
  /** Thousandths of the shorter side. */
  size: number;
  x: number;
  y: number;
  /** How far it swings aside, in sizes, and how often a second. */
  sway: number;
  rate: number;
  /** How it tumbles: turns a second. */
  spin: number;
  /** Whether it comes and goes. */
  pulses: boolean;
  look(frame: PictureFrame, middle: number, size: number, color: Color): Layer;
};

const RULES: Record<Kind, Rule> = {
  snow: { count: 90, size: 11, x: 24, y: 120, sway: 2.2, rate: 0.3, spin: 0, pulses: false, look: dot },
  rain: { count: 80, size: 26, x: -160, y: 1150, sway: 0, rate: 0, spin: 0, pulses: false, look: streak },
  leaves: { count: 24, size: 20, x: 60, y: 105, sway: 2.4, rate: 0.35, spin: 0.3, pulses: false, look: leaf },
  petals: { count: 30, size: 16, x: 70, y: 75, sway: 2.6, rate: 0.3, spin: 0.25, pulses: false, look: leaf },
  fireflies: { count: 22, size: 15, x: 8, y: -10, sway: 2.5, rate: 0.2, spin: 0, pulses: true, look: light },
  dust: { count: 36, size: 8, x: 26, y: -12, sway: 2, rate: 0.2, spin: 0, pulses: true, look: light },
};

/** The weather of a scene; null when the air is clear. It yields between slices. */
export function* weatherActor(
  { scene, reading, palette, random }: Composition,
  frame: PictureFrame,
  width: number,
): Generator<void, Actor | null> {
  const kind = kindOf(scene, reading.palette, palette.night);
  if (kind === null) return null;
  const rule = RULES[kind];
  const dice = random.fork();
  const pieces: { sprite: Sprite; middle: number }[] = [];
  for (const color of colorsOf(kind, palette)) {
    const size = Math.max(2, frame.unit(rule.size));
    const middle = size + 2;
    const own: PictureFrame = { ...frame, width: middle * 2, height: middle * 2 };
    const sprite = yield* makeSprite([rule.look(own, middle, size, color)], own);
    if (sprite !== null) pieces.push({ sprite, middle });
  }
  if (pieces.length === 0) return null;
  return fallingActor(rule, pieces, frame, width, dice);
}

function fallingActor(
  rule: Rule,
  pieces: readonly { sprite: Sprite; middle: number }[],
  frame: PictureFrame,
  width: number,
  dice: Random,
): Actor {
  const margin = frame.unit(60);
  const shorter = frame.unit(1000);
  const size = (rule.size * shorter) / 1000;
  const flakes = Array.from({ length: rule.count }, () => ({
    piece: dice.pick(pieces),
    x: dice.between(0, width + 2 * margin),
    y: dice.between(0, frame.height + 2 * margin),
    phase: dice.between(0, TURN - 1),
    // What is near is larger and faster.
    near: dice.between(45, 130) / 100,
    spin: (dice.chance(50) ? 1 : -1) * rule.spin,
  }));
  return {
    draw(canvas, moment) {
      for (const { piece, x, y, phase, near, spin } of flakes) {
        const passed = (moment.seconds * shorter * near) / 1000;
        const light = rule.pulses ? Math.max(0, swing(moment, 0.37 * near, phase * 5)) : 1;
        if (light < 0.05) continue;
        const aside = rule.sway * size * swing(moment, rule.rate * near, phase);
        drawPosed(canvas, piece.sprite, {
          pivotX: piece.middle,
          pivotY: piece.middle,
          x: wrap(x + rule.x * passed + aside, width + 2 * margin) - margin,
          y: wrap(y + rule.y * passed, frame.height + 2 * margin) - margin,
          angle: Math.floor(phase * (rule.spin === 0 ? 0 : 1) + moment.seconds * spin * TURN),
          // A leaf that tumbles is seen from its edge now and then.
          scaleX: near * light * (rule.spin === 0 ? 1 : 0.65 + 0.35 * swing(moment, 0.7, phase * 3)),
          scaleY: near * light,
        });
      }
    },
  };
}

function kindOf(
  scene: Composition["scene"],
  palette: Composition["reading"]["palette"],
  night: boolean,
): Kind | null {
  if (scene === "cosmos" || scene === "geometry") return null;
  if (palette === "winter") return "snow";
  if (palette === "storm") return "rain";
  if (palette === "autumn" && scene !== "sea") return "leaves";
  if (palette === "rose") return "petals";
  if (scene === "forest" || scene === "hills") return night ? "fireflies" : "dust";
  if (scene === "botanical") return "petals";
  return scene === "desert" ? "dust" : null;
}

function colorsOf(kind: Kind, palette: Palette): readonly Color[] {
  if (kind === "snow") return [0xffffff];
  if (kind === "rain") return [mix(palette.paper, palette.sky[1]!, 90)];
  if (kind === "leaves") return [0xd9772a, 0xc2492a, 0xe0a53a];
  if (kind === "petals") return palette.accents.map((accent) => mix(accent, palette.paper, 110));
  return kind === "fireflies" ? [0xffe27a] : [mix(palette.glow, 0xffffff, 120)];
}

function wrap(value: number, length: number): number {
  return value - Math.floor(value / length) * length;
}

function dot(frame: PictureFrame, middle: number, size: number, color: Color): Layer {
  const at = middle * 256;
  const outline = new Outline().add(ellipse({ x: at, y: at }, size * 128, size * 128, 0, 24));
  return shape(outline, { top: color, bottom: color, alpha: 225 }, frame.width);
}

function light(frame: PictureFrame, middle: number, size: number, color: Color): Layer {
  return glow(frame, middle, middle, size, color, 250);
}

function streak(frame: PictureFrame, middle: number, size: number, color: Color): Layer {
  const at = (x: number, y: number): Point => ({ x: middle * 256 + x, y: middle * 256 + y * 256 });
  const lean = Math.floor((size * 256 * 14) / 100);
  const outline = new Outline().add([
    at(lean, -size),
    at(lean + 230, -size),
    at(-lean + 230, size),
    at(-lean, size),
  ]);
  return shape(outline, { top: color, bottom: color, alpha: 120 }, frame.width);
}

function leaf(frame: PictureFrame, middle: number, size: number, color: Color): Layer {
  const at = (x: number, y: number): Point => ({
    x: middle * 256 + Math.floor((x * size * 256) / 100),
    y: middle * 256 + Math.floor((y * size * 256) / 100),
  });
  const blade = [at(0, -90)];
  curveTo(blade, at(70, -10), at(0, 90));
  curveTo(blade, at(-70, -10), at(0, -90));
  return shape(new Outline().add(blade), { top: color, bottom: mix(color, 0, 40), alpha: 235 }, frame.width);
}
