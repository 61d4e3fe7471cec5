/** Hands each message of a client to the part of its connection that it is for. */

import { type HubMessage, MessageType } from "../protocols/messages.ts";
import type { ClientResults } from "./client-results.ts";
import type { Invocations } from "./invocations.ts";
import type { MessageWriter } from "./message-writer.ts";

export type MessageRecipients<P> = {
  readonly invocations: Invocations<P>;
  readonly writer: MessageWriter;
  /** Null while nothing was asked of the client. */
  results(): ClientResults | null;
  /** The client has pinged. */
  pinged(): void;
  /** The client says goodbye; `error` is its reason, if it had one. */
  closed(error: string | null): void;
  /** The client has taken messages that it had room for. */
  acknowledged(): void;
};

/** False when the message has to wait. */
export function dispatchMessage<P>(message: HubMessage, recipients: MessageRecipients<P>): boolean {
  const { invocations, writer } = recipients;
  switch (message.type) {
    case MessageType.Invocation:
    case MessageType.StreamInvocation:
      return invocations.start(message);
    case MessageType.StreamItem:
      return invocations.item(message);
    case MessageType.Completion:
      if (!invocations.completeUpload(message)) recipients.results()?.settle(message);
      return true;
    case MessageType.CancelInvocation:
      invocations.cancel(message);
      return true;
    case MessageType.Ping:
      recipients.pinged();
      return true;
    case MessageType.Close:
      recipients.closed(message.error ?? null);
      return true;
    case MessageType.Ack:
      writer.acknowledged(message.sequenceId);
      recipients.acknowledged();
      return true;
    case MessageType.Sequence:
      writer.numbers?.resequence(message.sequenceId);
      return true;
  }
}
