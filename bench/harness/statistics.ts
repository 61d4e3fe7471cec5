/** Medians, ranges and a latency histogram: the arithmetic behind every figure. */

/** A power of two: buckets per doubling, so a reading is at most 1/64 (1.6 %) off. */
const BUCKETS_PER_OCTAVE = 64;
/** 2^26 µs is 67 s; what takes longer is counted in the last bucket. */
const OCTAVES = 26;

export type Summary = { median: number; min: number; max: number; values: number[] };

/** Median and range of the values of several rounds; throws on an empty list. */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new Error("a summary needs at least one value, got none");
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: quantileOfSorted(sorted, 0.5),
    min: sorted[0] as number,
    max: sorted[sorted.length - 1] as number,
    values: [...values],
  };
}

/** The `q` quantile (0-1), interpolated between neighbours. */
export function quantile(values: readonly number[], q: number): number {
  return quantileOfSorted(
    [...values].sort((a, b) => a - b),
    q,
  );
}

/** Width of the range as a share of the median: 0.1 = the rounds lie within 10 %. */
export function spread(summary: Summary): number {
  return summary.median === 0 ? 0 : (summary.max - summary.min) / summary.median;
}

/** Latencies in logarithmic buckets: recording costs a few nanoseconds and no memory. */
export class Histogram {
  readonly #counts = new Uint32Array((OCTAVES + 1) * BUCKETS_PER_OCTAVE);
  #total = 0;
  #maxMs = 0;

  record(ms: number): void {
    const micros = Math.max(1, ms * 1000);
    const bucket = Math.min(this.#counts.length - 1, Math.floor(Math.log2(micros) * BUCKETS_PER_OCTAVE));
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#total += 1;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  get total(): number {
    return this.#total;
  }

  /** Milliseconds below which the share `q` of the recordings lies; 0 when nothing was recorded. */
  quantileMs(q: number): number {
    const rank = q * this.#total;
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket += 1) {
      seen += this.#counts[bucket] as number;
      if (seen >= rank && seen > 0)
        return Math.min(this.#maxMs, 2 ** ((bucket + 1) / BUCKETS_PER_OCTAVE) / 1000);
    }
    return 0;
  }

  summary(): LatencySummary {
    return {
      samples: this.#total,
      p50Ms: round(this.quantileMs(0.5), 3),
      p90Ms: round(this.quantileMs(0.9), 3),
      p99Ms: round(this.quantileMs(0.99), 3),
      maxMs: round(this.#maxMs, 3),
    };
  }
}

export type LatencySummary = { samples: number; p50Ms: number; p90Ms: number; p99Ms: number; maxMs: number };

export function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}

function quantileOfSorted(sorted: readonly number[], q: number): number {
  const place = (sorted.length - 1) * q;
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? 0;
  return below + (above - below) * (place - Math.floor(place));
}
