/** What a tool answers a model: its task with links to the files, and errors that say what to do about them. */

import type { CallToolResult } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { ApiError, ErrorCode } from "../../protocol/error.ts";
import {
  isTerminal,
  TASK_ERROR_CODES,
  TASK_STATUSES,
  TASK_TYPES,
  type TaskErrorCode,
  type WireTask,
} from "../../protocol/task.ts";

const mediaSchema = z.object({
  url: z.string().meta({ description: "Where the file is; no key is needed to read it." }),
  mimeType: z.string(),
  width: z.number().optional(),
  height: z.number().optional(),
  durationSeconds: z.number().optional(),
  fps: z.number().optional(),
  revisedPrompt: z.string().optional(),
});

/** The structured answer of every tool that is about one task. */
export const toolTaskSchema = z.object({
  taskId: z.string(),
  type: z.enum(TASK_TYPES),
  status: z.enum(TASK_STATUSES),
  model: z.string(),
  progress: z.number().meta({ description: "0 to 100." }),
  message: z.string().nullable(),
  created: z.string(),
  finished: z.string().optional(),
  expiresAt: z.string().optional().meta({ description: "When the task can no longer be read." }),
  media: z.array(mediaSchema).meta({ description: "The finished files." }),
  mediaExpiresAt: z.string().optional().meta({ description: "When the files are removed." }),
  missing: z.array(z.string()).optional().meta({ description: "Why some of n files did not come." }),
  cost: z.number().optional().meta({ description: "US dollars." }),
  error: z.string().optional(),
  errorCode: z.enum(TASK_ERROR_CODES).optional(),
  next: z.string().optional().meta({ description: "What to do now." }),
});
export type ToolTask = z.infer<typeof toolTaskSchema>;

export type ToolResultOptions = {
  /** How long files are kept after the end of their task, ms. */
  readonly mediaMs: number;
  /** The media type of a file's extension, which comes without its dot. */
  readonly typeOfExtension: (extension: string) => string;
};

/** What a caller can do about an error of a call. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  model_not_found: "Call list_models for the models of this key.",
  model_not_allowed: "Call list_models for the models of this key.",
  model_retired: "Call list_models for the models of this key.",
  task_not_found: "Call list_tasks for the tasks of this key.",
  budget_exceeded:
    "Nothing was made. Ask the owner of the key for a larger budget; a cheaper model may still be within it (estimate).",
  content_policy_violation: "Change the prompt before calling again.",
  rate_limit_exceeded: "Wait before calling again.",
  queue_full: "Wait for tasks to end (list_tasks), then call again.",
  overloaded: "Wait before calling again.",
  provider_unavailable: "Call again later, or with another model (list_models).",
};

/** The same about a task that failed. */
const FAILURE_ADVICE: Readonly<Record<TaskErrorCode, string>> = {
  content_policy_violation: "Change the prompt and make it again.",
  invalid_request: "Change what the error names; list_models tells what the model takes.",
  rate_limit_exceeded: "Make it again later, or with another model (list_models).",
  provider_auth: "Only the gateway's operator can put this right; another model may work (list_models).",
  provider_quota: "Only the gateway's operator can put this right; another model may work (list_models).",
  provider_error: "Make it again, or with another model (list_models).",
  provider_unavailable: "Make it again later, or with another model (list_models).",
  timeout: "Make it again with a larger timeout_seconds, or with another model (list_models).",
  indeterminate: "Whether the provider made it is not known. Making it again may be paid twice.",
};

/** A task as a tool answers it; a failed one is an error. */
export function taskToolResult(task: WireTask, options: ToolResultOptions): CallToolResult {
  const answer = toolTaskOf(task, options);
  const result = structuredResult(answer);
  const links = answer.media.map((file, index) => resourceLink(file, answer, index));
  return {
    ...result,
    content: [...result.content, ...links],
    ...(task.status === "failed" ? { isError: true } : {}),
  };
}

/** What a tool found out, for programs and, as the same JSON, for models. */
export function structuredResult(answer: Record<string, unknown>): CallToolResult {
  return { content: [{ type: "text", text: JSON.stringify(answer) }], structuredContent: answer };
}

/** An error that the model reads, with what it can do. */
export function errorResult({ code, message, param, retryAfterSeconds }: ApiError): CallToolResult {
  const about = param === null ? code : `${code}, about ${param}`;
  const wait = retryAfterSeconds === null ? null : `Call again in ${retryAfterSeconds} s at the earliest.`;
  const text = [`${message} (${about})`, ADVICE[code], wait].filter((part) => part != null).join("\n");
  return { content: [{ type: "text", text }], isError: true };
}

/** A task as tools answer it. */
export function toolTaskOf(task: WireTask, { mediaMs, typeOfExtension }: ToolResultOptions): ToolTask {
  const { finished, expiresAt, cost, error, errorCode, result } = task;
  const missing = result?.errors?.map(({ index, message }) => `${index}: ${message}`);
  const next = nextStep(task);
  return {
    taskId: task.taskId,
    type: task.type,
    status: task.status,
    model: task.model,
    progress: task.progress,
    message: task.message,
    created: task.created,
    ...(finished === undefined ? {} : { finished }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    media: mediaOf(task, typeOfExtension),
    ...(finished === undefined || result === undefined
      ? {}
      : { mediaExpiresAt: new Date(Date.parse(finished) + mediaMs).toISOString() }),
    ...(missing === undefined ? {} : { missing }),
    ...(cost === undefined ? {} : { cost }),
    ...(error === undefined ? {} : { error }),
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(next === null ? {} : { next }),
  };
}

function mediaOf({ result }: WireTask, typeOfExtension: (extension: string) => string): ToolTask["media"] {
  const images = (result?.images ?? []).map(({ url, revisedPrompt }) => ({
    url,
    mimeType: typeOfExtension(url.slice(url.lastIndexOf(".") + 1)),
    ...(revisedPrompt === undefined ? {} : { revisedPrompt }),
  }));
  const films = (result?.videos ?? []).map(({ metadata: _, ...film }) => film);
  return [...images, ...films];
}

function nextStep({ status, taskId, errorCode }: WireTask): string | null {
  if (!isTerminal(status)) {
    return `It is still at work. Call get_task with task_id ${taskId} until status is completed, failed or cancelled.`;
  }
  return errorCode === undefined ? null : FAILURE_ADVICE[errorCode];
}

function resourceLink(
  { url, mimeType }: ToolTask["media"][number],
  { type, media }: ToolTask,
  index: number,
) {
  const kind = type === "image" ? "Picture" : "Film";
  const title = media.length === 1 ? kind : `${kind} ${index + 1} of ${media.length}`;
  return {
    type: "resource_link" as const,
    uri: url,
    name: url.slice(url.lastIndexOf("/") + 1),
    title,
    mimeType,
  };
}
