/** What goes to a session's client: events as text messages, in its dialect, with a bound on what lies unsent. */

import { PING_EVENT, PONG_EVENT, type RealtimeError, type RealtimeEvent } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import type { Socket } from "../../sockets/socket-upgrade.ts";
import type { ClientEvent } from "./client-event.ts";

/** Bytes that may lie unsent before a client counts as too slow. A provider's answer of 30 s is about 2 MB. */
export const MAX_UNSENT_BYTES = 4_194_304;

/** Turns messages into the names of a client's dialect. Pure. */
export interface ClientDialect {
  /** The events that a client is sent in place of one of ours; none: it does not know such an event. */
  fromOurs(event: RealtimeEvent): readonly RealtimeEvent[];
  /** The client's event in our names. */
  toOurs(event: RealtimeEvent): RealtimeEvent;
}

export interface ClientLinkWatch {
  /** A message was sent: its type and its characters. */
  sent(type: string, characters: number): void;
  /** More lies unsent than may. */
  overflowed(): void;
}

export class ClientLink {
  readonly #socket: Socket;
  readonly #dialect: ClientDialect | null;
  readonly #newId: (prefix: string) => string;
  readonly #watch: ClientLinkWatch;

  /** `dialect` null: the client speaks the unified format. */
  constructor(
    socket: Socket,
    dialect: ClientDialect | null,
    newId: (prefix: string) => string,
    watch: ClientLinkWatch,
  ) {
    this.#socket = socket;
    this.#dialect = dialect;
    this.#newId = newId;
    this.#watch = watch;
  }

  send(event: RealtimeEvent): void {
    const id = event.event_id === undefined ? this.#newId("event") : null;
    if (this.#dialect === null) {
      const text = JSON.stringify(event);
      this.#write(id === null ? text : `${text.slice(0, -1)},"event_id":"${id}"}`, event.type);
      return;
    }
    const whole: RealtimeEvent = id === null ? event : { ...event, event_id: id };
    for (const one of this.#dialect.fromOurs(whole)) this.#write(JSON.stringify(one), one.type);
  }

  /** A message as it came from a provider that speaks the unified format. */
  pass(text: string, type: string): void {
    if (this.#dialect === null) this.#write(text, type);
    else this.send(JSON.parse(text) as RealtimeEvent);
  }

  /** Whether the message was a ping, which is answered here and concerns no provider. */
  answersPing(event: ClientEvent): boolean {
    if (event.type !== PING_EVENT) return false;
    this.send({ type: PONG_EVENT, ping_event_id: event.eventId });
    return true;
  }

  error({ code, message, param, eventId }: RealtimeError): void {
    this.send({ type: "error", error: errorBody(code, message, param, eventId) });
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  #write(text: string, type: string): void {
    this.#socket.send(text);
    this.#watch.sent(type, text.length);
    if (this.#socket.bufferedBytes() > MAX_UNSENT_BYTES) this.#watch.overflowed();
  }
}

const SERVER_ERRORS: ReadonlySet<string> = new Set(["connection_failed", "provider_error", "internal_error"]);

function errorBody(code: string, message: string, param?: string, eventId?: string | null): Json {
  return {
    type: SERVER_ERRORS.has(code) ? "server_error" : "invalid_request_error",
    code,
    message,
    param: param ?? null,
    event_id: eventId ?? null,
  };
}
