/** The hub of events: the same events, positions and resumption as the REST streams, over SignalR. */

import type { Principal } from "../accounts/principal.ts";
import type { Encoding } from "../rooms/encoding.ts";
import { printPosition } from "../rooms/position.ts";
import type { Rooms } from "../rooms/rooms.ts";
import { HubError } from "../signalr/connection/invocation-errors.ts";
import { createHub, type Hub, type HubCall, method, type Resumption, streamMethod } from "../signalr/hub.ts";
import { isTaskId } from "../tasks/ids.ts";
import type { Position, TenantScope } from "../tasks/task.ts";
import { optionalTextArgument, taskIdArgument } from "./argument-binders.ts";
import { readPosition, type Subscriptions, TASK_NOT_FOUND } from "./subscriptions.ts";
import { TaskStream } from "./task-stream.ts";

export type TasksHubDependencies = {
  readonly subscriptions: Subscriptions;
  readonly rooms: Pick<Rooms, "subscribeToTask">;
  /** For the items of streams. */
  readonly items: Encoding;
  /** For hosts that hibernate: up to where a task's subscribers were served before; null when it is not known. */
  readonly positionOf?: (scope: TenantScope, taskId: string) => Position | null;
};

export function createTasksHub(dependencies: TasksHubDependencies): Hub<Principal> {
  const { subscriptions, rooms, items, positionOf } = dependencies;
  return createHub<Principal>({
    methods: {
      Subscribe: method({
        args: [taskIdArgument],
        optional: [optionalTextArgument],
        run: (call: HubCall<Principal>, id, after) => subscriptions.subscribe(call, id, "event", after),
      }),
      SubscribeAll: method({
        optional: [optionalTextArgument],
        run: (call: HubCall<Principal>, after) => subscriptions.subscribeAll(call, after),
      }),
      Unsubscribe: method({
        args: [taskIdArgument],
        run: (call: HubCall<Principal>, id) => subscriptions.unsubscribe(call.connection, id),
      }),
      UnsubscribeAll: method({
        run: (call: HubCall<Principal>) => subscriptions.unsubscribeAll(call.connection),
      }),
      StreamTask: streamMethod({
        args: [taskIdArgument],
        optional: [optionalTextArgument],
        run: (call: HubCall<Principal>, id, after) => openStream(call, rooms, items, id, after),
        ...(positionOf === undefined ? {} : resumption(positionOf)),
      }),
    },
    onDisconnected: (connection) => subscriptions.disconnected(connection),
  });
}

function resumption(positionOf: NonNullable<TasksHubDependencies["positionOf"]>): Resumption<Principal> {
  return {
    resume({ principal }, args) {
      const [id] = args;
      const position = typeof id === "string" ? positionOf(principal.scope, taskIdArgument.parse(id)) : null;
      return position === null ? args : [id, printPosition(position)];
    },
  };
}

async function openStream(
  call: HubCall<Principal>,
  rooms: Pick<Rooms, "subscribeToTask">,
  items: Encoding,
  id: string,
  after: string | null | undefined,
): Promise<TaskStream> {
  const begin = readPosition(after);
  if (!isTaskId(id)) throw new HubError(TASK_NOT_FOUND);
  const stream = new TaskStream(items);
  const { subscription, opened } = rooms.subscribeToTask(call.connection.principal.scope, id, stream, begin);
  stream.subscription = subscription;
  // Also while it is being opened, before the stream was returned.
  call.signal.addEventListener("abort", () => stream.leave(), { once: true });
  if (call.signal.aborted) stream.leave();
  if ((await opened) === "not_found") throw new HubError(TASK_NOT_FOUND);
  return stream;
}
