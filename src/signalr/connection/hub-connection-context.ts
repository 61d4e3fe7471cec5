/**
 * One client's SignalR connection without sockets, timers or clock: the host hands it what arrives and the time, and
 * its messages go out through a `TransportOutput`. ASP.NET's class of this name has the same task.
 *
 *   handshake ──answered──▶ starting ──onConnected──▶ open ──▶ closed
 *       └─ timeout, error ─▶ closed      with stateful reconnect: open ⇄ without transport ──timeout──▶ closed
 */

import { CLOSE_NORMAL } from "../../protocol/close-codes.ts";
import type { Frame, TopicMembership } from "../../sockets/frame.ts";
import { type CloseOptions, closeMessage } from "../close-options.ts";
import type { HubConnection } from "../hub.ts";
import { bareProtocol } from "../protocols/bare-mode.ts";
import { HANDSHAKE_CANCELED } from "../protocols/handshake.ts";
import { type Chunk, type HubProtocol, ProtocolError } from "../protocols/hub-protocol.ts";
import { jsonProtocol } from "../protocols/json-protocol.ts";
import { type Close, type HubMessage, MessageType, PING } from "../protocols/messages.ts";
import { ClientResults, disconnected } from "./client-results.ts";
import { ConnectionOpening } from "./connection-opening.ts";
import type {
  HubConnectionOptions,
  HubConnectionSettings,
  SavedHubConnection,
  TransportOutput,
  TransportTraits,
} from "./hub-connection-options.ts";
import { HubLifetime } from "./hub-lifetime.ts";
import { CONNECTION_CLOSED_WITH_ERROR, errorText, HubError, RESULTS_TOO_SOON } from "./invocation-errors.ts";
import { type InvocationOwner, Invocations } from "./invocations.ts";
import { Liveness } from "./liveness.ts";
import { dispatchMessage, type MessageRecipients } from "./message-dispatch.ts";
import { MessageWriter } from "./message-writer.ts";
import { refuseHandshake } from "./protocol-detector.ts";
import { ReceivedMessages } from "./received-messages.ts";
import { restoreConnection, saveConnection, savedProtocol } from "./saved-connection.ts";
import { StatefulReconnect } from "./stateful-reconnect.ts";

type State = "handshake" | "starting" | "open" | "closed";

export class HubConnectionContext<P> implements HubConnection<P>, InvocationOwner<P> {
  readonly connectionId: string;
  readonly principal: P;
  readonly #lifetime: HubLifetime<P>;
  readonly #settings: HubConnectionSettings;
  readonly #transport: TransportTraits;
  readonly #onEnd: (() => void) | undefined;
  readonly #invocations: Invocations<P>;
  readonly #writer: MessageWriter;
  #state: State = "handshake";
  readonly #opening: ConnectionOpening;
  readonly #received = new ReceivedMessages();
  #abort: AbortController | null = null;
  #results: ClientResults | null = null;
  readonly #mayReconnect: boolean;
  readonly #recipients: MessageRecipients<P>;

  /** The time at the host's latest call. */
  #now: number;
  /** When the handshake must have arrived. */
  readonly #handshakeBy: number;
  /** From the handshake on. */
  #liveness: Liveness | null = null;
  #reconnectBy = Number.POSITIVE_INFINITY;

  /** `now`: milliseconds on any clock that never goes back, the same for all calls. */
  constructor(options: HubConnectionOptions<P>, now: number) {
    this.connectionId = options.connectionId;
    this.principal = options.principal;
    this.#lifetime = new HubLifetime(options.hub, this, options.settings);
    this.#settings = options.settings;
    this.#transport = options.transport;
    this.#onEnd = options.onEnd;
    this.#writer = new MessageWriter(options.bare ? bareProtocol : jsonProtocol, options.output);
    this.#mayReconnect = options.statefulReconnect;
    this.#invocations = new Invocations(this, options.hub, options.settings);
    this.#recipients = {
      invocations: this.#invocations,
      writer: this.#writer,
      results: () => this.#results,
      pinged: () => {
        if (this.#liveness?.ping(this.#now) === true) this.send(PING);
      },
      closed: (error) => this.#end({ type: MessageType.Close }, error),
      acknowledged: () => this.#roomAgain(),
    };
    this.#opening = new ConnectionOpening(options);
    this.#now = now;
    this.#handshakeBy = now + options.settings.handshakeTimeoutMs;
  }

  /** The connection as hubs see it. */
  get connection(): HubConnection<P> {
    return this;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#state === "closed") this.#abort.abort();
    return this.#abort.signal;
  }

