/** Films: which container a file is, and what it says of itself. The reader is loaded when the first film comes. */

import type { MediaFigures } from "../tasks/task.ts";
import type { FilmBytes } from "./film-bytes.ts";

/** Containers that browsers play. */
const TYPES = new Set(["video/mp4", "video/quicktime", "video/webm"]);
/** Pictures from which the rate is reckoned. */
const RATED_PICTURES = 60;
const RATE_ERROR = 0.015;

/** The content type of a film by its first bytes; null for what is none. */
export async function filmType(head: Uint8Array): Promise<string | null> {
  if (!mayBeFilm(head)) return null;
  const input = await open({ size: head.byteLength, read: async (start, end) => head.slice(start, end) });
  try {
    const { mimeType } = await input.getFormat();
    return TYPES.has(mimeType) ? mimeType : null;
  } catch {
    return null;
  } finally {
    input.dispose();
  }
}

/** What a film says of itself; nothing where it cannot be read. */
export async function filmFigures(film: FilmBytes): Promise<MediaFigures> {
  const input = await open(film);
  try {
    const track = await input.getPrimaryVideoTrack();
    if (track === null) return {};
    const seconds = (await input.getDurationFromMetadata()) ?? (await input.computeDuration());
    const { averagePacketRate } = await track.computePacketStats(RATED_PICTURES, { metadataOnly: true });
    return onlyFigures({
      width: await track.getDisplayWidth(),
      height: await track.getDisplayHeight(),
      durationSeconds: rounded(seconds),
      fps: rate(averagePacketRate),
    });
  } catch {
    return {};
  } finally {
    input.dispose();
  }
}

/** A box called `ftyp`, `moov` and the like at the beginning, or the first four bytes of EBML: spares others the reader. */
function mayBeFilm(head: Uint8Array): boolean {
  if (head.byteLength < 12) return false;
  const isBox = [4, 5, 6, 7].every((index) => isLowerCaseLetter(head[index]));
  return isBox || [0x1a, 0x45, 0xdf, 0xa3].every((byte, index) => head[index] === byte);
}

function isLowerCaseLetter(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x61 && byte <= 0x7a;
}

async function open(film: FilmBytes) {
  const { openFilm } = await import("./film-reader.ts");
  return openFilm(film);
}

/** WebM tells times in milliseconds, so that a whole rate comes out beside it; 23.976 and 29.97 are further away. */
function rate(perSecond: number): number {
  const whole = Math.round(perSecond);
  return Math.abs(perSecond - whole) < RATE_ERROR ? whole : rounded(perSecond);
}

/** To thousandths: what remains is error of reckoning. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function onlyFigures(figures: Required<MediaFigures>): MediaFigures {
  return Object.fromEntries(
    Object.entries(figures).filter(([, figure]) => Number.isFinite(figure) && figure > 0),
  );
}
