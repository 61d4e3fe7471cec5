/** A model of the gateway that makes films, as the AI SDK's video models are. */

import type {
  Experimental_VideoModelV4,
  Experimental_VideoModelV4CallOptions,
  Experimental_VideoModelV4OperationStartResult,
  Experimental_VideoModelV4OperationStatusResult,
  Experimental_VideoModelV4Result,
  JSONValue,
} from "@ai-sdk/provider";
import { isTerminal, type WireTask } from "../../protocol/task.ts";
import { postTask } from "../resources/creation.ts";
import { TasksResource } from "../resources/tasks.ts";
import { TaskFailedError } from "../transport/errors.ts";
import { type ClientOptions, Requester, randomKey } from "../transport/requester.ts";
import { filmRequest, PROVIDER } from "./film-request.ts";
import { filmsOf, metadataOf } from "./films.ts";
import { sdkError } from "./sdk-errors.ts";

type CallOptions = Experimental_VideoModelV4CallOptions;
type Headers = CallOptions["headers"];

const IDEMPOTENCY_KEY = "idempotency-key";

export class VideoModel implements Experimental_VideoModelV4 {
  readonly specificationVersion = "v4";
  readonly provider = PROVIDER;
  readonly modelId: string;
  /** A create makes one film; the SDK makes several calls where several are asked for. */
  readonly maxVideosPerCall = 1;
  readonly #options: ClientOptions;
  /** The SDK repeats a call with the options of its first try: the key makes it the same task. */
  readonly #keys = new WeakMap<CallOptions, string>();

  constructor(modelId: string, options: ClientOptions) {
    this.modelId = modelId;
    this.#options = options;
  }

  /** Makes a film and waits for it. Aborted, the task is cancelled. */
  async doGenerate(options: CallOptions): Promise<Experimental_VideoModelV4Result> {
    const { abortSignal } = options;
    const { taskId, warnings, requester, failed } = await this.#start(options, this.#keyOf(options));
    const tasks = new TasksResource(requester);
    try {
      const task = await tasks.wait(taskId, { signal: abortSignal });
      const videos = await filmsOf(task, this.#fetch, abortSignal);
      return { videos, warnings, providerMetadata: metadataOf(task), response: this.#response() };
    } catch (error) {
      // Nobody waits for the answer; a task that has ended meanwhile refuses.
      if (abortSignal?.aborted) tasks.cancel(taskId).catch(() => {});
      throw failed(error);
    }
  }

  /** Accepts a task that any process may ask for by its `operation`. It goes on when the SDK waits for it no longer. */
  async doStart(
    options: CallOptions & { webhookUrl?: string },
  ): Promise<Experimental_VideoModelV4OperationStartResult> {
    const { taskId, warnings } = await this.#start(options, this.#keyOf(options), options.webhookUrl);
    return { operation: { taskId }, warnings, response: this.#response() };
  }

  /** How a task is that `doStart` has made. */
  async doStatus({
    operation,
    abortSignal,
    headers,
  }: {
    operation: JSONValue;
    abortSignal?: AbortSignal;
    headers?: Headers;
  }): Promise<Experimental_VideoModelV4OperationStatusResult> {
    const taskId = taskIdOf(operation);
    const requester = this.#requester(headers);
    const failed = this.#failure(requester, `/v1/tasks/${taskId}`, undefined);
    try {
      const task = await new TasksResource(requester).get(taskId, { signal: abortSignal, maxRetries: 0 });
      return await this.#statusOf(task, abortSignal);
    } catch (error) {
      throw failed(error);
    }
  }

  /** The gateway calls webhooks by itself: the SDK may wait for that instead of asking. */
  async handleWebhookOption({
    webhook,
  }: Parameters<NonNullable<Experimental_VideoModelV4["handleWebhookOption"]>>[0]) {
    const { url, received } = await webhook();
    return { webhookUrl: url, received };
  }

  async #statusOf(
    task: WireTask,
    signal: AbortSignal | undefined,
  ): Promise<Experimental_VideoModelV4OperationStatusResult> {
    const told = { providerMetadata: metadataOf(task), response: this.#response() };
    if (!isTerminal(task.status)) return { status: "pending", ...told };
    if (task.status !== "completed")
      return { status: "error", error: new TaskFailedError(task).message, ...told };
    return { status: "completed", videos: await filmsOf(task, this.#fetch, signal), warnings: [], ...told };
  }

  /** Accepts a task. The SDK itself repeats what may be repeated. */
  async #start(options: CallOptions, idempotencyKey: string, webhookUrl?: string) {
    options.abortSignal?.throwIfAborted();
    const { body, warnings } = filmRequest(this.modelId, options);
    const requester = this.#requester(options.headers);
    const failed = this.#failure(requester, "/v1/videos/generations/async", body);
    const named = webhookUrl === undefined ? body : { ...body, webhook_url: webhookUrl };
    try {
      // Left in the middle, a request may have made a task that nobody could cancel.
      const { taskId } = await postTask(requester, "video", named, { idempotencyKey, maxRetries: 0 });
      return { taskId, warnings, requester, failed };
    } catch (error) {
      throw failed(error);
    }
  }

  #failure(requester: Requester, path: string, body: unknown): (thrown: unknown) => unknown {
    return (thrown) => sdkError(thrown, { modelId: this.modelId, url: `${requester.baseUrl}${path}`, body });
  }

  #requester(headers: Headers): Requester {
    const given = Object.entries(headers ?? {}).filter(
      (header): header is [string, string] =>
        header[1] !== undefined && header[0].toLowerCase() !== IDEMPOTENCY_KEY,
    );
    return new Requester({
      ...this.#options,
      headers: { ...this.#options.headers, ...Object.fromEntries(given) },
    });
  }

  #keyOf(options: CallOptions): string {
    const named = Object.entries(options.headers ?? {}).find(
      ([name]) => name.toLowerCase() === IDEMPOTENCY_KEY,
    )?.[1];
    const key = named ?? this.#keys.get(options) ?? randomKey();
    this.#keys.set(options, key);
    return key;
  }

  get #fetch() {
    return this.#options.fetch ?? ((input: string, init: RequestInit) => fetch(input, init));
  }

  #response() {
    return { timestamp: new Date(), modelId: this.modelId, headers: undefined };
  }
}

function taskIdOf(operation: JSONValue): string {
  if (typeof operation === "object" && operation !== null && "taskId" in operation) {
    const { taskId } = operation;
    if (typeof taskId === "string") return taskId;
  }
  throw new TypeError('Expected the operation that startVideo answered, such as {"taskId":"…"}.');
}
