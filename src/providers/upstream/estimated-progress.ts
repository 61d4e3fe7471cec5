/** Progress of a job whose provider does not say how far it is. */

/** An estimate stops here; only the end is 100. */
const MOST_PERCENT = 95;

/** Percent after `elapsedMs` of a job that usually takes `usualMs`: rises ever more slowly, and stays below the end. */
export function estimatedPercent(elapsedMs: number, usualMs: number): number {
  const share = 1 - Math.exp((-2 * Math.max(0, elapsedMs)) / usualMs);
  return Math.floor(MOST_PERCENT * share);
}
