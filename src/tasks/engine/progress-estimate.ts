/**
 * Progress of a job whose provider does not say how far it is: reckoned from how long such jobs usually take, and always said to
 * be an estimate. The one rule of it; adapters report what their provider tells, and nothing else.
 */

/** An estimate stops here; only the end is 100. */
const MOST_PERCENT = 95;
/** Up to here the estimate rises evenly, so that the remaining time reckoned from it is the usual time less the elapsed. */
const EVEN_UNTIL_PERCENT = 90;

/**
 * Percent after `elapsedMs` of a job that usually takes `usualMs` (> 0): a whole number from 0 to 95. A job that takes longer than
 * usual approaches 95 ever more slowly.
 */
export function estimatedPercent(elapsedMs: number, usualMs: number): number {
  const even = (100 * Math.max(0, elapsedMs)) / usualMs;
  if (even <= EVEN_UNTIL_PERCENT) return Math.floor(even);
  const beyond = (even - EVEN_UNTIL_PERCENT) / (MOST_PERCENT - EVEN_UNTIL_PERCENT);
  // As steep as before at first, then ever flatter.
  const share = beyond / (1 + beyond);
  return Math.floor(EVEN_UNTIL_PERCENT + (MOST_PERCENT - EVEN_UNTIL_PERCENT) * share);
}

/** What is said beside an estimate; `told` is what the provider says of the job, if anything. */
export function estimateMessage(told: string | null, usualMs: number): string {
  if (told !== null && told !== "") return `${told} (progress is an estimate)`;
  const seconds = Math.max(1, Math.round(usualMs / 1_000));
  return `progress is an estimate: the usual time is ${seconds} s`;
}
