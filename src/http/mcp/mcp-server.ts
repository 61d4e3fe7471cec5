/**
 * The server of one request to `/mcp`: its tools, and the methods of the tasks extension. It remembers nothing: a task is in the
 * store, so that any process answers for it.
 */

import {
  type JSONRPCRequest,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type Result,
  Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { ApiError } from "../../protocol/error.ts";
import type { WireTask } from "../../protocol/task.ts";
import { mcpTaskOf, TASKS_EXTENSION } from "./mcp-task.ts";
import { taskPath } from "./reading-tools.ts";
import type { GatewayTool } from "./tool.ts";
import { taskToolResult } from "./tool-results.ts";
import { ToolRunner, type ToolRunnerDependencies } from "./tool-runner.ts";

export type McpServerDependencies = ToolRunnerDependencies & {
  readonly tools: ReadonlyMap<string, GatewayTool>;
  readonly version: string;
};

/** `legacy`: revisions of the protocol from before 2026-07-28, which know nothing of extensions. */
export type Era = "legacy" | "modern";

type Handler = (request: JSONRPCRequest, context: ServerContext) => Promise<Result>;

/** What clients and servers that take tasks say of themselves. */
export const TASKS_CAPABILITY = { extensions: { [TASKS_EXTENSION]: {} } };
const INSTRUCTIONS =
  "Makes pictures and films. list_models has the models of this key; generate_image, edit_image and generate_video make something " +
  "and answer with links to the files. What takes longer than a call waits goes on as a task: get_task reads it, cancel_task ends it.";
/** Both change with a release of the gateway only. */
const CACHED = { ttlMs: 300_000, cacheScope: "public" } as const;

const taskParams = z.looseObject({ taskId: z.string() });

class TaskServer extends Server {
  /** Whether the client of this request takes tasks; it says so with every request. */
  get takesTasks(): boolean {
    return this.getClientCapabilities()?.extensions?.[TASKS_EXTENSION] !== undefined;
  }

  requireTasks(): void {
    if (!this.takesTasks)
      throw new MissingRequiredClientCapabilityError({ requiredCapabilities: TASKS_CAPABILITY });
  }

  /** The package takes a task in the place of a tool's result for a result without content, and adds that. */
  protected override _wrapHandler(method: string, handler: Handler): Handler {
    return method === "tools/call" ? handler : super._wrapHandler(method, handler);
  }
}

/** A server for one request in this era. */
export function createMcpServer(era: Era, dependencies: McpServerDependencies): Server {
  const { tools, version } = dependencies;
  const modern = era === "modern";
  const server = new TaskServer(
    { name: "conduit", title: "Conduit", version },
    {
      capabilities: { tools: {}, ...(modern ? TASKS_CAPABILITY : {}) },
      instructions: INSTRUCTIONS,
      cacheHints: { "tools/list": CACHED, "server/discover": CACHED },
    },
  );
  server.setRequestHandler("tools/list", () => ({ tools: [...tools.values()].map(({ listed }) => listed) }));
  server.setRequestHandler("tools/call", ({ params }, context) => {
    const tool = tools.get(params.name);
    if (tool === undefined) throw unknownTool(params.name, [...tools.keys()]);
    const manners = { takesTasks: server.takesTasks, leavingCancels: modern };
    return new ToolRunner(dependencies, manners, context).run(tool, params.arguments ?? {});
  });
  if (modern) mountTaskMethods(server, dependencies);
  return server;
}

function mountTaskMethods(server: TaskServer, dependencies: McpServerDependencies): void {
  const { gateway, results, tasksMs } = dependencies;
  /** What the gateway refuses is an error of the protocol here. */
  const send = async (method: "GET" | "DELETE", taskId: string): Promise<WireTask | ApiError> => {
    server.requireTasks();
    try {
      return await gateway.json<WireTask>(method, taskPath(taskId));
    } catch (thrown) {
      return dependencies.refusalOf(thrown);
    }
  };
  const read = async (taskId: string): Promise<WireTask> => {
    const task = await send("GET", taskId);
    if (task instanceof ApiError) throw protocolError(task);
    return task;
  };

  server.setRequestHandler("tasks/get", { params: taskParams }, async ({ taskId }) => {
    const task = await read(taskId);
    const mcpTask = mcpTaskOf(task, tasksMs);
    if (mcpTask.status !== "completed") return mcpTask;
    return { ...mcpTask, result: { ...taskToolResult(task, results), resultType: "complete" } };
  });

  // No task of ours asks its client anything, so that no answer is awaited: what comes is ignored, as the extension says.
  server.setRequestHandler("tasks/update", { params: taskParams }, async ({ taskId }, { mcpReq }) => {
    await read(taskId);
    // The package takes them out of the parameters, wherever they come.
    if (mcpReq.inputResponses === undefined)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, "inputResponses is required: an object.");
    return {};
  });

  server.setRequestHandler("tasks/cancel", { params: taskParams }, async ({ taskId }) => {
    const task = await send("DELETE", taskId);
    // A task that ended first has taken note of the wish as well: cancelling is asking.
    if (task instanceof ApiError && task.code !== "task_already_finished") throw protocolError(task);
    return {};
  });
}

function unknownTool(name: string, known: readonly string[]): ProtocolError {
  const asked = JSON.stringify(name.slice(0, 100));
  return new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `There is no tool ${asked}. There are ${known.join(", ")}.`,
  );
}

/** An error of ours in words of JSON-RPC; its code is told in `data`. */
function protocolError({ code, message, status }: ApiError): ProtocolError {
  const kind = status < 500 ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError;
  return new ProtocolError(kind, message, { code });
}
