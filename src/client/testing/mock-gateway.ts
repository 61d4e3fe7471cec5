/** A gateway in memory behind a `fetch`: the API that the client calls. */

import type { BatchItem } from "../../protocol/batch.ts";
import { ApiError, type ErrorCode } from "../../protocol/error.ts";
import { isTerminal, type TaskType, type WireAccepted, type WireTask } from "../../protocol/task.ts";
import type { WireWebhookPing } from "../../protocol/webhook.ts";
import type { ClientClock } from "../clock.ts";
import {
  MOCK_ESTIMATE,
  MOCK_KEY,
  MOCK_MODELS,
  mockEphemeralKey,
  mockUsage,
  mockUsageCsv,
} from "./mock-account.ts";
import { MockBatches } from "./mock-batches.ts";
import { streamAll, streamOnce, streamTask } from "./mock-streams.ts";
import { type CreateBody, MOCK_ADDRESS, type MockTask, MockTasks } from "./mock-tasks.ts";
import { MockWebhookEndpoints } from "./mock-webhook-endpoints.ts";

type Exchange = {
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal | null | undefined;
};
type Handler = (exchange: Exchange, id: string) => Response | Promise<Response>;

/** A PNG of one transparent pixel, for what is asked for as Base64. */
const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const PAGE_TASKS = 20;
const PING: WireWebhookPing = { delivered: true, httpStatus: 200, durationMs: 1, error: null };

export class MockGateway {
  readonly tasks: MockTasks;
  /** What the next requests are refused with, one each. */
  readonly refusals: ApiError[] = [];
  readonly #clock: ClientClock;
  readonly #batches: MockBatches;
  readonly #endpoints = new MockWebhookEndpoints();
  /** What was made under an idempotency key. */
  readonly #made = new Map<string, MockTask>();

  constructor(clock: ClientClock) {
    this.#clock = clock;
    this.tasks = new MockTasks(clock);
    this.#batches = new MockBatches(this.tasks);
  }

