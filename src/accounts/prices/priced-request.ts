/** A request as far as its price depends on it: JSON that is kept with the hold. */

import type { ModelCapabilities } from "../../protocol/model.ts";
import type { JobRequest } from "../../tasks/task.ts";

export type PricedRequest = {
  readonly n: number;
  /** The sizes it may come in, such as `1024x1024` or `720p`; empty if it is not limited. */
  readonly sizes: readonly string[];
  /** The qualities it may come in; empty if it is not limited. */
  readonly qualities: readonly string[];
  /** Of a film: as asked for, else what the model usually makes. Null: as the model likes. */
  readonly seconds: number | null;
  /** Frames of a picture, at most: several of an animated one, 1 of any other. */
  readonly frames: number;
  /** Of the prompt as UTF-8: no text has more tokens than bytes. 0 where the price does not depend on it. */
  readonly promptBytes: number;
  /** Pictures to work from. */
  readonly inputs: number;
};

/** What callers write who leave it to the model. */
const AUTO = "auto";
/** The most that a model makes of an animated picture. */
const MOST_FRAMES = 16;
const UTF8 = new TextEncoder();

/** What a request leaves open is whatever the model takes. `inputs` counts the pictures to work from. `byPrompt`: the prompt is paid for. */
export function pricedRequest(
  request: JobRequest,
  inputs: number,
  capabilities: Pick<ModelCapabilities, "sizes" | "qualities"> &
    Partial<Pick<ModelCapabilities, "durations">>,
  byPrompt = true,
): PricedRequest {
  const { n, size, quality, duration, further } = request;
  const resolution = further?.resolution;
  const named = [size, typeof resolution === "string" ? resolution : undefined].filter(isNamed);
  return {
    n,
    sizes: named.length > 0 ? named : sizesOf(capabilities),
    qualities: isNamed(quality) ? [quality] : capabilities.qualities.filter(isNamed),
    seconds: duration ?? capabilities.durations?.default ?? null,
    frames: framesOf(request),
    promptBytes: byPrompt ? UTF8.encode(request.prompt).length : 0,
    inputs,
  };
}

/** Whether every price is the same for both. */
export function isPricedAlike(one: PricedRequest, other: PricedRequest): boolean {
  for (const name in one) {
    const value = one[name as keyof PricedRequest];
    const wanted = other[name as keyof PricedRequest];
    if (value === wanted) continue;
    if (!Array.isArray(value) || !Array.isArray(wanted) || value.length !== wanted.length) return false;
    for (let index = 0; index < value.length; index += 1) if (value[index] !== wanted[index]) return false;
  }
  return true;
}

function sizesOf({ sizes }: Pick<ModelCapabilities, "sizes">): readonly string[] {
  return (sizes.kind === "listed" ? sizes.sizes : [sizes.default]).filter(isNamed);
}

function framesOf({ outputFormat, further, providerOptions }: JobRequest): number {
  if (outputFormat !== "gif") return 1;
  const asked = [further?.frame_count, providerOptions?.frame_count].filter(isFrameCount);
  return asked.length > 0 ? Math.max(...asked) : MOST_FRAMES;
}

function isFrameCount(value: unknown): value is number {
  return typeof value === "number" && value >= 1 && value <= MOST_FRAMES;
}

function isNamed(value: string | undefined): value is string {
  return value !== undefined && value !== AUTO;
}

const DIMENSIONS = /^(\d+)x(\d+)$/;
const LINES = /^(\d+)p$/i;
const NAMED_LINES: Readonly<Record<string, number>> = { "2k": 1_440, "4k": 2_160 };

/** Width times height; null where the text does not say. */
export function pixelsOf(size: string): number | null {
  const [, width, height] = DIMENSIONS.exec(size) ?? [];
  return width === undefined ? null : Number(width) * Number(height);
}

/** The shorter side in pixels, also of a resolution such as `720p` or `4K`; null where the text does not say. */
export function shortSideOf(size: string): number | null {
  const [, width, height] = DIMENSIONS.exec(size) ?? [];
  if (width !== undefined) return Math.min(Number(width), Number(height));
  const lines = LINES.exec(size)?.[1];
  return lines === undefined ? (NAMED_LINES[size.toLowerCase()] ?? null) : Number(lines);
}
