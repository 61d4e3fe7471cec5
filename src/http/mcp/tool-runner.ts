/** Runs one call of a tool and shapes its answer: a result, an error that the model reads, or a task. */

import type { CallToolResult, ServerContext } from "@modelcontextprotocol/server";
import type { ApiError } from "../../protocol/error.ts";
import { isTerminal, type WireTask } from "../../protocol/task.ts";
import type { GatewayCalls } from "./gateway-calls.ts";
import { mcpTaskOf } from "./mcp-task.ts";
import { taskPath } from "./reading-tools.ts";
import type { ToldProgress } from "./task-wait.ts";
import type { GatewayTool, ToolOutcome } from "./tool.ts";
import {
  errorResult,
  structuredResult,
  type ToolResultOptions,
  taskToolResult,
  toolTaskOf,
} from "./tool-results.ts";

export type ToolRunnerDependencies = {
  readonly gateway: GatewayCalls;
  /** Resolves once the task has ended, the time is over or the signal aborted. Rejects with `task_not_found`. */
  readonly wait: (
    taskId: string,
    seconds: number,
    signal: AbortSignal,
    onProgress: ((progress: ToldProgress) => void) | undefined,
  ) => Promise<void>;
  /** Turns what was thrown into what a client may see, and logs what it may not. */
  readonly refusalOf: (thrown: unknown) => ApiError;
  /** How long an ended task is kept, ms. */
  readonly tasksMs: number;
  readonly results: ToolResultOptions;
};

/** What the client of a call takes. */
export type CallManners = {
  /** Tasks in the place of results. */
  readonly takesTasks: boolean;
  /** Whether a client that goes away has thereby cancelled the call: since 2026-07-28 it has. */
  readonly leavingCancels: boolean;
};

type Waited = { readonly taskId: string; readonly waitSeconds: number };

export class ToolRunner {
  readonly #dependencies: ToolRunnerDependencies;
  readonly #manners: CallManners;
  readonly #call: ServerContext["mcpReq"];

  constructor(dependencies: ToolRunnerDependencies, manners: CallManners, { mcpReq }: ServerContext) {
    this.#dependencies = dependencies;
    this.#manners = manners;
    this.#call = mcpReq;
  }

  /** Never rejects: what goes wrong is an answer too. */
  async run(tool: GatewayTool, given: Readonly<Record<string, unknown>>): Promise<CallToolResult> {
    const { gateway, refusalOf } = this.#dependencies;
    try {
      return await this.#resultOf(await tool.run({ given, gateway, signal: this.#call.signal }));
    } catch (thrown) {
      return errorResult(refusalOf(thrown));
    }
  }

  async #resultOf(outcome: ToolOutcome): Promise<CallToolResult> {
    const { results } = this.#dependencies;
    switch (outcome.kind) {
      case "answer":
        return structuredResult(outcome.answer);
      case "tasks": {
        const tasks = outcome.tasks.map((task) => toolTaskOf(task, results));
        return structuredResult({ tasks, after: outcome.after });
      }
      case "read":
        return taskToolResult(outcome.task, results);
      case "task":
        return taskToolResult(await this.#waitedFor(outcome), results);
      case "accepted":
        return this.#manners.takesTasks
          ? this.#taskInstead(outcome)
          : taskToolResult(await this.#made(outcome), results);
    }
  }

  /** The package types what a tool answers without the extension's results. */
  async #taskInstead({ taskId }: Waited): Promise<CallToolResult> {
    const task = mcpTaskOf(await this.#read(taskId), this.#dependencies.tasksMs);
    return { ...task, resultType: "task" } as unknown as CallToolResult;
  }

  /** What this call itself began ends with it where its client says so by leaving; else it goes on. */
  async #made({ begun, ...waited }: Waited & { readonly begun: boolean }): Promise<WireTask> {
    const task = await this.#waitedFor(waited);
    const ends = begun && this.#call.signal.aborted && this.#manners.leavingCancels;
    if (!ends || isTerminal(task.status)) return task;
    return this.#dependencies.gateway.json("DELETE", taskPath(task.taskId));
  }

  async #waitedFor({ taskId, waitSeconds }: Waited): Promise<WireTask> {
    await this.#dependencies.wait(
      taskId.toLowerCase(),
      waitSeconds,
      this.#call.signal,
      this.#progressTeller(),
    );
    return this.#read(taskId);
  }

  #progressTeller(): ((progress: ToldProgress) => void) | undefined {
    const { _meta: meta, notify } = this.#call;
    const progressToken = meta?.progressToken;
    if (progressToken === undefined) return undefined;
    return ({ progress, message }) => {
      const params = { progressToken, progress, total: 100, ...(message === null ? {} : { message }) };
      // A client that has left is told nothing.
      notify({ method: "notifications/progress", params }).catch(() => {});
    };
  }

  #read(taskId: string): Promise<WireTask> {
    return this.#dependencies.gateway.json("GET", taskPath(taskId));
  }
}
