/**
 * The library that reads films. A module of its own that is loaded when the first film comes: it takes as long as all other
 * modules together, and of a library that is imported as a whole a bundler leaves nothing out.
 */

import { CustomSource, Input, MP4, QTFF, WEBM } from "mediabunny";
import type { FilmBytes } from "./film-bytes.ts";

/** What is kept of a film in memory, bytes. */
const CACHE_BYTES = 2 * 1024 * 1024;

/** To be disposed of by the caller. Never throws: what is no film says so when it is asked. */
export function openFilm({ size, read }: FilmBytes): Input {
  const source = new CustomSource({
    getSize: () => size,
    read,
    maxCacheSize: CACHE_BYTES,
    handleUnhandledError: () => {},
  });
  return new Input({ source, formats: [MP4, QTFF, WEBM] });
}
