/** A film as its reader asks for it. */

/** Any part of a file: `end` is behind its last byte. */
export type FilmBytes = {
  readonly size: number;
  read(start: number, end: number): Promise<Uint8Array>;
};
