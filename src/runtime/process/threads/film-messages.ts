/** What a film's session and the thread that draws it say to each other. `film` numbers the sessions of one thread. */

import type { FilmOrder } from "../../../providers/local/film-studio.ts";

export type ToFilmThread = { readonly film: number } & (
  | { readonly kind: "open"; readonly order: FilmOrder }
  | { readonly kind: "draw"; readonly until: number }
  | { readonly kind: "finish" }
  /** Stops what is being drawn, within a frame. */
  | { readonly kind: "close" }
);

export type FromFilmThread = { readonly film: number } & (
  | { readonly kind: "opened" }
  | { readonly kind: "drawn"; readonly frames: number }
  | { readonly kind: "reached" }
  | { readonly kind: "finished"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "failed"; readonly message: string }
);
