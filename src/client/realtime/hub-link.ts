/** One connection to the hub of task events, by Microsoft's SignalR client, which is loaded when it is needed. */

import type { HttpError, HttpRequest, HttpResponse } from "@microsoft/signalr";
import type { WireEvent, WireReset, WireSnapshot } from "../../protocol/task.ts";
import { orAborted } from "../clock.ts";
import { ConduitError, ConnectionError, errorOfAnswer, type StatusError } from "../transport/errors.ts";
import type { Requester } from "../transport/requester.ts";
import { startTimeLimit } from "../transport/time-limit.ts";
import { hubLog } from "./hub-log.ts";

export type HubListener = {
  update(update: WireEvent | WireSnapshot | WireReset): void;
  /** The connection is over; not called after `close`. */
  closed(error?: Error): void;
};

export type HubLink = {
  readonly connectionId: string | null;
  /** Brings the task as it is, or what came behind `after`. Rejects with a `HubError` when the hub refuses. */
  subscribe(taskId: string, after: string | null): Promise<void>;
  unsubscribe(taskId: string): Promise<void>;
  close(): Promise<void>;
};

export type OpenHub = (
  requester: Requester,
  listener: HubListener,
  enableLogging: boolean,
) => Promise<HubLink>;

/** SignalR itself waits for ever for an answer to its first question. */
const START_MS = 20_000;

/** The hub refused a call, such as one for a task that it does not know; the message is what it said. */
export class HubError extends ConduitError {
  override name = "HubError";
}

/** There is no hub without the package, however often it is tried. */
export class SignalRMissingError extends ConnectionError {
  override name = "SignalRMissingError";
}

/** Rejects with the `StatusError` of a hub that refuses the connection, and with a `ConnectionError` where it cannot be reached. */
export const openSignalRHub: OpenHub = async (requester, listener, enableLogging) => {
  const signalR = await import("@microsoft/signalr").catch((cause: unknown) => {
    throw new SignalRMissingError("The package @microsoft/signalr is not installed.", { cause });
  });
  const { DefaultHttpClient, HttpClient, HubConnectionBuilder, NullLogger } = signalR;
  let refusal: StatusError | null = null;
  /** Keeps what a refusal says, of which SignalR's own error has the text alone. */
  class ListeningClient extends HttpClient {
    readonly #client = new DefaultHttpClient(NullLogger.instance);

    override async send(request: HttpRequest): Promise<HttpResponse> {
      try {
        return await this.#client.send(request);
      } catch (error) {
        if (error instanceof signalR.HttpError) refusal = refusalOf(error);
        throw error;
      }
    }

    override getCookieString(url: string): string {
      return this.#client.getCookieString(url);
    }
  }
  const connection = new HubConnectionBuilder()
    .withUrl(`${requester.baseUrl}/hubs/tasks`, {
      accessTokenFactory: () => requester.credentials.token(),
      httpClient: new ListeningClient(),
    })
    .configureLogging(enableLogging ? hubLog : NullLogger.instance)
    .build();
  let closing = false;
  connection.on("TaskEvent", (update: WireEvent | WireSnapshot | WireReset) => listener.update(update));
  connection.onclose((error) => {
    if (!closing) listener.closed(error);
  });
  const message = `The hub of ${requester.baseUrl} did not answer within ${START_MS} ms.`;
  const limit = startTimeLimit(requester.clock, { timeoutMs: START_MS, message });
  try {
    await orAborted(connection.start(), limit.signal);
  } catch (cause) {
    // What still comes of it is for nobody.
    connection.stop().catch(() => {});
    if (limit.signal.aborted) throw limit.signal.reason;
    throw refusal ?? new ConnectionError(`The hub of ${requester.baseUrl} cannot be reached.`, { cause });
  } finally {
    limit.end();
  }
  const call = async (method: string, ...args: unknown[]): Promise<void> => {
    try {
      await connection.invoke(method, ...args);
    } catch (cause) {
      const refused = refusedBy(cause);
      if (refused !== null) throw refused;
      // It did not get through, though the connection may still be open one way: nothing can be relied on any more.
      const error = new ConnectionError(`The connection to the hub of ${requester.baseUrl} broke.`, {
        cause,
      });
      if (!closing) {
        closing = true;
        listener.closed(error);
        connection.stop().catch(() => {});
      }
      throw error;
    }
  };
  return {
    get connectionId() {
      return connection.connectionId;
    },
    subscribe: (taskId, after) => call("Subscribe", taskId, after),
    unsubscribe: (taskId) => call("Unsubscribe", taskId),
    close() {
      closing = true;
      return connection.stop();
    },
  };
};

/** SignalR puts the body of an answer before words of its own. */
function refusalOf({ statusCode, message }: HttpError): StatusError {
  const body = message.replace(/: Status code '\d+'$/, "");
  return errorOfAnswer({ status: statusCode, headers: new Headers() }, body);
}

/** A hub that answered a call with an error says so; anything else is SignalR's or the connection's. */
const ANSWERED =
  /^(?:An unexpected error occurred invoking|Failed to invoke) [^.]*\.?(?: HubException: (.*))?$/s;

/** What the hub said against a call, without SignalR's own words before it; null where no answer came. */
function refusedBy(error: unknown): HubError | null {
  const message = error instanceof Error ? error.message : "";
  const answered = ANSWERED.exec(message);
  return answered === null ? null : new HubError(answered[1] ?? message, { cause: error });
}
