/** The package's main entry: the client of the HTTP API, the realtime client, their types and errors. */

export type { BatchItem, BatchRequest, WireAcceptedBatch, WireBatch } from "../protocol/batch.ts";
export type { CreateEphemeralKeyRequest, WireEphemeralKey } from "../protocol/ephemeral-key.ts";
export type { ErrorCode, ErrorType } from "../protocol/error.ts";
export type { WireEstimate, WireModel, WireVoiceModel } from "../protocol/model.ts";
export type { OpenAiImageEvent, OpenAiImages } from "../protocol/openai-images.ts";
export type {
  CancelTasksRequest,
  TaskErrorCode,
  TaskStatus,
  TaskType,
  WireAccepted,
  WireEvent,
  WireResult,
  WireTask,
} from "../protocol/task.ts";
export type { WireUsagePage } from "../protocol/usage.ts";
export type {
  ChangeWebhookEndpointRequest,
  CreateWebhookEndpointRequest,
  WebhookMessage,
  WireNewWebhookEndpoint,
  WireWebhookEndpoint,
  WireWebhookPing,
} from "../protocol/webhook.ts";
export type { ClientClock } from "./clock.ts";
export { ConduitClient } from "./conduit-client.ts";
export type { FollowOptions } from "./following/follow-task.ts";
export type { TaskSnapshot, TaskUpdate } from "./following/update-order.ts";
export type { WatchOptions } from "./following/watch-tasks.ts";
export { Emitter } from "./realtime/emitter.ts";
export { HubError } from "./realtime/hub-link.ts";
export { ConduitRealtimeClient } from "./realtime/realtime-client.ts";
export type {
  ConduitClientOptions,
  HubType,
  ProgressUpdate,
  RealtimeEvents,
  RealtimeTaskResult as TaskResult,
  RealtimeTransport,
} from "./realtime/realtime-events.ts";
export type { UsageQuery } from "./resources/account.ts";
export type {
  ImageRequest,
  PictureInput,
  StreamingImageRequest,
  VideoRequest,
} from "./resources/creation.ts";
export type { TaskFilter, TaskProgress, WaitOptions } from "./resources/tasks.ts";
export type { WebhookCall } from "./resources/webhooks.ts";
export type { RunOptions, RunRequest, RunResult } from "./run.ts";
export type { ProvidedToken, TokenProvider } from "./transport/credentials.ts";
export {
  AuthenticationError,
  BadRequestError,
  BudgetExceededError,
  ConduitError,
  ConflictError,
  ConnectionError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  ServerError,
  StatusError,
  TaskFailedError,
  TimeoutError,
  TokenProviderError,
  TooLargeError,
  UnprocessableError,
  WebhookVerificationError,
} from "./transport/errors.ts";
export type { CallOptions, ClientOptions, FetchFunction } from "./transport/requester.ts";
export type { ResultPage } from "./transport/result-page.ts";
