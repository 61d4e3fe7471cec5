/** Shapes that values of several settings have, each with the words for it in messages and on the documentation page. */

import { z } from "zod";

/** Long enough for a tunnel's or a bucket's address, short enough for a header. */
const MAX_TEXT = 2_048;

export const line = z
  .string()
  .trim()
  .min(1)
  .max(MAX_TEXT)
  .regex(/^\P{Cc}*$/u);
export const LINE = `a text of 1 to ${MAX_TEXT} characters without control characters`;
export const secret = z
  .string()
  .trim()
  .min(1)
  .max(MAX_TEXT)
  .regex(/^[\x21-\x7e]+$/);
export const SECRET = "a key of visible ASCII characters";
export const hostName = line
  .regex(/^(\[?[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]?|[A-Za-z0-9._-]+)$/)
  .transform(unbracketed);
export const webAddress = line
  .refine((value) => isWebAddress(value))
  .transform((value) => value.replace(/\/+$/, ""));
export const WEB_ADDRESS = "an http:// or https:// address without credentials, query and fragment";

/** The value of JSON text; text that is no JSON, and every other value, as it is. */
export function valueFromJson(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function unbracketed(host: string): string {
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

function isWebAddress(value: string): boolean {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) return false;
  const url = new URL(value);
  return url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}
