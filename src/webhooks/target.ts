/** Where webhooks may go, and what may be said on the way: judged when they are named, and again when they are sent. */

import { FetchError } from "../fetch/fetch-error.ts";
import { requireTarget, type TargetPolicy } from "../fetch/target-guard.ts";
import { ApiError } from "../protocol/error.ts";

const MAX_URL_CHARACTERS = 2_048;
const MAX_HEADERS = 16;
const MAX_HEADER_CHARACTERS = 1_024;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** Visible ASCII, with blanks and tabs inside. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;
/** What the message itself, its signature or its connection says. */
const RESERVED_HEADER =
  /^(?:host|content-.*|webhook-.*|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|accept-encoding)$/;

/** The address as it is kept. Throws `invalid_parameter` naming `param` for one that nothing is sent to. */
export function requireWebhookUrl(url: string, policy: TargetPolicy, param: string): string {
  if (url.length > MAX_URL_CHARACTERS)
    throw refused(param, `must be at most ${MAX_URL_CHARACTERS} characters long`);
  try {
    return requireTarget(url, policy).url.href;
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    throw refused(param, error.message);
  }
}

/** The headers as they are kept, names in lower case. Throws `invalid_parameter` naming `param`. */
export function requireWebhookHeaders(
  headers: Readonly<Record<string, unknown>>,
  param: string,
): Record<string, string> {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) throw refused(param, `must have at most ${MAX_HEADERS} headers`);
  const kept = new Map<string, string>();
  for (const [given, value] of entries) {
    const name = given.toLowerCase();
    const shown = JSON.stringify(given.slice(0, 100));
    if (!HEADER_NAME.test(name)) throw refused(param, `has the header ${shown}, which is no header's name`);
    if (RESERVED_HEADER.test(name))
      throw refused(
        param,
        `has the header ${shown}, which is set by the gateway: host, content-*, webhook-* and those of the connection`,
      );
    if (typeof value !== "string" || value.length > MAX_HEADER_CHARACTERS || !HEADER_VALUE.test(value))
      throw refused(
        param,
        `must give ${shown} a text of 1 to ${MAX_HEADER_CHARACTERS} visible ASCII characters on one line`,
      );
    if (kept.has(name)) throw refused(param, `has the header ${shown} twice`);
    kept.set(name, value);
  }
  return Object.fromEntries(kept);
}

function refused(param: string, what: string): ApiError {
  return new ApiError("invalid_parameter", `${param} ${what}.`, { param });
}
