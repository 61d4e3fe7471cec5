/** The weights by which a resampler adds up its input. */

/** Input samples on either side of an output sample, at equal rates. */
const REACH = 10;
/** How steep the window falls: Kaiser's beta. What the lower rate cannot carry comes to a three-hundredth. */
const STEEPNESS = 5;
/** Places between two input samples that are told apart where the two rates have more of them: too fine for 16 bits to hear. */
const MOST_PLACES = 512;
/** Weights of a place are a multiple of this many. */
export const TAPS_AT_ONCE = 8;
/** Pairs of rates whose weights are kept; clients use a handful. */
const MOST_KEPT = 32;
/** A weight that moves no sample of 16 bits. */
const NOTHING = 1e-9;

export type Kernel = {
  /** Into how many places the way from one input sample to the next is divided. */
  readonly places: number;
  /** Weights of one place: for `reach - 1` samples before the one at or before the moment, for that, for `reach` behind it, and noughts. */
  readonly taps: number;
  readonly reach: number;
  /** `taps` for each place, in order; those of a place come to 1. */
  readonly weights: Float64Array;
  /** 1 for each place whose only weight is that of the sample at the moment: it is taken as it is. */
  readonly plain: Uint8Array;
  /** So many input samples behind a moment the next one lies at the same place; null where none does. */
  readonly cycle: number | null;
};

const kept = new Map<string, Kernel>();

/** Rates in samples per second. The same for all sessions of a process. */
export function kernelOf(from: number, to: number): Kernel {
  const name = `${from} ${to}`;
  const known = kept.get(name);
  if (known !== undefined) return known;
  const kernel = createKernel(from, to);
  if (kept.size < MOST_KEPT) kept.set(name, kernel);
  return kernel;
}

function createKernel(from: number, to: number): Kernel {
  const cutoff = Math.min(1, to / from);
  const reach = Math.ceil(REACH / cutoff);
  const taps = Math.ceil((2 * reach) / TAPS_AT_ONCE) * TAPS_AT_ONCE;
  const places = placesOf(from, to);
  const weights = new Float64Array(places * taps);
  const plain = new Uint8Array(places);
  for (let place = 0; place < places; place += 1) {
    const row = weights.subarray(place * taps, (place + 1) * taps);
    let sum = 0;
    for (let tap = 0; tap < taps; tap += 1) {
      const weight = weightAt(tap + 1 - reach - place / places, cutoff, reach);
      row[tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < taps; tap += 1) row[tap] = (row[tap] as number) / sum;
    if (row.every((weight, tap) => Math.abs(weight) < NOTHING || tap === reach - 1)) plain[place] = 1;
  }
  const cycle = (from * places) / to;
  return { places, taps, reach, weights, plain, cycle: Number.isInteger(cycle) ? cycle : null };
}

/** Output moments fall on so many different places between two input samples. */
function placesOf(from: number, to: number): number {
  const places = to / divisor(from, to);
  return Number.isInteger(places) ? Math.min(MOST_PLACES, places) : MOST_PLACES;
}

/** Euclid's. Of numbers that are not whole it may be tiny, which is as good as none. */
function divisor(one: number, other: number): number {
  return other === 0 ? one : divisor(other, one % other);
}

function weightAt(distance: number, cutoff: number, reach: number): number {
  if (Math.abs(distance) > reach) return 0;
  const x = distance * cutoff * Math.PI;
  const sinc = x === 0 ? 1 : Math.sin(x) / x;
  return (sinc * bessel(STEEPNESS * Math.sqrt(1 - (distance / reach) ** 2))) / bessel(STEEPNESS);
}

/** The modified Bessel function of the first kind, of order 0, by its series. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-17; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
