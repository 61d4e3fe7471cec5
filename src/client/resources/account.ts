/** What a key has and may do: models, usage, keys for browsers; and batches. */

import type { BatchRequest, WireAcceptedBatch, WireBatch, WireBatchPage } from "../../protocol/batch.ts";
import type {
  CreateEphemeralKeyRequest,
  WireEphemeralKey,
  WireOwnEphemeralKey,
} from "../../protocol/ephemeral-key.ts";
import type { WireOwnKey } from "../../protocol/key.ts";
import type { WireModel, WireModelList, WireVoiceModel } from "../../protocol/model.ts";
import type { USAGE_GROUPS, WireUsagePage } from "../../protocol/usage.ts";
import type { CallOptions, Requester } from "../transport/requester.ts";
import { ResultPage } from "../transport/result-page.ts";

export class ModelsResource {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** What the key may use, with capabilities, parameters and prices. */
  async list(options: CallOptions = {}): Promise<WireModelList["data"]> {
    return (await this.#requester.json<WireModelList>("GET", "/v1/models", options)).data;
  }

  get(id: string, options: CallOptions = {}): Promise<WireModel | WireVoiceModel> {
    const path = id.split("/").map(encodeURIComponent).join("/");
    return this.#requester.json("GET", `/v1/models/${path}`, options);
  }
}

export class KeyResource {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** What this key may do, and what is left of its limits. */
  get(options: CallOptions = {}): Promise<WireOwnKey | WireOwnEphemeralKey> {
    return this.#requester.json("GET", "/v1/key", options);
  }
}

export type UsageQuery = {
  /** `YYYY-MM-DD` in UTC; both days are within. Default: the last 30 days. */
  from?: string | undefined;
  to?: string | undefined;
  /** Default `day`. */
  groupBy?: (typeof USAGE_GROUPS)[number] | undefined;
  customer?: string | undefined;
  /** Of `groupBy: "customer"`: rows a page, and the `after` of the page before. */
  limit?: number | undefined;
  after?: string | undefined;
};

export class UsageResource {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** What was settled in these days, in groups. */
  get(query: UsageQuery = {}, options: CallOptions = {}): Promise<WireUsagePage> {
    return this.#requester.json("GET", "/v1/usage", { ...options, query });
  }

  /** The same as a file of comma-separated values. */
  csv(query: UsageQuery = {}, options: CallOptions = {}): Promise<string> {
    return this.#requester.text("/v1/usage", { ...options, query: { ...query, format: "csv" } });
  }
}

export class EphemeralKeysResource {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** A short-lived key for a browser: hand the whole answer to the `tokenProvider` there, which renews it in time. */
  create(body: CreateEphemeralKeyRequest = {}, options: CallOptions = {}): Promise<WireEphemeralKey> {
    // A repeat may leave a key that nobody has, which opens nothing.
    return this.#requester.json("POST", "/v1/auth/ephemeral-keys", { ...options, body, repeatable: true });
  }
}

export class BatchesResource {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Up to 100 requests: all are accepted, or none. */
  create(body: BatchRequest, options: CallOptions = {}): Promise<WireAcceptedBatch> {
    return this.#requester.json("POST", "/v1/batches", { ...options, body, creates: true });
  }

  get(batchId: string, options: CallOptions = {}): Promise<WireBatch> {
    return this.#requester.json("GET", `/v1/batches/${encodeURIComponent(batchId)}`, options);
  }

  /** Batches, newest first; the page iterates over all further ones. */
  list(
    { after, limit }: { limit?: number | undefined; after?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<ResultPage<WireBatch>> {
    return ResultPage.first(
      (from) =>
        this.#requester.json<WireBatchPage>("GET", "/v1/batches", {
          ...options,
          query: { limit, after: from },
        }),
      after,
    );
  }

  /** Ends what is unfinished of it. */
  cancel(batchId: string, options: CallOptions = {}): Promise<WireBatch> {
    return this.#requester.json("DELETE", `/v1/batches/${encodeURIComponent(batchId)}`, options);
  }
}
