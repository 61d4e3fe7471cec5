/** The camera's way past a scene, and the time of a film. */

import { SINE_ONE, sine, TURN } from "../canvas/fixed-point.ts";

/** The part of the width that what is right in front passes in a second, and at most in the whole film. */
const PASSED_A_SECOND = 0.07;
const PASSED_AT_MOST = 0.36;

/** A moment of the film. */
export type Moment = {
  /** 0 at the beginning, 1 at the end. */
  readonly share: number;
  readonly seconds: number;
};

export class Camera {
  /** By how many pixels the composed frame is wider than the film. */
  readonly margin: number;
  /** 1 when it moves to the right. */
  readonly direction: 1 | -1;

  constructor(width: number, seconds: number, direction: 1 | -1) {
    this.margin = 2 * Math.floor((width * Math.min(PASSED_AT_MOST, PASSED_A_SECOND * seconds)) / 2);
    this.direction = direction;
  }

  /** How far it is from the middle of its way, pixels, as seen by something `depth` (0-256) near. */
  passed({ share }: Moment, depth: number): number {
    return (this.direction * this.margin * (share - 0.5) * depth) / 256;
  }

  /** Where column `x` of the composed frame is in the film. */
  column(x: number, moment: Moment, depth: number): number {
    return x - this.margin / 2 - this.passed(moment, depth);
  }
}

/** A wave of -1 to 1 that swings `rate` times a second, begun at `phase` (4096ths of a turn). */
export function swing({ seconds }: Moment, rate: number, phase = 0): number {
  return sine(Math.floor(seconds * rate * TURN) + phase) / SINE_ONE;
}
