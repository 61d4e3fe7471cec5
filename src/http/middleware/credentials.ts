/** Authentication: where a request may carry its key, and the middleware that turns the key into a principal. */

import type { EphemeralKeyMaker } from "../../accounts/ephemeral/ephemeral-keys.ts";
import { adminFingerprint } from "../../accounts/keys/admin-key.ts";
import type { Principal } from "../../accounts/principal.ts";
import { ApiError } from "../../protocol/error.ts";
import { type HttpContext, type HttpMiddleware, principalOfExchange } from "../exchange.ts";

/** What the middleware needs of the authenticator. */
export interface KeyLookup {
  /** Without waiting: null when the key is not remembered. Throws what `authenticate` rejects with. */
  recall(presented: string): Principal | null;
  /** Rejects with `invalid_api_key`, `expired_api_key` or `key_disabled`. */
  authenticate(presented: string): Promise<Principal>;
}

/** Whether a presented key is the admin key; compared in constant time. */
export type AdminCheck = (presented: string) => boolean;

const BEARER = /^Bearer +(\S+) *$/i;

/**
 * The key of a request: `Authorization: Bearer`, then `x-api-key`, then `api-key`; null when none came.
 * `access_token` in the query counts only where browsers cannot set headers: `withQuery` marks such a route.
 */
export function presentedKey(request: Request, withQuery = false): string | null {
  const { headers } = request;
  const authorization = headers.get("authorization");
  if (authorization !== null) {
    const bearer = BEARER.exec(authorization)?.[1];
    if (bearer !== undefined) return bearer;
  }
  const key = headers.get("x-api-key") || headers.get("api-key");
  if (key) return key;
  return withQuery ? queryKey(request.url) : null;
}

/** Lets only callers with a valid virtual key pass; `withQuery` also takes it from `access_token`. */
export function authenticated(keys: KeyLookup, withQuery = false): HttpMiddleware {
  // No async function: a remembered key costs the hot path no turn of its own.
  return (c, next) => {
    const key = presentedKey(c.req.raw, withQuery);
    if (key === null) throw missingKey();
    const exchange = c.get("exchange");
    const known = keys.recall(key);
    if (known !== null) {
      exchange.principal = known;
      return next();
    }
    return keys.authenticate(key).then((principal) => {
      exchange.principal = principal;
      return next();
    });
  };
}

/** The caller of a route behind `authenticated` as one that makes ephemeral keys. Throws without a key: a mistake of ours. */
export function keyMaker(c: HttpContext): EphemeralKeyMaker {
  const presented = presentedKey(c.req.raw);
  if (presented === null) throw new Error(`${c.req.path} makes ephemeral keys without a key in a header`);
  return { principal: principalOfExchange(c), presented };
}

/** Admits only the admin key. A valid virtual key is answered that it is the wrong kind. */
export function adminOnly(isAdmin: AdminCheck, keys: KeyLookup): HttpMiddleware {
  return async (c, next) => {
    const key = presentedKey(c.req.raw);
    if (key === null) {
      throw new ApiError("missing_api_key", "No key came. Send the admin key as `Authorization: Bearer …`.");
    }
    if (!isAdmin(key)) {
      c.get("exchange").principal = await keys.authenticate(key).catch(asNoAdmin);
      throw new ApiError(
        "permission_denied",
        "This route takes the admin key (CONDUIT_ADMIN_KEY), not a virtual key.",
      );
    }
    c.get("exchange").admin = await adminFingerprint(key);
    await next();
  };
}

function queryKey(url: string): string | null {
  const start = url.indexOf("?");
  if (start < 0) return null;
  return new URLSearchParams(url.slice(start + 1)).get("access_token") || null;
}

/** A key that is not known at all was meant to be the admin key. */
function asNoAdmin(error: unknown): never {
  if (!(error instanceof ApiError) || error.code !== "invalid_api_key") throw error;
  throw new ApiError(
    "invalid_api_key",
    "This is not the admin key (CONDUIT_ADMIN_KEY), which this route takes.",
  );
}

export function missingKey(): ApiError {
  return new ApiError("missing_api_key", "No API key came. Send one as `Authorization: Bearer condt_…`.");
}
