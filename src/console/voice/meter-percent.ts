/** Loudness as ears have it. Pure. */

/** What counts as silence, dB below full scale. */
const FLOOR_DB = 60;

/** Of a root mean square from 0 to 1: 0 at -60 dB and below, 100 at full scale. */
export function meterPercent(level: number): number {
  if (level <= 0) return 0;
  const decibels = 20 * Math.log10(Math.min(1, level));
  return Math.max(0, Math.round((1 + decibels / FLOOR_DB) * 100));
}
