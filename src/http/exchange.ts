/**
 * What is known about a request while it is answered; made once by the outermost middleware and shared by all behind
 * it.
 */

import type { Context, MiddlewareHandler } from "hono";
import type { AuditActor } from "../accounts/audit-store.ts";
import type { Principal } from "../accounts/principal.ts";

export type Exchange = {
  readonly requestId: string;
  /** Monotonic, ms. */
  readonly startedAt: number;
  /** Set once the key is known. */
  principal: Principal | null;
  /** Tells one admin key from the next; set once a request came with the admin key. */
  admin?: string;
  /** The task this request made or is about; for the log. */
  taskId: string | null;
  /**
   * A task was accepted: every later error sets `x-should-retry: false`, because a repeated request would make a second
   * one.
   */
  accepted: boolean;
};

/** The environment of every route: Hono's `c.get` knows these names. */
export type HttpEnv = { Variables: { exchange: Exchange } };
export type HttpContext = Context<HttpEnv>;
export type HttpMiddleware = MiddlewareHandler<HttpEnv>;

/** The principal of a route behind `authenticated`. Throws when the route was mounted without it: a mistake of ours. */
export function principalOfExchange(c: HttpContext): Principal {
  const { principal } = c.get("exchange");
  if (principal === null) throw new Error(`${c.req.path} was reached without authentication`);
  return principal;
}

/** Who changes something on a route behind `adminOnly`, for the audit log. */
export function auditActor(c: HttpContext): AuditActor {
  const { admin, requestId } = c.get("exchange");
  return { by: "admin", fingerprint: admin ?? null, requestId };
}