  readonly #routes: readonly (readonly [string, RegExp, Handler])[] = [
    ["POST", /^images\/generations\/async$/, (exchange) => this.#create("image", exchange)],
    ["POST", /^videos\/generations\/async$/, (exchange) => this.#create("video", exchange)],
    ["POST", /^images\/generations$/, (exchange) => this.#synchronous("image_generation", exchange)],
    ["POST", /^images\/edits$/, (exchange) => this.#synchronous("image_edit", exchange)],
    ["GET", /^tasks$/, (exchange) => this.#list(exchange)],
    ["POST", /^tasks\/cancel$/, (exchange) => this.#cancelMany(exchange)],
    ["GET", /^tasks\/([^/]+)$/, (_, id) => Response.json(this.#task(id).wire)],
    ["DELETE", /^tasks\/([^/]+)$/, (exchange, id) => this.#end(exchange, this.#task(id))],
    ["POST", /^tasks\/([^/]+)\/retry$/, (_, id) => this.#retry(this.#task(id))],
    ["GET", /^tasks\/([^/]+)\/deliveries$/, (_, id) => this.#deliveries(id)],
    [
      "GET",
      /^tasks\/([^/]+)\/events$/,
      (asked, id) => streamTask(this.#task(id), positionIn(asked), asked.signal),
    ],
    ["GET", /^events$/, (asked) => streamAll(this.tasks, positionIn(asked), asked.signal)],
    [
      "POST",
      /^batches$/,
      ({ body }) => Response.json(this.#batches.make(body as { requests: BatchItem[] }, this.#clock.now())),
    ],
    ["GET", /^batches$/, () => Response.json({ data: this.#batches.all(), hasMore: false, after: null })],
    ["GET", /^batches\/([^/]+)$/, (_, id) => found(this.#batches.get(id))],
    ["DELETE", /^batches\/([^/]+)$/, (_, id) => found(this.#batches.cancel(id))],
    ["GET", /^models$/, () => Response.json(MOCK_MODELS)],
    ["GET", /^models\/(.+)$/, (_, id) => found(MOCK_MODELS.data.find((model) => model.id === id) ?? null)],
    ["POST", /^estimate$/, () => Response.json(MOCK_ESTIMATE)],
    ["GET", /^key$/, () => Response.json(MOCK_KEY)],
    [
      "POST",
      /^auth\/ephemeral-keys$/,
      ({ body }) => Response.json(mockEphemeralKey(body, this.#clock.now())),
    ],
    ["GET", /^webhooks\/endpoints$/, () => Response.json({ data: this.#endpoints.all() })],
    [
      "POST",
      /^webhooks\/endpoints$/,
      ({ body }) => Response.json(this.#endpoints.make(body as { url: string }, this.#clock.now())),
    ],
    [
      "PATCH",
      /^webhooks\/endpoints\/([^/]+)$/,
      ({ body }, id) => Response.json(this.#endpoints.change(id, body)),
    ],
    ["DELETE", /^webhooks\/endpoints\/([^/]+)$/, (_, id) => this.#removeEndpoint(id)],
    ["POST", /^webhooks\/endpoints\/([^/]+)\/ping$/, (_, id) => this.#ping(id)],
    ["POST", /^webhooks\/endpoints\/([^/]+)\/rotate$/, (_, id) => Response.json(this.#endpoints.rotate(id))],
    ["GET", /^usage$/, ({ query }) => this.#usage(query)],
  ];

  /** Answers a turn later, as a network does. */
  readonly fetch = async (input: string, init: RequestInit): Promise<Response> => {
    await new Promise<void>((resolve) => this.#clock.after(0, resolve));
    init.signal?.throwIfAborted();
    const { pathname, searchParams: query } = new URL(input);
    const path = decodeURIComponent(pathname.replace(/^\/v1\//, ""));
    const { method = "GET", signal } = init;
    try {
      const refusal = this.refusals.shift();
      if (refusal !== undefined) throw refusal;
      for (const [wanted, pattern, handle] of this.#routes) {
        const match = wanted === method ? pattern.exec(path) : null;
        if (match === null) continue;
        const exchange = { query, headers: new Headers(init.headers), body: bodyOf(init.body), signal };
        return await handle(exchange, match[1] ?? "");
      }
      throw new ApiError("not_found", `This mock gateway has nothing at ${method} ${pathname}.`);
    } catch (error) {
      if (error instanceof ApiError) return refusalOf(error);
      throw error;
    }
  };

  #create(type: TaskType, exchange: Exchange): Response {
    return Response.json(acceptedOf(this.#make(type, exchange)));
  }

  #make(type: TaskType, { headers, body }: Exchange): MockTask {
    if (typeof body.prompt !== "string")
      throw new ApiError("missing_parameter", "Expected a prompt, none came.", { param: "prompt" });
    const key = headers.get("idempotency-key");
    const before = key === null ? undefined : this.#made.get(`${type} ${key}`);
    if (before !== undefined) return before;
    const task = this.tasks.make(type, createOf(body));
    if (key !== null) this.#made.set(`${type} ${key}`, task);
    return task;
  }

  async #synchronous(kind: "image_generation" | "image_edit", exchange: Exchange): Promise<Response> {
    const task = this.#make("image", exchange);
    const ended = this.tasks.ended(task, exchange.signal).then(() => failureOf(task.wire));
    const created = Math.floor(this.#clock.now() / 1_000);
    if (exchange.body.stream === true || exchange.body.stream === "true")
      return streamOnce(
        ended.then((failure) =>
          failure === null
            ? (task.wire.result?.images ?? []).map(() => ({
                type: `${kind}.completed`,
                b64_json: PIXEL,
                created_at: created,
              }))
            : [{ type: "error", ...envelopeOf(failure) }],
        ),
      );
    const failure = await ended;
    exchange.signal?.throwIfAborted();
    if (failure !== null) throw failure;
    const inline = exchange.body.response_format === "b64_json";
    const data = (task.wire.result?.images ?? []).map(({ url }) => (inline ? { b64_json: PIXEL } : { url }));
    return Response.json({ created, data });
  }

  #task(id: string): MockTask {
    const task = this.tasks.get(id);
    if (task === undefined) throw new ApiError("task_not_found", `This mock gateway has no task ${id}.`);
    return task;
  }

  #list({ query }: Exchange): Response {
    const all = this.tasks.all().filter(({ wire }) => matches(wire, query));
    const after = query.get("after");
    const from = after === null ? 0 : all.findIndex(({ wire }) => wire.taskId === after) + 1;
    const most = Number(query.get("limit") ?? PAGE_TASKS);
    const data = all.slice(from, from + most).map(({ wire }) => wire);
    const hasMore = all.length > from + most;
    return Response.json({ data, hasMore, after: hasMore ? (data.at(-1)?.taskId ?? null) : null });
  }

  #cancelMany({ body }: Exchange): Response {
    const query = new URLSearchParams();
    for (const name of ["status", "type", "batchId"])
      if (body[name] !== undefined) query.set(name, String(body[name]));
    if (query.size === 0 && body.all !== true)
      throw new ApiError("missing_parameter", "Expected a filter, or all: true.");
    const taskIds = this.tasks
      .all()
      .filter(({ wire }) => !isTerminal(wire.status) && matches(wire, query))
      .filter((task) => this.tasks.cancel(task))
      .map(({ wire }) => wire.taskId);
    return Response.json({ cancelled: taskIds.length, taskIds, hasMore: false });
  }

  #end({ query }: Exchange, task: MockTask): Response {
    const { taskId, status } = task.wire;
    if (query.get("purge") === "true") {
      if (!isTerminal(status))
        throw new ApiError("invalid_parameter", "Only a task that has ended is removed.");
      this.tasks.remove(task);
      return Response.json({ taskId, task_id: taskId, purged: true });
    }
    if (!this.tasks.cancel(task))
      throw new ApiError("task_already_finished", `The task has ${status} already.`);
    return Response.json(task.wire);
  }

  #retry({ wire, body }: MockTask): Response {
    if (wire.status !== "failed" && wire.status !== "cancelled")
      throw new ApiError("invalid_parameter", `A task that is ${wire.status} is not made again.`);
    return Response.json(acceptedOf(this.tasks.make(wire.type, body, { retryOf: wire.taskId })));
  }

  /** Nothing is sent anywhere. */
  #deliveries(id: string): Response {
    this.#task(id);
    return Response.json({ data: [] });
  }

  #removeEndpoint(id: string): Response {
    this.#endpoints.remove(id);
    return Response.json({ id, deleted: true });
  }

  #ping(id: string): Response {
    this.#endpoints.get(id);
    return Response.json(PING);
  }

  #usage(query: URLSearchParams): Response {
    const page = mockUsage(
      this.tasks.all().map(({ wire }) => wire),
      query,
      this.#clock.now(),
    );
    return query.get("format") === "csv" ? new Response(mockUsageCsv(page)) : Response.json(page);
  }
}

/** A form's fields are texts. */
function bodyOf(body: RequestInit["body"]): Readonly<Record<string, unknown>> {
  if (typeof body === "string") return JSON.parse(body) as Record<string, unknown>;
  return body instanceof FormData ? Object.fromEntries(body.entries()) : {};
}

function createOf({ model, n, metadata }: Readonly<Record<string, unknown>>): CreateBody {
  const pairs = typeof metadata === "string" ? (JSON.parse(metadata) as unknown) : metadata;
  return {
    ...(model === undefined ? {} : { model: String(model) }),
    ...(n === undefined ? {} : { n: Number(n) }),
    ...(pairs === undefined ? {} : { metadata: pairs as Record<string, string> }),
  };
}

function acceptedOf({ wire: { taskId, type, status, created } }: MockTask): WireAccepted {
  const address = `${MOCK_ADDRESS}/v1/tasks/${taskId}`;
  return {
    taskId,
    task_id: taskId,
    ...(type === "video" ? { requestId: taskId, request_id: taskId } : {}),
    status,
    created,
    statusUrl: address,
    eventsUrl: `${address}/events`,
    cancelUrl: address,
  };
}

function matches({ status, type, batchId }: WireTask, query: URLSearchParams): boolean {
  const statuses = query
    .get("status")
    ?.split(",")
    .map((name) => ({ pending: "queued", processing: "running" })[name] ?? name);
  return (
    (statuses === undefined || statuses.includes(status)) &&
    (query.get("type") ?? type) === type &&
    (query.get("batchId") ?? batchId) === batchId
  );
}

/** As a synchronous call tells how its task ended; null: it completed. */
function failureOf({ status, error, errorCode, taskId }: WireTask): ApiError | null {
  if (status === "completed") return null;
  const codes: Readonly<Record<string, ErrorCode>> = {
    content_policy_violation: "content_policy_violation",
    invalid_request: "invalid_parameter",
    timeout: "timeout",
  };
  const code = codes[errorCode ?? ""] ?? "provider_error";
  return new ApiError(code, error ?? "Task was cancelled", { param: taskId, shouldRetry: false });
}

function found(value: object | null): Response {
  if (value === null) throw new ApiError("not_found", "This mock gateway has nothing of this name.");
  return Response.json(value);
}

function positionIn({ headers }: Exchange): string | null {
  return headers.get("last-event-id");
}

function envelopeOf({ message, type, code, param }: ApiError): object {
  return { error: { message, type, code, param, requestId: "mock" } };
}

function refusalOf(error: ApiError): Response {
  const headers = error.shouldRetry === null ? {} : { "x-should-retry": String(error.shouldRetry) };
  return Response.json(envelopeOf(error), { status: error.status, headers });
}
