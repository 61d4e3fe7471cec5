/** Something that draws itself onto every frame of a film, in its place from back to front. */

import type { Moment } from "./camera.ts";
import type { Canvas } from "./compositor.ts";

export type Actor = {
  /** By row of the film: 1 where it hides everything behind it, whatever the moment. Absent: nowhere. */
  readonly hides?: Uint8Array;
  /** Draws it; rows marked in `hidden` cannot be seen. */
  draw(canvas: Canvas, moment: Moment, hidden: Uint8Array): void;
};
