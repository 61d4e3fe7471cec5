/**
 * The pushes of the hubs: a vocabulary maps events to client methods and their arguments, a protocol encodes the call.
 * One encoding for each pair of them, shared by all connections.
 */

import { isTerminal, type WireHubResult } from "../protocol/task.ts";
import type { Encoding } from "../rooms/encoding.ts";
import { bareProtocol } from "../signalr/protocols/bare-mode.ts";
import { joinBytes } from "../signalr/protocols/binary-format.ts";
import type { HubProtocol } from "../signalr/protocols/hub-protocol.ts";
import { jsonProtocol } from "../signalr/protocols/json-protocol.ts";
import { messagePackProtocol } from "../signalr/protocols/messagepack-protocol.ts";
import { MessageType } from "../signalr/protocols/messages.ts";
import type { Frame } from "../sockets/frame.ts";
import { candidateOf, type Task, type TaskEvent } from "../tasks/task.ts";
import { CANCELLED_TEXT, toWireEvent, toWireResult, toWireTask, type WireContext } from "../tasks/wire.ts";

/**
 * - `task`: `TaskProgress`, `TaskCompleted`, `TaskFailed`.
 * - `request`: the same three under `Request…`.
 * - `event`: `TaskEvent` with the event shape of the REST streams.
 */
export type Vocabulary = "task" | "request" | "event";

export type PushEncodings = Readonly<Record<Vocabulary, Readonly<Record<HubProtocol["encoding"], Encoding>>>>;

/** A client method and its arguments, or null where a vocabulary has no call. */
type Call = { target: string; args: unknown[] } | null;

type Words = {
  event(event: TaskEvent, task: Task, id: string): Call;
  snapshot(view: Parameters<Encoding["snapshot"]>[0], id: string): Call;
  reset(): Call;
};

/** The failure's text when the task has none. */
const FAILED_TEXT = "Task failed";

/** Made once per process. */
export function createPushEncodings(context: WireContext): PushEncodings {
  return {
    task: spell("task", mediaWords("Task", context)),
    request: spell("request", mediaWords("Request", context)),
    event: spell("event", eventWords(context)),
  };
}

/** The result as `TaskCompleted` carries it; null unless the task has one. */
function toWireHubResult(task: Task, context: WireContext): WireHubResult | null {
  const result = toWireResult(task, context);
  if (result === null) return null;
  const first = result.images?.[0]?.url ?? result.videos?.[0]?.url;
  return {
    ...result,
    ...(first === undefined ? {} : task.type === "image" ? { image_url: first } : { video_url: first }),
    metadata: { ...task.metadata, provider: candidateOf(task).provider, model: task.model },
  };
}

function mediaWords(noun: "Task" | "Request", context: WireContext): Words {
  const [progress, completed, failed] = [`${noun}Progress`, `${noun}Completed`, `${noun}Failed`];
  const ended = (task: Task): Call => {
    if (task.status === "completed")
      return { target: completed, args: [task.id, toWireHubResult(task, context)] };
    const text = task.status === "cancelled" ? CANCELLED_TEXT : (task.error?.message ?? FAILED_TEXT);
    return { target: failed, args: [task.id, text] };
  };
  return {
    event(event, task) {
      if (isTerminal(event.status)) return ended(task);
      return event.type === "progress" ? { target: progress, args: [task.id, event.progress] } : null;
    },
    snapshot: ({ task }) =>
      isTerminal(task.status) ? ended(task) : { target: progress, args: [task.id, task.progress] },
    reset: () => null,
  };
}

function eventWords(context: WireContext): Words {
  const taskEvent = (event: unknown): Call => ({ target: "TaskEvent", args: [event] });
  return {
    event: (event, task, id) => taskEvent(toWireEvent(event, task, id, context)),
    snapshot: (view, id) =>
      taskEvent({ type: "snapshot", id, seq: view.task.seq, task: toWireTask(view, context) }),
    reset: () => taskEvent({ type: "reset" }),
  };
}

function spell(vocabulary: Vocabulary, words: Words): PushEncodings[Vocabulary] {
  const encoding = (protocol: HubProtocol, pack: Encoding["pack"]): Encoding => {
    const write = (call: Call) =>
      call === null
        ? null
        : protocol.write({ type: MessageType.Invocation, target: call.target, arguments: call.args });
    return {
      name: `hub-${vocabulary}-${protocol.encoding}`,
      event: ({ event, task }, id) => write(words.event(event, task, id)),
      snapshot: (view, id) => write(words.snapshot(view, id)),
      begin: () => null,
      reset: () => write(words.reset()),
      pack,
    };
  };
  return {
    json: encoding(jsonProtocol, joinTexts),
    messagepack: encoding(messagePackProtocol, joinBinary),
    // A bare client takes one message for each frame.
    bare: encoding(bareProtocol, null),
  };
}

function joinTexts(frames: readonly Frame[]): Frame {
  return frames.length === 1 ? frames[0]! : frames.join("");
}

function joinBinary(frames: readonly Frame[]): Frame {
  return frames.length === 1 ? frames[0]! : joinBytes(frames as readonly Uint8Array[]);
}
