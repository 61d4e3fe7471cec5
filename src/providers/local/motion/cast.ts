/** Makes the actors of a film from the layers of its scene. */

import type { Layer, PictureFrame } from "../canvas/layer.ts";
import type { Motion } from "../canvas/motion.ts";
import type { Composition } from "../canvas.ts";
import type { Actor } from "./actor.ts";
import type { Camera } from "./camera.ts";
import { figureActor, flockActor } from "./figures.ts";
import { panned, risen, shimmering, slid, swayed, turned, twinkling } from "./scenery.ts";
import { makeSprite, type Sprite } from "./sprite.ts";
import { waterActor } from "./water.ts";
import { weatherActor } from "./weather.ts";

/** An actor, and by row of the film whether something in front of it hides it at every moment. */
export type Cast = { readonly actor: Actor; readonly hidden: Uint8Array };

/** The film that the actors play in. */
export type Stage = {
  readonly composition: Composition;
  /** The measures the scene was composed in: wider than the film by the camera's margin. */
  readonly frame: PictureFrame;
  readonly camera: Camera;
  /** Of the film, pixels. */
  readonly width: number;
  readonly seconds: number;
};

/** Layers that move as one. */
type Group = { readonly motion: Motion; readonly layers: Layer[] };

const NOT_MOVING: Motion = { kind: "pan", depth: 0 };
/** What never leaves its rows: what is hidden of it once is hidden for good, and need not be kept. */
const IN_ITS_ROWS: ReadonlySet<Motion["kind"]> = new Set(["pan", "twinkle", "shimmer", "sway", "slide"]);
/** 4096ths of a turn between the movements of one figure and the next. */
const OUT_OF_STEP = 731;
/** When the sun goes down. */
const EVENINGS: ReadonlySet<string | null> = new Set(["sunset", "dusk", "autumn"]);

/** All actors from the back to the front. It yields between slices of its work. */
export function* castActors(stage: Stage): Generator<void, Cast[]> {
  const { composition, frame, width } = stage;
  const covered = new Uint8Array(frame.height);
  const cast: Cast[] = [];
  const add = (actor: Actor) => {
    cast.push({ actor, hidden: covered.slice() });
    actor.hides?.forEach((hides, row) => {
      if (hides === 1 && row < covered.length) covered[row] = 1;
    });
  };
  // From the front to the back: what is hidden is neither painted nor kept.
  const weather = yield* weatherActor(composition, frame, width);
  if (weather !== null) add(weather);
  for (const [index, group] of [...groupsOf(composition.layers).entries()].reverse()) {
    const actor = yield* actorOf(group, index * OUT_OF_STEP, covered, stage);
    if (actor !== null) add(actor);
  }
  return cast.reverse();
}

function groupsOf(layers: readonly Layer[]): Group[] {
  const groups: Group[] = [];
  for (const layer of layers) {
    const motion = layer.motion ?? NOT_MOVING;
    const last = groups.at(-1);
    if (last !== undefined && moveAlike(last.motion, motion)) last.layers.push(layer);
    else groups.push({ motion, layers: [layer] });
  }
  return groups;
}

function moveAlike(one: Motion, other: Motion): boolean {
  if (one === other) return true;
  return (
    one.kind === "pan" &&
    other.kind === "pan" &&
    one.depth === other.depth &&
    (one.drift ?? 0) === 0 &&
    (other.drift ?? 0) === 0
  );
}

function* actorOf(
  { motion, layers }: Group,
  phase: number,
  covered: Uint8Array,
  stage: Stage,
): Generator<void, Actor | null> {
  const { frame, camera, width, seconds } = stage;
  if (motion.kind === "water") return yield* waterActor(width, frame, motion.options, camera, seconds);
  if (motion.kind === "flock") return flockActor(motion, camera);
  const sprite = yield* makeSprite(layers, frame, IN_ITS_ROWS.has(motion.kind) ? covered : undefined);
  return sprite === null ? null : spriteActor(sprite, motion, phase, stage);
}

function spriteActor(
  sprite: Sprite,
  motion: Exclude<Motion, { kind: "water" | "flock" }>,
  phase: number,
  { composition, frame, camera, seconds }: Stage,
): Actor {
  switch (motion.kind) {
    case "pan":
      return panned(sprite, motion, camera);
    case "luminary": {
      const { palette, reading } = composition;
      const direction = EVENINGS.has(reading.palette) ? -1 : 1;
      const way = frame.unit(palette.night ? 70 : 130) * direction * Math.min(1, 0.35 + seconds / 10);
      return risen(sprite, camera, way, frame.height);
    }
    case "twinkle":
      return twinkling(sprite, motion, camera);
    case "shimmer":
      return shimmering(sprite, camera, frame.height);
    case "sway":
      return swayed(sprite, motion, camera);
    case "slide":
      return slid(sprite, motion, camera);
    case "turn":
      return turned(sprite, motion, camera);
    case "figure":
      return figureActor(sprite, motion, camera, phase);
  }
}
