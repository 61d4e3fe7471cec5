/** Numbers and moments as people read them. */

import type { WirePricing } from "../../protocol/model.ts";

const MICRO_DOLLARS = 1_000_000;
const UNITS: Readonly<Record<string, string>> = { million_tokens: "1M tokens" };

/** US dollars; small amounts keep what is not zero. */
export function dollarsText(dollars: number): string {
  if (dollars === 0) return "$0";
  const digits = dollars < 0.01 ? 6 : dollars < 1 ? 4 : 2;
  const rounded = Math.round(dollars * MICRO_DOLLARS) / MICRO_DOLLARS;
  return `$${rounded.toFixed(digits).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}

/** What one unit costs at most. */
export function priceText(pricing: WirePricing): string {
  return pricing.free ? "free" : `≤ ${dollarsText(pricing.usd)} / ${UNITS[pricing.unit] ?? pricing.unit}`;
}

/** From `0.8 s` to `1 h 20 min`. */
export function durationWords(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** From `12 B` to `3.4 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const [unit, size] = bytes < 1_000_000 ? ["kB", bytes / 1_000] : ["MB", bytes / 1_000_000];
  return `${size.toFixed(1)} ${unit}`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});

/** The time of day, with the day where it is not today's. */
export function momentText(iso: string, now: Date = new Date()): string {
  const moment = new Date(iso);
  return moment.toDateString() === now.toDateString() ? CLOCK.format(moment) : DAY.format(moment);
}

/** The end of an id, which is where ids made at about the same time differ. */
export function shortId(id: string): string {
  return `…${id.slice(-8)}`;
}
