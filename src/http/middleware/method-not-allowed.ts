/** What is answered where no route is: 404, 405 with the methods there are, and OPTIONS. */

import type { Hono } from "hono";
import { METHOD_NAME_ALL } from "hono/router";
import { ApiError } from "../../protocol/error.ts";
import type { HttpContext, HttpEnv } from "../exchange.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** The answer to a request that no route took. Throws `not_found` or `method_not_allowed`. */
export function noRoute(app: Hono<HttpEnv>, c: HttpContext): Response {
  const allowed = allowedMethods(app, c.req.path);
  if (allowed.length === 0) {
    throw new ApiError("not_found", "There is nothing at this address. The API begins at /v1.");
  }
  c.header("allow", allowed.join(", "));
  if (c.req.raw.method === "OPTIONS") return c.body(null, 204);
  throw new ApiError("method_not_allowed", `This address takes ${allowed.join(", ")}.`);
}

function allowedMethods(app: Hono<HttpEnv>, path: string): string[] {
  const allowed: string[] = METHODS.filter((method) =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method !== METHOD_NAME_ALL),
  );
  if (allowed.length === 0) return allowed;
  if (allowed.includes("GET")) allowed.push("HEAD");
  return [...allowed, "OPTIONS"];
}
