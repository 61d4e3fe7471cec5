/** How the layers of a scene move when a film is made of it. A picture takes no notice of any of this. */

import type { Color } from "./color.ts";

/** How water looks. */
export type WaterOptions = {
  horizon: number;
  shallow: Color;
  deep: Color;
  /** Where light glitters on the waves, and in which colour. */
  glitter: { x: number; color: Color; strength: number };
  /** How much of what is above the water is mirrored, 0-256. */
  mirror: number;
  seed: number;
};

/** How a figure gets about. */
export type Gait =
  /** Hops and waddles along. */
  | "walk"
  /** Stays where it is. */
  | "stand"
  /** Rides the waves. */
  | "float"
  | "swim"
  /** Rises slowly, swinging. */
  | "rise"
  /** Takes off. */
  | "launch"
  /** Flaps its wings and wavers. */
  | "flutter"
  /** Beats like a heart. */
  | "beat";

/** A bird of a flock: where its body is and half its span, 256ths of a pixel; how far its wings are raised, 0-100. */
export type Bird = { x: number; y: number; span: number; lift: number };

/**
 * One kind of movement. `depth` says how much of the camera's way a layer makes: 0 is infinitely far, 256 right in
 * front. Positions are pixels of the composed frame.
 */
export type Motion =
  /** Scenery the camera passes; `drift` is its own way during the film, in percent of the frame's margin. */
  | { kind: "pan"; depth: number; drift?: number }
  /** The sun or the moon, which rises or sets. */
  | { kind: "luminary" }
  /** Points of light that come and go. */
  | { kind: "twinkle"; depth: number }
  /** Curtains of light: they bend sideways, each row a little later. */
  | { kind: "shimmer" }
  /** A plant that bends in the wind about its foot at row `foot`; it is `height` rows tall. */
  | { kind: "sway"; foot: number; height: number; phase: number }
  /** A band that slides to and fro. */
  | { kind: "slide"; phase: number }
  /** A piece that makes a quarter turn about its middle from time to time. */
  | { kind: "turn"; x: number; y: number; phase: number }
  /** Something that walks, swims or flies, with its feet at (`x`, `y`). */
  | {
      kind: "figure";
      gait: Gait;
      x: number;
      y: number;
      height: number;
      depth: number;
      /** The row of the ground below a column. */
      groundAt(x: number): number;
      weightless: boolean;
    }
  | { kind: "flock"; birds: readonly Bird[]; color: Color }
  | { kind: "water"; options: WaterOptions };

/** The layer with its movement. Layers that carry the very same object move as one. */
export function moving<Kind extends object>(motion: Motion, layer: Kind): Kind & { motion: Motion } {
  return { ...layer, motion };
}

/** The layers with one movement in common. */
export function movingTogether<Kind extends object>(motion: Motion, layers: readonly Kind[]): Kind[] {
  return layers.map((layer) => moving(motion, layer));
}

/** Scenery at a depth of 0-256. */
export function atDepth<Kind extends object>(depth: number, layer: Kind): Kind {
  return moving({ kind: "pan", depth }, layer);
}

/** Clouds and mist: they pass the land they hang over. */
export function drifting<Kind extends object>(depth: number, drift: number, layer: Kind): Kind {
  return moving({ kind: "pan", depth, drift }, layer);
}
