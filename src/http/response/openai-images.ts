/** OpenAI's answer to a synchronous image request, and its errors, from a task that has ended. */

import { ApiError, type ErrorCode } from "../../protocol/error.ts";
import type { OpenAiImages } from "../../protocol/openai-images.ts";
import { isTerminal, type TaskErrorCode } from "../../protocol/task.ts";
import type { MediaFile } from "../../tasks/ports/media-store.ts";
import type { Task } from "../../tasks/task.ts";
import { toWireResult, type WireContext } from "../../tasks/wire.ts";
import type { HttpContext } from "../exchange.ts";
import { type ResultFiles, readBase64Images } from "./base64-images.ts";
import { jsonWithBase64 } from "./base64-json.ts";

/** OpenAI's GPT image models know no `response_format` and always answer base64; their callers read nothing else. */
const ALWAYS_BASE64 = /^(?:openai\/)?(?:chatgpt|gpt)-image/;

const CODES = {
  content_policy_violation: "content_policy_violation",
  invalid_request: "invalid_parameter",
  rate_limit_exceeded: "rate_limit_exceeded",
  // Our key at the provider, not the caller's here.
  provider_auth: "provider_error",
  provider_quota: "provider_error",
  provider_error: "provider_error",
  provider_unavailable: "provider_unavailable",
  timeout: "timeout",
  indeterminate: "provider_error",
} as const satisfies Record<TaskErrorCode, ErrorCode>;

/**
 * Whether the caller of the synchronous route gets base64: as asked, else as the model's name lets its callers expect.
 */
export function answersBase64(task: Task): boolean {
  const asked = task.request.responseFormat;
  return asked === undefined ? ALWAYS_BASE64.test(task.model) : asked === "b64_json";
}

/** Throws the error of a task that did not complete; `timeout` names one that is still under way. */
export function requireCompleted(task: Task): void {
  if (task.status === "completed") return;
  const told = { param: task.id, shouldRetry: false };
  if (!isTerminal(task.status)) {
    throw new ApiError(
      "timeout",
      `The pictures are not ready yet. GET /v1/tasks/${task.id} tells what becomes of them; use the /async route for slow models.`,
      told,
    );
  }
  if (task.error === null)
    throw new ApiError("task_already_finished", `Task ${task.id} was cancelled before it finished.`, told);
  throw new ApiError(CODES[task.error.code], task.error.message, told);
}

/** Pictures of a task beyond this many bytes are written into its answer as they are read. */
const WRITTEN_FROM_BYTES = 262_144;

/** OpenAI's answer for a completed task. */
export async function answerOpenAiImages(
  c: HttpContext,
  task: Task,
  wireContext: WireContext,
  files: ResultFiles,
): Promise<Response> {
  const inline = answersBase64(task) ? (task.result?.items ?? []) : [];
  if (inline.reduce((sum, { media }) => sum + media.bytes, 0) <= WRITTEN_FROM_BYTES) {
    const encoded = inline.length === 0 ? [] : await readBase64Images(task, files);
    return c.json(openAiImages(task, wireContext, encoded));
  }
  const found: { index: number; file: MediaFile }[] = [];
  for (const { index, media } of inline) {
    const file = await files.get(media.path);
    if (file !== null) found.push({ index, file });
  }
  const body = await jsonWithBase64(
    found.map(({ file }) => file),
    (texts) => {
      const encoded: string[] = [];
      for (const [place, { index }] of found.entries()) encoded[index] = texts[place] ?? "";
      return openAiImages(task, wireContext, encoded);
    },
  );
  return c.body(body, 200, { "content-type": "application/json" });
}

/** OpenAI's body; `encoded` has the pictures that it is to hold, by item index. */
function openAiImages(task: Task, wireContext: WireContext, encoded: readonly string[]): OpenAiImages {
  const images = toWireResult(task, wireContext)?.images ?? [];
  return {
    created: Math.floor(task.createdAt / 1000),
    data: images.map(({ url, revisedPrompt, metadata }) => {
      const base64 = encoded[metadata.index];
      return {
        ...(base64 === undefined ? { url } : { b64_json: base64 }),
        ...(revisedPrompt === undefined ? {} : { revised_prompt: revisedPrompt }),
      };
    }),
    ...echoedFields(task),
  };
}

/** The request's own fields as OpenAI repeats them in answers and events. */
export function echoedFields({ request }: Task): Omit<OpenAiImages, "created" | "data"> {
  return {
    ...(request.background === undefined ? {} : { background: request.background }),
    ...(request.outputFormat === undefined ? {} : { output_format: request.outputFormat }),
    ...(request.quality === undefined ? {} : { quality: request.quality }),
    ...(request.size === undefined ? {} : { size: request.size }),
  };
}
