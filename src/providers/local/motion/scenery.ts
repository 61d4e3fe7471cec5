/** What stands in the scene: it passes by, bends in the wind, slides and turns. */

import { hash, SINE_ONE, sine, TURN } from "../canvas/fixed-point.ts";
import type { Motion } from "../canvas/motion.ts";
import type { Actor } from "./actor.ts";
import { type Camera, type Moment, swing } from "./camera.ts";
import { blendSpan, type Canvas, drawPosed, drawRow, shinePixel } from "./compositor.ts";
import type { Sprite } from "./sprite.ts";

type Moving<Kind extends Motion["kind"]> = Extract<Motion, { kind: Kind }>;

/** Draws a sprite whose rows each have a place of their own. */
function shifted(sprite: Sprite, hides: boolean, left: (y: number, moment: Moment) => number): Actor {
  return {
    ...(hides ? { hides: hiddenRows(sprite) } : {}),
    draw(canvas, moment, hidden) {
      for (let row = 0; row < sprite.height; row++) {
        const y = sprite.top + row;
        if (hidden[y] === 0) drawRow(canvas, sprite, row, Math.round(left(y, moment) * 256), y);
      }
    },
  };
}

/** The rows of the film that a sprite of the composed frame's whole width hides. */
function hiddenRows(sprite: Sprite): Uint8Array {
  const rows = new Uint8Array(sprite.top + sprite.height);
  rows.set(sprite.solid, sprite.top);
  return rows;
}

export function panned(sprite: Sprite, { depth, drift = 0 }: Moving<"pan">, camera: Camera): Actor {
  // With the camera's own way it must stay within the margin, or its end would come into view.
  const own = camera.margin * Math.min(drift / 100, (256 - depth) / 256) * -camera.direction;
  return shifted(
    sprite,
    drift === 0,
    (_, moment) => camera.column(sprite.left, moment, depth) + own * (moment.share - 0.5),
  );
}

export function slid(sprite: Sprite, { phase }: Moving<"slide">, camera: Camera): Actor {
  const reach = camera.margin / 2;
  return shifted(
    sprite,
    true,
    (_, moment) => camera.column(sprite.left, moment, 0) + reach * swing(moment, 0.11, phase),
  );
}

export function swayed(sprite: Sprite, { foot, height, phase }: Moving<"sway">, camera: Camera): Actor {
  const reach = height / 9;
  return shifted(sprite, false, (y, moment) => {
    const up = Math.max(0, foot - y) / Math.max(1, height);
    const wind = swing(moment, 0.34, phase) + swing(moment, 0.81, phase * 3) / 4;
    return camera.column(sprite.left, moment, 0) + reach * up * up * wind;
  });
}

export function shimmering(sprite: Sprite, camera: Camera, height: number): Actor {
  const reach = Math.min(camera.margin / 2, height / 12);
  return shifted(sprite, false, (y, moment) => {
    const wave =
      swing(moment, 0.19, Math.floor((y * TURN) / height)) +
      swing(moment, 0.31, Math.floor((y * 3 * TURN) / height)) / 3;
    return camera.column(sprite.left, moment, 0) + reach * wave * 0.7;
  });
}

/** The sun or the moon: up or down by `way` pixels during the film. */
export function risen(sprite: Sprite, camera: Camera, way: number, height: number): Actor {
  const left = sprite.left - camera.margin / 2;
  return {
    draw(canvas, moment, hidden) {
      const down = Math.round(way * (0.5 - moment.share) * 256);
      const to = Math.max(0, left);
      const first = Math.max(0, -left);
      const count = Math.min(canvas.width - to, sprite.width - first);
      if (count <= 0) return;
      // Its light is cut off at the edges of the composed frame; there the last row goes on.
      const end =
        sprite.top + sprite.height >= height ? height : sprite.top + sprite.height + (down >> 8) + 1;
      const begin = sprite.top === 0 ? 0 : Math.max(0, sprite.top + (down >> 8));
      for (let y = begin; y < Math.min(height, end); y++) {
        if (hidden[y] !== 0) continue;
        const place = (y - sprite.top) * 256 - down;
        const row = place >> 8;
        const upper = clampRow(row, sprite.height);
        const second = (clampRow(row + 1, sprite.height) - upper) * sprite.width * 2;
        const from = (upper * sprite.width + first) * 2;
        blendSpan(sprite.words, from, second, place & 255, canvas.pixels, y * canvas.width + to, count);
      }
    },
  };
}

function clampRow(row: number, height: number): number {
  return Math.max(0, Math.min(height - 1, row));
}

/** A piece that makes a quarter turn every few seconds, one neighbour after the other. */
export function turned(sprite: Sprite, motion: Moving<"turn">, camera: Camera): Actor {
  const period = 3.2;
  return {
    draw(canvas, moment) {
      const place = moment.seconds / period + motion.phase / TURN;
      const round = Math.floor(place);
      // Three quarters of the time it rests.
      const part = Math.max(0, (place - round) * 4 - 3);
      const eased = part * part * (3 - 2 * part);
      const smaller = 1 - 0.24 * (sine(Math.floor((eased * TURN) / 2)) / SINE_ONE);
      drawPosed(canvas, sprite, {
        pivotX: motion.x,
        pivotY: motion.y,
        x: motion.x - camera.margin / 2,
        y: motion.y,
        angle: Math.floor(((round + eased) * TURN) / 4),
        scaleX: smaller,
        scaleY: smaller,
      });
    },
  };
}

/** Points of light, each with a rhythm of its own. */
export function twinkling(sprite: Sprite, { depth }: Moving<"twinkle">, camera: Camera): Actor {
  const points: { x: number; y: number; light: number; phase: number; rate: number }[] = [];
  for (let row = 0; row < sprite.height; row++) {
    for (let column = 0; column < sprite.width; column++) {
      const light = sprite.words[(row * sprite.width + column) * 2]!;
      if (light === 0) continue;
      const x = sprite.left + column;
      const y = sprite.top + row;
      const dice = hash(x >> 2, y >> 2, 0x57a2);
      points.push({ x, y, light, phase: dice % TURN, rate: 0.3 + ((dice >>> 12) % 100) / 120 });
    }
  }
  return {
    draw(canvas, moment, hidden) {
      for (const { x, y, light, phase, rate } of points) {
        if (hidden[y] !== 0) continue;
        const strength = Math.round(150 + 105 * swing(moment, rate, phase));
        splat(canvas, Math.round(camera.column(x, moment, depth) * 256), y, light, strength);
      }
    },
  };
}

/** Adds light at a place between two pixels (`x` in 256ths); what is outside the frame is left out. */
export function splat(
  { pixels, width }: Canvas,
  x: number,
  y: number,
  light: number,
  strength: number,
): void {
  const column = x >> 8;
  const share = x & 255;
  const at = y * width + column;
  if (column >= 0 && column < width)
    pixels[at] = shinePixel(pixels[at]!, light, (strength * (256 - share)) >> 8);
  if (share > 0 && column + 1 >= 0 && column + 1 < width)
    pixels[at + 1] = shinePixel(pixels[at + 1]!, light, (strength * share) >> 8);
}
