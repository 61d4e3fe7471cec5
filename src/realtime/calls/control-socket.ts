/** A client's own socket beside its call: it hears what the provider says of the call, and steers it. */

import { sendableCloseCode } from "../../protocol/close-codes.ts";
import type { RealtimeError, RealtimeEvent } from "../../protocol/realtime.ts";
import type { Socket, SocketHandler } from "../../sockets/socket-upgrade.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import { AUDIO_APPEND, ClientEvent } from "../session/client-event.ts";
import { type ClientDialect, ClientLink } from "../session/client-link.ts";
import { END, type SessionEnding } from "../session/endings.ts";
import { MessageRate } from "../session/rate-limit.ts";
import { NO_EVENT, type VoiceSessionLimits } from "../session/session.ts";
import type { SessionUsage } from "../usage/counters.ts";
import type { SessionWatch } from "../voice-watch.ts";

export type ControlSocketDependencies = {
  readonly dialect: ClientDialect | null;
  readonly usage: SessionUsage;
  readonly watch: SessionWatch;
  readonly limits: VoiceSessionLimits;
  readonly clock: Pick<Clock, "monotonic">;
  newId(prefix: string): string;
  opened(): void;
  /** In GA names. */
  event(event: ClientEvent): void;
  closed(): void;
};

export class ControlSocket implements SocketHandler {
  readonly #dependencies: ControlSocketDependencies;
  readonly #rate: MessageRate;
  #client: ClientLink | null = null;

  constructor(dependencies: ControlSocketDependencies) {
    this.#dependencies = dependencies;
    this.#rate = new MessageRate(dependencies.limits, dependencies.clock.monotonic());
  }

  opened(socket: Socket): void {
    const { dialect, newId, usage, watch, opened } = this.#dependencies;
    this.#client = new ClientLink(socket, dialect, newId, {
      sent: (type, characters) => {
        usage.add("messagesOut", 1);
        usage.add("bytesOut", characters);
        watch.traffic?.("gateway", type, characters);
      },
      overflowed: () => this.end(END.clientTooSlow),
    });
    opened();
  }

  received(message: string | Uint8Array): void {
    if (this.#client === null) return;
    const { limits, clock, dialect, usage, watch, event: hand } = this.#dependencies;
    usage.add("messagesIn", 1);
    usage.add("bytesIn", message.length);
    if (message.length > limits.maxMessageBytes) {
      this.end(END.messageTooLarge(limits.maxMessageBytes));
      return;
    }
    const event = typeof message === "string" ? ClientEvent.read(message) : null;
    watch.traffic?.("client", event?.type ?? "unreadable", message.length);
    const kind = event?.type === AUDIO_APPEND ? "audio" : "control";
    if (!this.#rate.take(kind, clock.monotonic())) this.end(END.flood(kind));
    else if (event === null) this.error(NO_EVENT);
    else if (!this.#client.answersPing(event))
      hand(dialect === null ? event : ClientEvent.of(dialect.toOurs(event.event)));
  }

  closed(): void {
    this.#client = null;
    this.#dependencies.closed();
  }

  send(event: RealtimeEvent): void {
    this.#client?.send(event);
  }

  /** A message as the provider sent it. */
  pass(text: string, type: string): void {
    this.#client?.pass(text, type);
  }

  error(error: RealtimeError): void {
    this.#client?.error(error);
  }

  /** Says why, and closes. */
  end(ending: SessionEnding): void {
    const client = this.#client;
    this.#client = null;
    if (client === null) return;
    if (ending.error !== null) client.error(ending.error);
    client.close(sendableCloseCode(ending.code), ending.text);
    this.#dependencies.closed();
  }
}
