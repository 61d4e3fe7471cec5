/** Event streams of the mock gateway. */

import { isTerminal } from "../../protocol/task.ts";
import type { MockTask, MockTasks } from "./mock-tasks.ts";

type Send = (type: string, id: string, event: unknown) => void;
type Signal = AbortSignal | null | undefined;

/** One task from `after` on, else from a snapshot; until its end. */
export function streamTask(task: MockTask, after: string | null, signal: Signal): Response {
  let sent = after === null ? task.events.length : positionOf(after);
  if (sent >= task.events.length && after !== null && isTerminal(task.wire.status))
    return new Response(null, { status: 204 });
  return streamed(task.watchers, signal, (send, first) => {
    const id = `mock.${sent}`;
    if (first && after === null) send("snapshot", id, { type: "snapshot", id, seq: sent, task: task.wire });
    for (const event of task.events.slice(sent)) send(event.type, event.id, event);
    sent = task.events.length;
    return isTerminal(task.wire.status);
  });
}

/** Every task, from `after` or now on. */
export function streamAll(tasks: MockTasks, after: string | null, signal: Signal): Response {
  let sent = after === null ? tasks.log.length : positionOf(after);
  return streamed(tasks.watchers, signal, (send) => {
    for (const event of tasks.log.slice(sent)) send(event.type, event.id, event);
    sent = tasks.log.length;
    return false;
  });
}

/** One event with `data`, once there is something to say. */
export function streamOnce(events: Promise<readonly { type: string }[]>): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(encoder.encode(": accepted\n\n"));
      for (const event of await events)
        controller.enqueue(encoder.encode(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`));
      controller.close();
    },
  });
  return answer(body);
}

/** `tell` is called at once and at each change, until it answers that nothing more will come. */
function streamed(
  watchers: Set<() => void>,
  signal: Signal,
  tell: (send: Send, first: boolean) => boolean,
): Response {
  const encoder = new TextEncoder();
  let stop = () => {};
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      const send: Send = (type, id, event) =>
        controller.enqueue(encoder.encode(`event: ${type}\nid: ${id}\ndata: ${JSON.stringify(event)}\n\n`));
      controller.enqueue(encoder.encode(": here\n\n"));
      const look = () => {
        if (!tell(send, false)) return;
        stop();
        controller.close();
      };
      stop = () => void watchers.delete(look);
      signal?.addEventListener("abort", stop, { once: true });
      watchers.add(look);
      if (!tell(send, true)) return;
      stop();
      controller.close();
    },
    cancel: () => stop(),
  });
  return answer(body);
}

function positionOf(id: string): number {
  return Number(id.slice(id.indexOf(".") + 1));
}

function answer(body: ReadableStream<Uint8Array>): Response {
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
