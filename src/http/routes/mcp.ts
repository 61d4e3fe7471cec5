/**
 * `POST /mcp`: the Model Context Protocol, for language models and the programs around them. Its code is loaded by the first
 * request.
 */

import type { Hono } from "hono";
import { ApiError } from "../../protocol/error.ts";
import type { HttpEnv, HttpMiddleware } from "../exchange.ts";
import type { McpEndpoint, McpEndpointDependencies } from "../mcp/endpoint.ts";
import type { StrictOriginPolicy } from "../middleware/origin-policy.ts";

export const MCP_PATH = "/mcp";

/** Mounts the route; `key` authenticates. */
export function mountMcp(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  { origins, ...dependencies }: McpEndpointDependencies & { readonly origins: StrictOriginPolicy },
): void {
  let loading: Promise<McpEndpoint> | null = null;
  const load = () => {
    loading ??= import("../mcp/endpoint.ts").then(
      ({ createMcpEndpoint }) => createMcpEndpoint(dependencies),
      (cause: unknown) => {
        // The next request tries again.
        loading = null;
        throw cause;
      },
    );
    return loading;
  };
  app.post(MCP_PATH, knownOrigin(origins), key, async (c) => (await load()).answer(c));
}

/** Refuses pages of foreign origins, and those that a name of an attacker's leads here (403): the protocol demands it. */
function knownOrigin(origins: StrictOriginPolicy): HttpMiddleware {
  return (c, next) => {
    const origin = c.req.raw.headers.get("origin");
    if (origin === null || origins.allowsRebound(origin, c.req.raw)) return next();
    throw new ApiError(
      "permission_denied",
      "Pages of this origin may not call here. An operator can add it to cors.origins.",
      { param: "Origin" },
    );
  };
}
