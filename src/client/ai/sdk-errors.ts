/** The client's errors as those of the AI SDK, which decides by them what it repeats. */

import { APICallError, NoSuchModelError } from "@ai-sdk/provider";
import { ConduitError, deservesRepeat, StatusError, TaskFailedError } from "../transport/errors.ts";

export type FailedCall = {
  readonly modelId: string;
  readonly url: string;
  /** What was asked for. */
  readonly body: unknown;
};

/** What the SDK's caller sees of what was thrown; an abort and a mistake in the program are left as they are. */
export function sdkError(thrown: unknown, { modelId, url, body }: FailedCall): unknown {
  if (!(thrown instanceof ConduitError)) return thrown;
  const { message } = thrown;
  const call = { message, url, requestBodyValues: body, cause: thrown };
  if (thrown instanceof TaskFailedError) {
    // The gateway has tried what may be tried again; with the same idempotency key it would answer the same task.
    return new APICallError({
      ...call,
      isRetryable: false,
      data: { code: thrown.code, taskId: thrown.taskId },
    });
  }
  if (!(thrown instanceof StatusError))
    return new APICallError({ ...call, isRetryable: deservesRepeat(thrown) });
  const { status, code, type, param, requestId, headers } = thrown;
  if (code === "model_not_found" || code === "model_retired")
    return new NoSuchModelError({ modelId, modelType: "videoModel", message });
  return new APICallError({
    ...call,
    statusCode: status,
    responseHeaders: Object.fromEntries(headers.entries()),
    isRetryable: deservesRepeat(thrown),
    data: { code, type, param, requestId },
  });
}
