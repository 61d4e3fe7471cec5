/**
 * The error texts of completions and Close messages. They are ASP.NET's, word for word, because clients compare them.
 */

/**
 * An error whose message the client may see. Everything else a method throws is answered as "an unexpected error",
 * unless detailed errors are on.
 */
export class HubError extends Error {
  /** The name under which clients know it. */
  override readonly name = "HubException";
}

export const CONNECTION_CLOSED_WITH_ERROR = "Connection closed with an error.";
export const RESULTS_TOO_SOON = "Client results inside OnConnectedAsync Hub methods are not allowed.";
export const STREAM_FAILED = "An error occurred on the server while streaming results.";

/** Clients of other languages show the message of a failed upload under this name. */
export class UploadError extends Error {
  override readonly name = "Exception";
}

export const invocationFailed = (target: string) =>
  `Failed to invoke '${target}' due to an error on the server.`;

export const methodFailed = (target: string) =>
  `An unexpected error occurred invoking '${target}' on the server.`;

export const unauthorized = (target: string) => `Failed to invoke '${target}' because user is unauthorized`;

export const streamingMethodInvoked = (target: string) =>
  `The client attempted to invoke the streaming '${target}' method with a non-streaming invocation.`;

export const plainMethodStreamed = (target: string) =>
  `The client attempted to invoke the non-streaming '${target}' method with a streaming invocation.`;

export const notAStream = (target: string) =>
  `The value returned by the streaming method '${target}' is not a ChannelReader<> or IAsyncEnumerable<>.`;

export const idInUse = (id: string) => `Invocation ID '${id}' is already in use.`;

/** `text`, followed by the error's name and message where the client may know them. */
export function errorText(text: string, error: unknown, detailed: boolean): string {
  if (!(error instanceof HubError) && !detailed) return text;
  return error instanceof Error ? `${text} ${error.name}: ${error.message}` : text;
}
