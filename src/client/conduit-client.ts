/** The client of the HTTP API, for browsers, Node, Bun, Deno and Workers. */

import type { WireEstimate } from "../protocol/model.ts";
import {
  BatchesResource,
  EphemeralKeysResource,
  KeyResource,
  ModelsResource,
  UsageResource,
} from "./resources/account.ts";
import { ImagesResource, VideosResource } from "./resources/creation.ts";
import { TasksResource } from "./resources/tasks.ts";
import { WebhookEndpointsResource } from "./resources/webhook-endpoints.ts";
import { WebhooksResource } from "./resources/webhooks.ts";
import { type RunOptions, type RunRequest, type RunResult, run } from "./run.ts";
import { type CallOptions, type ClientOptions, Requester } from "./transport/requester.ts";

/**
 * Calls reject with a `ConduitError`: a `StatusError` where the gateway answered (one class for each status), a `ConnectionError`
 * where it did not; and with the reason of a signal that the caller aborted.
 */
export class ConduitClient {
  readonly images: ImagesResource;
  readonly videos: VideosResource;
  readonly tasks: TasksResource;
  readonly batches: BatchesResource;
  readonly models: ModelsResource;
  readonly usage: UsageResource;
  readonly key: KeyResource;
  readonly ephemeralKeys: EphemeralKeysResource;
  readonly webhooks: WebhooksResource;
  readonly webhookEndpoints: WebhookEndpointsResource;
  readonly #requester: Requester;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    const requester = new Requester(options);
    this.#options = options;
    this.#requester = requester;
    this.images = new ImagesResource(requester);
    this.videos = new VideosResource(requester);
    this.tasks = new TasksResource(requester);
    this.batches = new BatchesResource(requester);
    this.models = new ModelsResource(requester);
    this.usage = new UsageResource(requester);
    this.key = new KeyResource(requester);
    this.ephemeralKeys = new EphemeralKeysResource(requester);
    this.webhookEndpoints = new WebhookEndpointsResource(requester);
    this.webhooks = new WebhooksResource(() => requester.clock.now());
  }

  /** The same client with another key, such as a task's own access token. */
  withKey(virtualKey: string): ConduitClient {
    return new ConduitClient({ ...this.#options, virtualKey, tokenProvider: undefined });
  }

  /** What a request would hold back at most. */
  estimate({ type = "image", ...body }: RunRequest, options: CallOptions = {}): Promise<WireEstimate> {
    const sending = { ...options, body: { ...body, type }, repeatable: true };
    return this.#requester.json("POST", "/v1/estimate", sending);
  }

  /** Starts a job and resolves with its result: `const { url } = await conduit.run({ model, prompt })`. */
  run(request: RunRequest, options: RunOptions = {}): Promise<RunResult> {
    return run(this.#requester, this.tasks, request, options);
  }
}