  get congested(): boolean {
    return this.#writer.congested;
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  /** Means nothing before the handshake is done. */
  get encoding(): HubProtocol["encoding"] {
    return this.#writer.protocol.encoding;
  }

  /** With stateful reconnect every message is numbered here: none may reach the client by a topic. */
  get topics(): TopicMembership | null {
    return this.#writer.numbers === null ? this.#writer.topics : null;
  }

  get waiting(): boolean {
    return this.#writer.waiting;
  }

  /** Whether it could continue over another transport. */
  get resumable(): boolean {
    return this.#writer.numbers !== null && this.#state !== "closed";
  }

  /** Length of what was received and not yet read. A host that can slow its client down does so while this grows. */
  get unread(): number {
    return this.#received.unread;
  }

  /** When `tick` has something to do at the latest. */
  get due(): number {
    if (this.#state === "closed") return Number.POSITIVE_INFINITY;
    if (this.#state === "handshake") return this.#handshakeBy;
    if (!this.#writer.connected) return this.#reconnectBy;
    return Math.min(
      this.#liveness?.due ?? Number.POSITIVE_INFINITY,
      this.#results?.due ?? Number.POSITIVE_INFINITY,
      this.#writer.numbers?.ackDue ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Call it once, before anything else. A bare client is connected at once; a saved connection continues as it was. */
  open(saved?: SavedHubConnection): void {
    if (saved !== undefined) this.#restore(saved);
    else if (this.#opening.decided) this.#begin(bareProtocol);
  }

  /** Takes what arrived. Over a framed transport each chunk is one frame; over others a chunk may end anywhere. */
  receive(chunk: Chunk, now: number): void {
    this.#now = now;
    if (this.#state === "closed" || !this.#writer.connected) return;
    this.#liveness?.heard(now);
    try {
      this.#take(chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The transport has room again. */
  drained(): void {
    this.#writer.drained();
    this.#roomAgain();
  }

  /** Does what is due. Hosts call it about once a second, or when `due` has come. */
  tick(now: number): void {
    this.#now = now;
    if (this.#state === "closed") return;
    if (this.#state === "handshake") {
      if (now >= this.#handshakeBy) this.abort();
      return;
    }
    this.#results?.expire(now);
    if (!this.#writer.connected) {
      if (now >= this.#reconnectBy) this.#end(null, "The client did not reconnect in time.");
      return;
    }
    // While this side has stopped reading, the client's silence proves nothing.
    if (this.#received.waiting) this.#liveness?.heard(now);
    const due = this.#liveness?.check(now);
    if (due === "idle") this.close({ error: "Connection was idle for too long." });
    else if (due === "timeout")
      this.#end({ type: MessageType.Close, allowReconnect: true }, "The client was silent for too long.");
    else if (due === "ping") this.send(PING);
    const ack = this.#writer.numbers?.takeAck(now) ?? null;
    if (ack !== null) this.send(ack);
  }

  /** Counts as a message of the client: the host has heard from it in a way that did not come through `receive`. */
  touch(now: number): void {
    this.#now = now;
    this.#liveness?.heard(now);
  }

  /**
   * The transport has ended by itself; `error` is the reason unless it was an orderly end. With stateful reconnect the
   * connection waits for `reconnect`.
   */
  transportEnded(now: number, error: string | null = null): void {
    this.#now = now;
    if (this.#state === "closed") return;
    if (this.#writer.numbers !== null) {
      this.#writer.lose();
      this.#reconnectBy = now + this.#settings.reconnectMs;
      return;
    }
    if (this.#state === "open" && !this.#received.waiting && this.#received.partial)
      this.#fail(new ProtocolError("Connection terminated while reading a message."));
    else this.#end(null, error);
  }

  /** Stateful reconnect: continues over a new transport, which replaces an open one. False when that is not possible. */
  reconnect(output: TransportOutput, now: number): boolean {
    this.touch(now);
    if (this.#writer.numbers === null || this.#state === "closed") return false;
    this.#writer.close(CLOSE_NORMAL, "", null);
    this.#reconnectBy = Number.POSITIVE_INFINITY;
    this.#received.begin(this.#writer.protocol.createReader(this.#settings.limits));
    this.#writer.resume(output);
    this.#roomAgain();
    return true;
  }

  /** What a hibernating host has to store, or null while there is state that hibernation would lose. */
  save(): SavedHubConnection | null {
    if (this.#state !== "open" || this.#liveness === null) return null;
    return saveConnection({
      writer: this.#writer,
      received: this.#received,
      invocations: this.#invocations,
      results: this.#results,
      liveness: this.#liveness,
    });
  }

  push(target: string, ...args: unknown[]): void {
    this.send({ type: MessageType.Invocation, target, arguments: args });
  }

  pushEncoded(frame: Frame): void {
    if (this.#state === "closed" || this.#state === "handshake") return;
    if (!this.#writer.deliver(frame, true)) this.#giveUp();
  }

  bufferedBytes(): number {
    return this.#writer.bufferedBytes();
  }

  invoke(target: string, ...args: unknown[]): Promise<unknown> {
    if (this.#state === "starting") return Promise.reject(new HubError(RESULTS_TOO_SOON));
    if (this.#state !== "open") return Promise.reject(disconnected(this.connectionId));
    this.#results ??= new ClientResults(this.connectionId, this.#settings);
    return this.#results.ask(this.#now, (invocationId) =>
      this.send({ type: MessageType.Invocation, invocationId, target, arguments: args }),
    );
  }

  abort(): void {
    this.close({});
  }

  close(options: CloseOptions): void {
    const { error, code, reason } = options;
    if (this.#state === "handshake") {
      const text = error ?? HANDSHAKE_CANCELED;
      this.#endBehind(refuseHandshake(text).refusal, text, code, reason);
    } else this.#end(closeMessage(options), error ?? null, code, reason);
  }

  send(message: HubMessage): void {
    if (this.#state === "closed" || this.#state === "handshake") return;
    try {
      if (!this.#writer.write(message)) this.#giveUp();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Continues reading. */
  proceed(): void {
    try {
      this.#read();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Calls go on that waited for the client to take their messages. */
  #roomAgain(): void {
    if (!this.congested) this.#invocations.drained();
  }

  /** Handles the opening in what arrived; returns the remainder, which belongs to the reader, null where there is none yet. */
  #open(chunk: Chunk): Chunk | null {
    const opened = this.#opening.take(chunk);
    if (opened === null) return null;
    if ("refusal" in opened) {
      this.#endBehind(opened.refusal, null);
      return null;
    }
    const { answer, protocol, numbers, rest } = opened;
    if (answer !== null) this.#writer.transmit(answer);
    if (this.#mayReconnect && numbers)
      this.#writer.numbers = new StatefulReconnect(this.#settings.replayBytes);
    if (protocol !== null && this.#state === "handshake") this.#begin(protocol);
    else if (protocol !== null) this.#speak(protocol);
    return rest.length === 0 ? null : rest;
  }

  #begin(protocol: HubProtocol): void {
    this.#state = "starting";
    this.#speak(protocol);
    this.#lifetime.begin(
      () => {
        if (this.#state === "starting") this.#state = "open";
        this.proceed();
      },
      (error) => this.#closeFor(error, false),
    );
  }

  #restore(saved: SavedHubConnection): void {
    this.#state = "open";
    this.#opening.skip();
    this.#lifetime.resume();
    restoreConnection(saved, { liveness: this.#speak(savedProtocol(saved)), invocations: this.#invocations });
  }

  /** From here on the protocol is known. */
  #speak(protocol: HubProtocol): Liveness {
    this.#writer.protocol = protocol;
    this.#received.begin(protocol.createReader(this.#settings.limits));
    const pings = protocol === bareProtocol ? "bare" : this.#transport.pings;
    this.#liveness = new Liveness(this.#settings, pings, this.#writer, this.#now);
    return this.#liveness;
  }

  #take(chunk: Chunk): void {
    // First: it may change the reader.
    const rest = this.#opening.over ? chunk : this.#open(chunk);
    if (rest === null) return;
    this.#received.push(rest);
    this.#read();
    if (this.unread > this.#settings.maxUnread)
      throw new ProtocolError("Too much was sent while the server was busy with earlier messages.");
  }

  #read(): void {
    this.#received.read(
      () => this.#state === "open" && this.#writer.connected,
      (message) => this.#handle(message),
    );
  }

  /** False when the message has to wait. */
  #handle(message: HubMessage): boolean {
    if (this.#writer.numbers?.skips(message) === true) return true;
    if (!dispatchMessage(message, this.#recipients)) return false;
    this.#writer.numbers?.count(message, this.#now);
    return true;
  }

  #giveUp(): void {
    this.#end({ type: MessageType.Close, allowReconnect: true }, "The client reads too slowly.");
  }

  /** The client broke the protocol, or a message to it has no wire form. */
  #fail(error: unknown): void {
    if (!(error instanceof ProtocolError)) this.#settings.report(error, "hub message");
    this.#closeFor(error, true);
  }

  #closeFor(error: unknown, allowReconnect: boolean): void {
    const text = errorText(CONNECTION_CLOSED_WITH_ERROR, error, this.#settings.detailedErrors);
    this.#end(closeMessage({ error: text, allowReconnect }), text);
  }

  #end(close: Close | null, error: string | null, code?: number, reason?: string): void {
    this.#endBehind(close === null ? null : this.#writer.protocol.write(close), error, code, reason);
  }

  /** Ends it; `last` is the last that the client gets. */
  #endBehind(last: Frame | null, error: string | null, code = CLOSE_NORMAL, reason = ""): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#writer.close(code, reason, last);
    this.#received.begin(null);
    this.#writer.numbers = null;
    this.#invocations.dispose();
    this.#results?.abandon();
    this.#abort?.abort();
    this.#lifetime.end(error);
    this.#onEnd?.();
  }
}
