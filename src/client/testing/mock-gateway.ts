/** A gateway in memory behind a `fetch`: enough of the API for a client to create, follow, read and cancel tasks. */

import type { TaskErrorCode, TaskType, WireEvent, WireResult, WireTask } from "../../protocol/task.ts";
import { isTerminal } from "../../protocol/task.ts";
import type { ClientClock } from "../clock.ts";

/** What happens to a task: `afterMs` after what was before it. */
export type TimelineStep = { afterMs: number } & (
  | { progress: number; message?: string }
  | { completed: true; url?: string }
  | { failed: string; code?: TaskErrorCode }
);
export type Timeline = readonly TimelineStep[];

type MockTask = { wire: WireTask; events: WireEvent[]; watchers: Set<() => void> };
type CreateBody = { model?: string; metadata?: Record<string, string> };

const CREATES: Readonly<Record<string, TaskType>> = {
  "/v1/images/generations/async": "image",
  "/v1/videos/generations/async": "video",
};
const TASK_PATH = /^\/v1\/tasks\/([^/]+)(\/events)?$/;

export class MockGateway {
  /** Of a task that is created now; may be another one for each. */
  timelineOf: (type: TaskType) => Timeline = () => [];
  readonly #clock: ClientClock;
  readonly #tasks = new Map<string, MockTask>();

  constructor(clock: ClientClock) {
    this.#clock = clock;
  }

  /** Answers a turn later, as a network does. */
  readonly fetch = async (input: string, init: RequestInit): Promise<Response> => {
    await new Promise<void>((resolve) => this.#clock.after(0, resolve));
    init.signal?.throwIfAborted();
    const { pathname } = new URL(input);
    const type = CREATES[pathname];
    if (type !== undefined) return this.#create(type, JSON.parse(String(init.body)) as CreateBody);
    if (pathname === "/v1/key") return Response.json({ id: "key_mock", enabled: true });
    if (pathname === "/v1/tasks") return this.#list();
    const [, id = "", events] = TASK_PATH.exec(pathname) ?? [];
    const task = this.#tasks.get(id);
    if (task === undefined)
      return refusal(404, "task_not_found", "This mock gateway has nothing at this address.");
    if (events !== undefined)
      return this.#follow(task, new Headers(init.headers).get("last-event-id"), init.signal);
    if (init.method === "DELETE") return this.#cancel(task);
    return Response.json(task.wire);
  };

  #create(type: TaskType, { model = "mock", metadata = {} }: CreateBody): Response {
    const taskId = `00000000-0000-7000-8000-${String(this.#tasks.size + 1).padStart(12, "0")}`;
    const created = new Date(this.#clock.now()).toISOString();
    const wire: WireTask = {
      taskId,
      task_id: taskId,
      type,
      status: "queued",
      created,
      updated: created,
      progress: 0,
      message: null,
      queuePosition: null,
      estimatedSecondsRemaining: null,
      attempt: 1,
      maxAttempts: 1,
      nextAttemptAt: null,
      model,
      priority: "normal",
      metadata,
    };
    const task: MockTask = { wire, events: [], watchers: new Set() };
    this.#tasks.set(taskId, task);
    this.#play(task, this.timelineOf(type), 0);
    const address = `http://mock.test/v1/tasks/${taskId}`;
    return Response.json({
      taskId,
      task_id: taskId,
      ...(type === "video" ? { requestId: taskId, request_id: taskId } : {}),
      status: "queued",
      created,
      statusUrl: address,
      eventsUrl: `${address}/events`,
      cancelUrl: address,
    });
  }

  #play(task: MockTask, timeline: Timeline, at: number): void {
    const step = timeline[at];
    if (step === undefined) return;
    this.#clock.after(step.afterMs, () => {
      if (isTerminal(task.wire.status)) return;
      this.#take(task, step);
      this.#play(task, timeline, at + 1);
    });
  }

  #take(task: MockTask, step: TimelineStep): void {
    const { wire } = task;
    if ("progress" in step) {
      const progress = Math.max(wire.progress, step.progress);
      this.#record(task, "progress", { status: "running", progress, message: step.message ?? null });
      return;
    }
    if ("failed" in step) {
      const errorCode = step.code ?? "provider_error";
      this.#record(task, "failed", { status: "failed", error: step.failed, errorCode });
      return;
    }
    const url =
      step.url ?? `http://mock.test/v1/media/${wire.taskId}.${wire.type === "image" ? "png" : "webm"}`;
    const item = { url, metadata: { provider: "mock", model: wire.model, index: 0 } };
    const result: WireResult = {
      ...(wire.type === "image" ? { images: [item] } : { videos: [{ ...item, mimeType: "video/webm" }] }),
      duration: 0,
      cost: 0,
      provider: "mock",
      model: wire.model,
    };
    this.#record(task, "completed", { status: "completed", progress: 100, result });
  }

  #record(task: MockTask, type: WireEvent["type"], change: Partial<WireTask>): void {
    const at = new Date(this.#clock.now()).toISOString();
    task.wire = { ...task.wire, ...change, updated: at };
    const { taskId, status, progress, message, result, error, errorCode } = task.wire;
    const seq = task.events.length + 1;
    task.events.push({
      id: `mock.${seq}`,
      taskId,
      seq,
      type,
      status,
      progress,
      message,
      at,
      ...(result === undefined ? {} : { result }),
      ...(error === undefined ? {} : { error }),
      ...(errorCode === undefined ? {} : { errorCode }),
    });
    for (const told of [...task.watchers]) told();
  }

  #cancel(task: MockTask): Response {
    const { status } = task.wire;
    if (status === "completed" || status === "failed")
      return refusal(409, "task_already_finished", `The task has ${status} already.`);
    if (status !== "cancelled")
      this.#record(task, "cancelled", { status: "cancelled", error: "Task was cancelled" });
    return Response.json(task.wire);
  }

  #list(): Response {
    const data = [...this.#tasks.values()].map(({ wire }) => wire).reverse();
    return Response.json({ data, hasMore: false, after: null });
  }

  #follow(task: MockTask, after: string | null, signal: AbortSignal | null | undefined): Response {
    let sent = after === null ? task.events.length : Number(after.slice("mock.".length));
    if (sent >= task.events.length && after !== null && isTerminal(task.wire.status))
      return new Response(null, { status: 204 });
    const encoder = new TextEncoder();
    let stop = () => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const send = (type: string, id: string, event: unknown) =>
          controller.enqueue(encoder.encode(`event: ${type}\nid: ${id}\ndata: ${JSON.stringify(event)}\n\n`));
        const tell = () => {
          for (const event of task.events.slice(sent)) send(event.type, event.id, event);
          sent = task.events.length;
          if (!isTerminal(task.wire.status)) return;
          stop();
          controller.close();
        };
        stop = () => void task.watchers.delete(tell);
        task.watchers.add(tell);
        signal?.addEventListener("abort", stop, { once: true });
        if (after === null)
          send("snapshot", `mock.${sent}`, {
            type: "snapshot",
            id: `mock.${sent}`,
            seq: sent,
            task: task.wire,
          });
        tell();
      },
      cancel: () => stop(),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }
}

function refusal(status: number, code: string, message: string): Response {
  const error = { message, type: "invalid_request_error", code, param: null, requestId: "mock" };
  return Response.json({ error }, { status });
}
