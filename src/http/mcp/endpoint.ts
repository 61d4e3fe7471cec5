/**
 * `/mcp`: the Model Context Protocol over Streamable HTTP, without sessions: every request is served alone, by whichever process
 * it reaches. Clients of the revision 2026-07-28 and of those before it are served by the same tools.
 */

import {
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  MissingRequiredClientCapabilityError,
  ProtocolErrorCode,
} from "@modelcontextprotocol/server";
import { ApiError } from "../../protocol/error.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import type { CreationLimits } from "../creation/creation-schema.ts";
import { type HttpContext, principalOfExchange } from "../exchange.ts";
import type { BaseUrlOptions } from "../request/base-url.ts";
import { readJson } from "../request/body.ts";
import { toApiError } from "../response/error-response.ts";
import { type Dispatch, GatewayCalls } from "./gateway-calls.ts";
import { makingTools } from "./making-tools.ts";
import { createMcpServer, TASKS_CAPABILITY } from "./mcp-server.ts";
import { TASKS_EXTENSION } from "./mcp-task.ts";
import { readingTools } from "./reading-tools.ts";
import { type TaskWaitDependencies, waitForTask } from "./task-wait.ts";
import type { ToolResultOptions } from "./tool-results.ts";

export type McpEndpointDependencies = TaskWaitDependencies & {
  /** The application that the endpoint is a part of. */
  readonly dispatch: Dispatch;
  readonly urls: BaseUrlOptions;
  readonly version: string;
  readonly limits: CreationLimits & { readonly jsonBodyBytes: number };
  /** How long an ended task is kept, ms. */
  readonly tasksMs: number;
  readonly results: ToolResultOptions;
  readonly log: Log;
};

export interface McpEndpoint {
  /** Answers a POST of an authenticated caller. Rejects with what is wrong with the request as HTTP. */
  answer(c: HttpContext): Promise<Response>;
}

export function createMcpEndpoint(dependencies: McpEndpointDependencies): McpEndpoint {
  const { dispatch, urls, limits, log, version, tasksMs, results } = dependencies;
  const tools = new Map([...makingTools(limits), ...readingTools()].map((tool) => [tool.listed.name, tool]));
  return {
    async answer(c) {
      const message = await readMessage(c, limits.jsonBodyBytes);
      if (message instanceof Response) return message;
      const { scope } = principalOfExchange(c);
      const { requestId } = c.get("exchange");
      const request = c.req.raw;
      const server = {
        tools,
        version,
        tasksMs,
        results,
        gateway: new GatewayCalls(c, dispatch, urls),
        wait: (taskId, seconds, signal, onProgress) =>
          waitForTask(
            { scope, taskId, timeoutMs: seconds * 1_000, signal, request, onProgress },
            dependencies,
          ),
        refusalOf(thrown) {
          const error = toApiError(thrown);
          if (error.code === "internal_error" && error !== thrown)
            log.error("a tool failed", { requestId, cause: describeError(thrown) });
          return error;
        },
      } satisfies Parameters<typeof createMcpServer>[1];
      const handler = createMcpHandler(({ era }) => createMcpServer(era, server), {
        onerror: (error) => log.debug("MCP request was refused", { requestId, cause: describeError(error) }),
      });
      return handler.fetch(request, { parsedBody: message });
    },
  };
}

/** The message of a request, or the answer to one that is none, or asks for what nobody serves here. */
async function readMessage(c: HttpContext, maxBytes: number): Promise<unknown> {
  let message: unknown;
  try {
    message = await readJson(c.req.raw, maxBytes);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "invalid_json") throw error;
    return rpcError(c, null, { code: ProtocolErrorCode.ParseError, message: error.message });
  }
  return refuseSubscription(c, message) ?? message;
}

type RpcRequest = {
  id?: string | number;
  method?: string;
  params?: {
    notifications?: { taskIds?: unknown };
    _meta?: { [CLIENT_CAPABILITIES_META_KEY]?: { extensions?: Record<string, unknown> } };
  };
};

/**
 * There is nothing to subscribe to: tools change with a release only, and tasks are polled. The package would keep an empty stream
 * open instead.
 */
function refuseSubscription(c: HttpContext, message: unknown): Response | null {
  if (typeof message !== "object" || message === null) return null;
  const { id = null, method, params } = message as RpcRequest;
  if (method !== "subscriptions/listen") return null;
  const capabilities = params?._meta?.[CLIENT_CAPABILITIES_META_KEY];
  if (
    params?.notifications?.taskIds !== undefined &&
    capabilities?.extensions?.[TASKS_EXTENSION] === undefined
  ) {
    const { code, message, data } = new MissingRequiredClientCapabilityError({
      requiredCapabilities: TASKS_CAPABILITY,
    });
    return rpcError(c, id, { code, message, data }, 400);
  }
  const text = "There is nothing to subscribe to here. Poll tasks with tasks/get.";
  return rpcError(c, id, { code: ProtocolErrorCode.MethodNotFound, message: text }, 404);
}

function rpcError(
  c: HttpContext,
  id: string | number | null,
  error: { code: number; message: string; data?: unknown },
  status: 400 | 404 = 400,
): Response {
  return c.json({ jsonrpc: "2.0", id, error }, status);
}
