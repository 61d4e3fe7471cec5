/**
 * `/v1/tasks/{id}/events` and `/v1/events`: a WebSocket when the request asks to become one, else server-sent events.
 */

import type { Hono } from "hono";
import { ApiError } from "../../protocol/error.ts";
import { isTerminal } from "../../protocol/task.ts";
import { parsePosition } from "../../rooms/position.ts";
import type { PendingSubscription, Rooms } from "../../rooms/rooms.ts";
import { type StreamRequest, subscribeToStream } from "../../rooms/stream-request.ts";
import { asksForWebSocket } from "../../sockets/socket-upgrade.ts";
import type { TaskService } from "../../tasks/service.ts";
import type { Position, Task } from "../../tasks/task.ts";
import { type HttpContext, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";
import type { IdleLimit } from "../idle-limit.ts";
import { type OriginPolicy, requireSocketOrigin } from "../middleware/origin-policy.ts";
import { taskIdOf } from "../request/task-id.ts";
import type { ConnectionSlots } from "../streams/connection-limits.ts";
import type { EventEncodings } from "../streams/event-encodings.ts";
import type { EventSockets } from "../streams/event-sockets.ts";
import { EventStream, type StreamHeartbeat } from "../streams/event-stream.ts";

export type EventRouteDependencies = {
  readonly tasks: Pick<TaskService, "read">;
  readonly rooms: Pick<Rooms, "subscribeToTask" | "subscribeToTenant">;
  readonly encodings: Pick<EventEncodings, "stream">;
  readonly heartbeat: Pick<StreamHeartbeat, "add" | "remove">;
  readonly slots: ConnectionSlots;
  readonly sockets: EventSockets;
  readonly origins: OriginPolicy;
  readonly host: IdleLimit;
};

const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  // Nginx buffers a proxied answer unless this header turns it off (nginx docs, `proxy_buffering`).
  "x-accel-buffering": "no",
} as const;

/** Mounts the event routes; `key` authenticates and takes `access_token` from the query as well. */
export function mountEvents(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  dependencies: EventRouteDependencies,
): void {
  const { tasks } = dependencies;

  app.get("/v1/tasks/:id/events", key, async (c) => {
    const after = askedPosition(c);
    const { scope } = principalOfExchange(c);
    // Also for a socket: an unknown task is answered before the upgrade, where a client can still read a status.
    const { task } = await tasks.read(scope, taskIdOf(c));
    return answer(c, { scope, taskId: task.id, after }, task, dependencies);
  });

  app.get("/v1/events", key, (c) => {
    const after = askedPosition(c);
    const { scope } = principalOfExchange(c);
    return answer(c, { scope, taskId: null, after }, null, dependencies);
  });
}

/** `task`: as it is, of a one-task stream. */
function answer(
  c: HttpContext,
  stream: StreamRequest,
  task: Task | null,
  dependencies: EventRouteDependencies,
): Response | Promise<Response> {
  const request = c.req.raw;
  if (asksForWebSocket(request)) {
    requireSocketOrigin(request, dependencies.origins);
    return dependencies.sockets.open(request, stream, { "x-request-id": c.get("exchange").requestId });
  }
  if (task !== null && endsAt(task, stream.after)) return c.body(null, 204);
  // Hono answers HEAD with GET's handler and drops the body: the stream behind it would never end. See stream-head.ts.
  if (request.method === "HEAD") return c.body(null, 200, STREAM_HEADERS);
  return openStream(c, stream, dependencies);
}

async function openStream(
  c: HttpContext,
  asked: StreamRequest,
  dependencies: EventRouteDependencies,
): Promise<Response> {
  const { encodings, heartbeat, host, rooms, slots } = dependencies;
  const request = c.req.raw;
  const slot = slots.take(principalOfExchange(c).keyId);
  let pending: PendingSubscription | null = null;
  const stream = new EventStream(encodings.stream, () => {
    request.signal.removeEventListener("abort", left);
    heartbeat.remove(stream);
    pending?.subscription.unsubscribe();
    slot.release();
    host.limitIdle(request);
  });
  const left = () => stream.abandon();
  request.signal.addEventListener("abort", left);
  host.keepOpen(request);
  heartbeat.add(stream);
  try {
    pending = subscribeToStream(rooms, asked, stream);
    // Headers wait for this: an unknown task and a store that is down are statuses, not broken streams.
    if ((await pending.opened) === "not_found") throw goneBetween();
  } catch (error) {
    stream.abandon();
    throw error;
  }
  return c.body(stream.body, 200, STREAM_HEADERS);
}

/** Where a position may be in the query: the first that is there counts. */
const POSITION_QUERIES = ["lastEventId", "after"] as const;

/**
 * Where the client wants to resume. A reconnecting EventSource repeats the URL with its old `after`: the header wins,
 * and so does `lastEventId`, which the EventSource polyfill adds to the URL where it can set no header.
 */
function askedPosition(c: HttpContext): Position | null {
  const header = c.req.header("last-event-id");
  if (header) return parsePosition(header, "Last-Event-ID");
  for (const name of POSITION_QUERIES) {
    const query = c.req.query(name);
    if (query) return parsePosition(query, name);
  }
  return null;
}

/** Whether the client has seen the task's last event: 204 then, which is what stops an EventSource. */
function endsAt(task: Task, after: Position | null): boolean {
  return after !== null && isTerminal(task.status) && after.epoch === task.epoch && after.seq >= task.seq;
}

function goneBetween(): ApiError {
  return new ApiError("task_not_found", "The task was removed just now.");
}
