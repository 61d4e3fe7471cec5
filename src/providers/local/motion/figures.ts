/** How figures get about: a puppet's hops and waddles, boats that rock, balloons that rise, birds that fly. */

import { TURN } from "../canvas/fixed-point.ts";
import { paintLayers } from "../canvas/layer.ts";
import type { Gait, Motion } from "../canvas/motion.ts";
import { flockShape } from "../canvas/scene.ts";
import type { Actor } from "./actor.ts";
import { type Camera, type Moment, swing } from "./camera.ts";
import { drawPosed } from "./compositor.ts";
import type { Sprite } from "./sprite.ts";

type FigureMotion = Extract<Motion, { kind: "figure" }>;
type FlockMotion = Extract<Motion, { kind: "flock" }>;

/** How a figure differs from how it stands in the picture; lengths are parts of its height. */
type Step = { x: number; y: number; angle: number; scaleX: number; scaleY: number };

const STILL: Step = { x: 0, y: 0, angle: 0, scaleX: 1, scaleY: 1 };
const DEGREE = TURN / 360;

/** A figure, moved as its kind moves. `phase` keeps neighbours out of step. */
export function figureActor(sprite: Sprite, motion: FigureMotion, camera: Camera, phase: number): Actor {
  return {
    draw(canvas, moment) {
      const step = motion.weightless ? drifting(moment, phase) : STEPS[motion.gait](moment, phase);
      const walks = motion.gait === "walk" && !motion.weightless;
      // A walker keeps up with the camera and gains a little on it.
      const way = walks
        ? camera.passed(moment, motion.depth) * 1.3 +
          (moment.share - 0.5) * camera.direction * canvas.width * 0.06
        : step.x * motion.height * camera.direction;
      const x = motion.x + way;
      const ground = walks ? levelGround(motion, x) - motion.y : 0;
      drawPosed(canvas, sprite, {
        ...step,
        pivotX: motion.x,
        pivotY: motion.y,
        x: camera.column(x, moment, motion.depth),
        y: motion.y + ground + step.y * motion.height,
        angle: Math.round(step.angle * DEGREE * camera.direction),
      });
    },
  };
}

/** The ground beneath a walker, without the bumps that are smaller than itself. */
function levelGround({ groundAt, height }: FigureMotion, x: number): number {
  let sum = 0;
  const reach = Math.max(1, Math.round(height / 6));
  for (let offset = -reach; offset <= reach; offset++) sum += groundAt(Math.round(x) + offset);
  return sum / (2 * reach + 1);
}

const STEPS: Record<Gait, (moment: Moment, phase: number) => Step> = {
  walk(moment, phase) {
    const stride = swing(moment, 1.1, phase);
    const up = Math.abs(stride);
    // Squashed on the ground, stretched in the air.
    const stretch = 1 + 0.05 * (up - 0.5);
    return {
      x: 0,
      y: -0.075 * up,
      angle: 4.5 * swing(moment, 1.1, phase + TURN / 4),
      scaleX: 2 - stretch,
      scaleY: stretch,
    };
  },
  stand: () => STILL,
  float: (moment, phase) => ({
    ...STILL,
    x: (moment.share - 0.5) * 0.9,
    y: 0.018 * swing(moment, 0.4, phase),
    angle: 3.2 * swing(moment, 0.31, phase),
  }),
  swim: (moment, phase) => ({
    ...STILL,
    x: -(moment.share - 0.5) * 0.8,
    y: 0.07 * swing(moment, 0.45, phase),
    angle: 7 * swing(moment, 0.45, phase + TURN / 4),
    scaleX: 1 + 0.02 * swing(moment, 1.7, phase),
  }),
  rise: (moment, phase) => ({
    ...STILL,
    x: (moment.share - 0.5) * 0.6,
    y: -(moment.share - 0.5) * 0.7 + 0.03 * swing(moment, 0.3, phase),
    angle: 2.5 * swing(moment, 0.28, phase),
  }),
  launch: (moment, phase) => ({
    ...STILL,
    x: moment.share * moment.share * 0.5,
    y: 0.25 - moment.share * moment.share * 1.3 + 0.006 * swing(moment, 6, phase),
    angle: 10 * moment.share + 0.8 * swing(moment, 5.3, phase),
  }),
  flutter: (moment, phase) => ({
    x: 0.55 * swing(moment, 0.23, phase) + (moment.share - 0.5) * 0.5,
    y: 0.3 * swing(moment, 0.37, phase * 2) + 0.04 * swing(moment, 1.9, phase),
    angle: 14 * swing(moment, 0.4, phase),
    scaleX: 0.62 + 0.38 * swing(moment, 2.6, phase),
    scaleY: 1,
  }),
  beat(moment, phase) {
    const beat = Math.max(0, swing(moment, 1.15, phase)) ** 3;
    const size = 1 + 0.13 * beat;
    return {
      x: 0,
      y: 0.03 * swing(moment, 0.5, phase),
      angle: 2 * swing(moment, 0.4, phase),
      scaleX: size,
      scaleY: size,
    };
  },
};

/** Out in space: turning slowly while it drifts. */
function drifting(moment: Moment, phase: number): Step {
  return {
    ...STILL,
    x: (moment.share - 0.5) * 0.9,
    y: -0.25 + 0.12 * swing(moment, 0.17, phase) - (moment.share - 0.5) * 0.3,
    angle: 16 * swing(moment, 0.13, phase),
  };
}

/** Birds that beat their wings, each in its own time, on their way across the sky. */
export function flockActor({ birds, color }: FlockMotion, camera: Camera): Actor {
  return {
    draw(canvas, moment) {
      const way = (camera.margin / 2 + canvas.width * 0.1) * (moment.share - 0.5) * camera.direction;
      const flying = birds.map((bird, index) => ({
        ...bird,
        x: Math.round((camera.column(bird.x / 256, moment, 16) + way) * 256),
        y: bird.y + Math.round(bird.span * 0.5 * swing(moment, 0.4, index * 911)),
        lift: Math.round(12 + 42 * swing(moment, 2.1, index * 1337)),
      }));
      const layer = flockShape(flying, color, canvas.width);
      const row = new Int32Array(canvas.width * 3);
      const { pixels, width } = canvas;
      for (let y = Math.max(0, layer.top); y <= Math.min(canvas.height - 1, layer.bottom); y++) {
        for (let x = 0, at = 0; x < width; x++, at += 3) {
          const pixel = pixels[y * width + x]!;
          row[at] = (pixel & 255) << 8;
          row[at + 1] = pixel & 0xff00;
          row[at + 2] = (pixel >> 8) & 0xff00;
        }
        paintLayers([layer], y, row);
        for (let x = 0, at = 0; x < width; x++, at += 3)
          pixels[y * width + x] =
            0xff000000 | (row[at]! >> 8) | (row[at + 1]! & 0xff00) | ((row[at + 2]! & 0xff00) << 8);
      }
    },
  };
}
