/** One connection to the hub of task events, by Microsoft's SignalR client, which is loaded when it is needed. */

import type { WireEvent, WireReset, WireSnapshot } from "../../protocol/task.ts";
import { ConnectionError } from "../transport/errors.ts";
import type { Requester } from "../transport/requester.ts";

export type HubListener = {
  update(update: WireEvent | WireSnapshot | WireReset): void;
  /** The connection is over; not called after `close`. */
  closed(error?: Error): void;
};

export type HubLink = {
  readonly connectionId: string | null;
  /** Brings the task as it is, or what came behind `after`. */
  subscribe(taskId: string, after: string | null): Promise<void>;
  unsubscribe(taskId: string): Promise<void>;
  close(): Promise<void>;
};

export type OpenHub = (
  requester: Requester,
  listener: HubListener,
  enableLogging: boolean,
) => Promise<HubLink>;

/** Rejects with a `ConnectionError` where the hub cannot be had, for whatever reason. */
export const openSignalRHub: OpenHub = async (requester, listener, enableLogging) => {
  const signalR = await import("@microsoft/signalr").catch((cause: unknown) => {
    throw new ConnectionError("The package @microsoft/signalr is not installed.", { cause });
  });
  const { HubConnectionBuilder, LogLevel } = signalR;
  const connection = new HubConnectionBuilder()
    .withUrl(`${requester.baseUrl}/hubs/tasks`, { accessTokenFactory: () => requester.credentials.token() })
    .configureLogging(enableLogging ? LogLevel.Information : LogLevel.None)
    .build();
  let closing = false;
  connection.on("TaskEvent", (update: WireEvent | WireSnapshot | WireReset) => listener.update(update));
  connection.onclose((error) => {
    if (!closing) listener.closed(error);
  });
  try {
    await connection.start();
  } catch (cause) {
    throw new ConnectionError(`The hub of ${requester.baseUrl} cannot be reached.`, { cause });
  }
  return {
    get connectionId() {
      return connection.connectionId;
    },
    subscribe: (taskId, after) => connection.invoke("Subscribe", taskId, after),
    unsubscribe: (taskId) => connection.invoke("Unsubscribe", taskId),
    close() {
      closing = true;
      return connection.stop();
    },
  };
};
