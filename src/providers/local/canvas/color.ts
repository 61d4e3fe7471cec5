/** Colours as 0xRRGGBB integers. */

import { clamp } from "./fixed-point.ts";

export type Color = number;

export function red(color: Color): number {
  return (color >> 16) & 255;
}

export function green(color: Color): number {
  return (color >> 8) & 255;
}

export function blue(color: Color): number {
  return color & 255;
}

export function rgb(r: number, g: number, b: number): Color {
  return (clamp(r, 0, 255) << 16) | (clamp(g, 0, 255) << 8) | clamp(b, 0, 255);
}

/** The way from `from` (t = 0) to `to` (t = 256). */
export function mix(from: Color, to: Color, t: number): Color {
  const share = clamp(t, 0, 256);
  const part = (a: number, b: number) => a + (((b - a) * share) >> 8);
  return rgb(part(red(from), red(to)), part(green(from), green(to)), part(blue(from), blue(to)));
}

/** Perceived brightness, 0-255. */
export function brightness(color: Color): number {
  return (red(color) * 77 + green(color) * 150 + blue(color) * 29) >> 8;
}

/** A colour from hue (0-359), saturation and lightness (0-100). */
export function hsl(hue: number, saturation: number, lightness: number): Color {
  const chroma = Math.floor(((100 - Math.abs(2 * lightness - 100)) * saturation * 255) / 10_000);
  const turned = ((hue % 360) + 360) % 360;
  const sector = Math.floor(turned / 60);
  const second = Math.floor((chroma * (60 - Math.abs((turned % 120) - 60))) / 60);
  const low = Math.floor((lightness * 255) / 100) - (chroma >> 1);
  const parts: [number, number, number] = [
    [chroma, second, 0],
    [second, chroma, 0],
    [0, chroma, second],
    [0, second, chroma],
    [second, 0, chroma],
    [chroma, 0, second],
  ][sector] as [number, number, number];
  return rgb(parts[0] + low, parts[1] + low, parts[2] + low);
}

/** The colour at `t` (0-256) of evenly spaced stops. */
export function ramp(stops: readonly Color[], t: number): Color {
  const place = clamp(t, 0, 256) * (stops.length - 1);
  const index = Math.min(place >> 8, stops.length - 2);
  return stops.length === 1 ? stops[0]! : mix(stops[index]!, stops[index + 1]!, place - (index << 8));
}
