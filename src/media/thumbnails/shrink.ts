/** Makes a picture smaller: each new pixel is the average of the area that it stands for. */

export type Pixels = {
  /** Red, green, blue and alpha of each pixel, row by row. */
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
};

const CHANNELS = 4;
const OPAQUE = 255;

/** The size with `longest` as its longest side and the same proportions; never larger, never empty. */
export function fittingSize(
  width: number,
  height: number,
  longest: number,
): { width: number; height: number } {
  const scale = Math.min(1, longest / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Colours count as much as they cover, so that what is transparent does not darken an edge. */
export function shrink(source: Pixels, longest: number): Pixels {
  const { width, height } = fittingSize(source.width, source.height, longest);
  if (width === source.width && height === source.height) return source;
  const data = new Uint8ClampedArray(width * height * CHANNELS);
  const columns = spans(source.width, width);
  const rows = spans(source.height, height);
  for (const [y, row] of rows.entries())
    for (const [x, column] of columns.entries())
      data.set(average(source, column, row), (y * width + x) * CHANNELS);
  return { data, width, height };
}

/** From `first` to `last` inclusive, of which the first and the last count in part. */
type Span = { first: number; last: number; firstWeight: number; lastWeight: number };

function spans(from: number, to: number): Span[] {
  return Array.from({ length: to }, (_, index) => {
    const start = (index * from) / to;
    const end = ((index + 1) * from) / to;
    const first = Math.floor(start);
    const last = Math.min(from - 1, Math.ceil(end) - 1);
    const firstWeight = Math.min(first + 1, end) - start;
    return { first, last, firstWeight, lastWeight: last === first ? firstWeight : end - last };
  });
}

function average({ data, width }: Pixels, columns: Span, rows: Span): [number, number, number, number] {
  let red = 0;
  let green = 0;
  let blue = 0;
  let alpha = 0;
  let area = 0;
  for (let y = rows.first; y <= rows.last; y++) {
    const rowWeight = y === rows.first ? rows.firstWeight : y === rows.last ? rows.lastWeight : 1;
    for (let x = columns.first; x <= columns.last; x++) {
      const weight =
        rowWeight * (x === columns.first ? columns.firstWeight : x === columns.last ? columns.lastWeight : 1);
      const at = (y * width + x) * CHANNELS;
      const cover = weight * (data[at + 3] as number);
      red += cover * (data[at] as number);
      green += cover * (data[at + 1] as number);
      blue += cover * (data[at + 2] as number);
      alpha += cover;
      area += weight;
    }
  }
  if (alpha === 0) return [0, 0, 0, 0];
  const opacity = alpha / area;
  // Rounding must not make a picture transparent that is not.
  return [red / alpha, green / alpha, blue / alpha, opacity > OPAQUE - 0.5 ? OPAQUE : opacity];
}
