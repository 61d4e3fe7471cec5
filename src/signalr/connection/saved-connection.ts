/** What of a connection outlives the sleep of its host: saved while nothing else would be lost, and put back into a new one. */

import { bareProtocol } from "../protocols/bare-mode.ts";
import type { HubProtocol } from "../protocols/hub-protocol.ts";
import { jsonProtocol } from "../protocols/json-protocol.ts";
import type { ClientResults } from "./client-results.ts";
import type { SavedHubConnection } from "./hub-connection-options.ts";
import type { Invocations } from "./invocations.ts";
import type { Liveness } from "./liveness.ts";
import type { MessageWriter } from "./message-writer.ts";
import { PROTOCOLS } from "./protocol-detector.ts";
import type { ReceivedMessages } from "./received-messages.ts";

/** An open connection's parts that hold state. */
export type ConnectionParts<P> = {
  readonly writer: MessageWriter;
  readonly received: ReceivedMessages;
  readonly invocations: Invocations<P>;
  /** Null while nothing was asked of the client. */
  readonly results: ClientResults | null;
  readonly liveness: Liveness;
};

/** Null while there is state that would be lost: messages on their way, answers that are awaited, numbered messages. */
export function saveConnection<P>({
  writer,
  received,
  invocations,
  results,
  liveness,
}: ConnectionParts<P>): SavedHubConnection | null {
  const quiet =
    !received.waiting &&
    !writer.congested &&
    writer.numbers === null &&
    !received.partial &&
    (results?.size ?? 0) === 0;
  const streams = quiet ? invocations.save() : null;
  if (streams === null) return null;
  const { pinged, heardAt } = liveness;
  return { encoding: writer.protocol.encoding, pinged, heardAt, streams };
}

/** The protocol that it spoke; JSON for one of another release. */
export function savedProtocol({ encoding }: SavedHubConnection): HubProtocol {
  return [bareProtocol, ...PROTOCOLS].find((known) => known.encoding === encoding) ?? jsonProtocol;
}

/** Puts back what was saved into parts that speak `savedProtocol` already. */
export function restoreConnection<P>(
  saved: SavedHubConnection,
  { liveness, invocations }: Pick<ConnectionParts<P>, "liveness" | "invocations">,
): void {
  liveness.restore(saved);
  for (const call of saved.streams) invocations.resume(call);
}
