/** What can be looked at: a hub over a WebSocket in the JSON protocol, or an event stream. Pure. */

export const TRACE_SOURCES = ["tasks", "image-generation", "video-generation", "events"] as const;
export type TraceSource = (typeof TRACE_SOURCES)[number];
export type HubSource = Exclude<TraceSource, "events">;

/** Both have a task; null: all tasks of the key. */
export type TraceTarget = { readonly source: TraceSource; readonly taskId: string | null };

export const SOURCE_NAMES: Readonly<Record<TraceSource, string>> = {
  tasks: "Tasks hub (WebSocket)",
  "image-generation": "Image hub (WebSocket)",
  "video-generation": "Video hub (WebSocket)",
  events: "Event stream (SSE)",
};

export function isHub(source: TraceSource): source is HubSource {
  return source !== "events";
}

/** Whether it can be followed as a whole. The hubs of pictures and films follow single tasks. */
export function followsAll(source: TraceSource): boolean {
  return source === "tasks" || source === "events";
}

/** The call that follows a task, or all; null where nothing can be followed. */
export function followCall({ source, taskId }: TraceTarget, invocationId: number): object | null {
  const call = { type: 1, invocationId: String(invocationId) };
  if (source === "tasks")
    return taskId === null
      ? { ...call, target: "SubscribeAll", arguments: [] }
      : { ...call, target: "Subscribe", arguments: [taskId] };
  return taskId === null ? null : { ...call, target: "SubscribeToTask", arguments: [taskId] };
}

/** The path of an event stream. */
export function streamPath(taskId: string | null): string {
  return taskId === null ? "/v1/events" : `/v1/tasks/${encodeURIComponent(taskId)}/events`;
}
