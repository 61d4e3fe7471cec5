/**
 * One client's SignalR connection without sockets, timers or clock: the host hands it what arrives and the time, and
 * its messages go out through a `TransportOutput`. ASP.NET's class of this name has the same task.
 *
 *   handshake ──answered──▶ starting ──onConnected──▶ open ──▶ closed
 *       └─ timeout, error ─▶ closed      with stateful reconnect: open ⇄ without transport ──timeout──▶ closed
 */

import { CLOSE_NORMAL } from "../../protocol/close-codes.ts";
import type { Frame, TopicMembership } from "../../sockets/frame.ts";
import type { CloseOptions } from "../close-options.ts";
import type { HubConnection } from "../hub.ts";
import { type BareOpening, bareProtocol, openFrame } from "../protocols/bare-mode.ts";
import { HANDSHAKE_CANCELED } from "../protocols/handshake.ts";
import { type Chunk, type HubProtocol, ProtocolError } from "../protocols/hub-protocol.ts";
import { jsonProtocol } from "../protocols/json-protocol.ts";
import { type Close, type HubMessage, MessageType, PING } from "../protocols/messages.ts";
import { ClientResults } from "./client-results.ts";
import type {
  HubConnectionOptions,
  HubConnectionSettings,
  SavedHubConnection,
  TransportOutput,
  TransportTraits,
} from "./hub-connection-options.ts";
import { HubLifetime } from "./hub-lifetime.ts";
import { CONNECTION_CLOSED_WITH_ERROR, errorText, HubError } from "./invocation-errors.ts";
import { type InvocationOwner, Invocations } from "./invocations.ts";
import { Liveness } from "./liveness.ts";
import { MessageWriter } from "./message-writer.ts";
import { PROTOCOLS, ProtocolDetector, refuseHandshake } from "./protocol-detector.ts";
import { ReceivedMessages } from "./received-messages.ts";
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
  #detector: ProtocolDetector | null;
  readonly #received = new ReceivedMessages();
  /** What the next frame of a bare client may be instead of a message. */
  #opening: BareOpening | null;
  #abort: AbortController | null = null;
  #results: ClientResults | null = null;
  readonly #mayReconnect: boolean;

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
    this.#opening = options.bare ? "handshake" : null;
    this.#detector = options.bare ? null : new ProtocolDetector(options.settings, options.transport);
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
    else if (this.#detector === null) this.#begin(bareProtocol);
  }

  /** Takes what arrived. Over a framed transport each chunk is one frame; over others a chunk may end anywhere. */
  receive(chunk: Chunk, now: number): void {
    this.#now = now;
    if (this.#state === "closed" || !this.#writer.connected) return;
    this.#liveness?.heard(now);
    try {
      if (this.#detector !== null) this.#detect(this.#detector, chunk);
      else this.#take(chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The transport has room again. */
  drained(): void {
    this.#writer.drained();
    if (!this.congested) this.#invocations.drained();
  }

  /** Does what is due. Hosts call it about once a second, or when `due` has come. */
  tick(now: number): void {
    this.#now = now;
    if (this.#state === "closed") return;
    if (this.#state === "handshake") {
      if (now >= this.#handshakeBy)
        this.#endBehind(refuseHandshake(HANDSHAKE_CANCELED).refusal, HANDSHAKE_CANCELED);
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

  /**
   * Stateful reconnect: continues over a new transport, which replaces an open one. False when that is not possible.
   */
  reconnect(output: TransportOutput, now: number): boolean {
    this.touch(now);
    if (this.#writer.numbers === null || this.#state === "closed") return false;
    this.#writer.close(CLOSE_NORMAL, "", null);
    this.#reconnectBy = Number.POSITIVE_INFINITY;
    this.#received.begin(this.#writer.protocol.createReader(this.#settings.limits));
    this.#writer.resume(output);
    if (!this.congested) this.#invocations.drained();
    return true;
  }

  /** What a hibernating host has to store, or null while there is state that hibernation would lose. */
  save(): SavedHubConnection | null {
    const quiet =
      this.#state === "open" &&
      !this.#received.waiting &&
      !this.congested &&
      this.#writer.numbers === null &&
      !this.#received.partial &&
      (this.#results?.size ?? 0) === 0;
    const streams = quiet ? this.#invocations.save() : null;
    if (streams === null || this.#liveness === null) return null;
    const { pinged, heardAt } = this.#liveness;
    return { encoding: this.#writer.protocol.encoding, pinged, heardAt, streams };
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
    if (this.#state === "starting")
      return Promise.reject(
        new HubError("Client results inside OnConnectedAsync Hub methods are not allowed."),
      );
    if (this.#state !== "open")
      return Promise.reject(new HubError(`Connection '${this.connectionId}' disconnected.`));
    this.#results ??= new ClientResults();
    if (this.#results.size >= this.#settings.maxClientResults)
      return Promise.reject(new HubError("The client owes too many answers."));
    const { invocationId, result } = this.#results.expect(this.#now + this.#settings.clientResultMs);
    this.send({ type: MessageType.Invocation, invocationId, target, arguments: args });
    return result;
  }

  abort(): void {
    this.close({});
  }

  close(options: CloseOptions): void {
    const { error, allowReconnect = false, code, reason } = options;
    if (this.#state === "handshake") {
      const text = error ?? HANDSHAKE_CANCELED;
      this.#endBehind(refuseHandshake(text).refusal, text, code, reason);
      return;
    }
    this.#end(
      {
        type: MessageType.Close,
        ...(error === undefined ? {} : { error }),
        ...(allowReconnect ? { allowReconnect } : {}),
      },
      error ?? null,
      code,
      reason,
    );
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

  #detect(detector: ProtocolDetector, chunk: Chunk): void {
    const detected = detector.push(chunk);
    if (detected === null) return;
    if ("refusal" in detected) {
      this.#endBehind(detected.refusal, null);
      return;
    }
    if (detected.answer !== null) this.#writer.transmit(detected.answer);
    if (detected.protocol === bareProtocol && detected.answer !== null) this.#opening = "separator";
    if (this.#mayReconnect && detected.numbers)
      this.#writer.numbers = new StatefulReconnect(this.#settings.replayBytes);
    this.#begin(detected.protocol);
    if (detected.rest.length > 0) this.#take(detected.rest);
  }

  #begin(protocol: HubProtocol): void {
    this.#state = "starting";
    this.#detector = null;
    this.#speak(protocol);
    this.#lifetime.begin(
      () => {
        if (this.#state === "starting") this.#state = "open";
        this.proceed();
      },
      (error) => {
        const text = errorText(CONNECTION_CLOSED_WITH_ERROR, error, this.#settings.detailedErrors);
        this.#end({ type: MessageType.Close, error: text }, text);
      },
    );
  }

  #restore(saved: SavedHubConnection): void {
    const known = [bareProtocol, ...PROTOCOLS];
    this.#state = "open";
    this.#detector = null;
    this.#opening = null;
    this.#lifetime.resume();
    const liveness = this.#speak(known.find(({ encoding }) => encoding === saved.encoding) ?? jsonProtocol);
    liveness.restore(saved);
    for (const call of saved.streams) this.#invocations.resume(call);
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
    const rest = this.#opening === null ? chunk : this.#open(this.#opening, chunk);
    this.#received.push(rest);
    this.#read();
    if (this.unread > this.#settings.maxUnread)
      throw new ProtocolError("Too much was sent while the server was busy with earlier messages.");
  }

  /** Handles the opening in a bare client's frame; returns the remainder, which belongs to the reader. */
  #open(opening: BareOpening, frame: Chunk): Chunk {
    this.#opening = null;
    const { answer, rest, signalR } = openFrame(opening, frame);
    if (answer !== null) this.#writer.transmit(answer);
    if (signalR) this.#speak(jsonProtocol);
    return rest;
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
    if (!this.#dispatch(message)) return false;
    this.#writer.numbers?.count(message, this.#now);
    return true;
  }

  #dispatch(message: HubMessage): boolean {
    switch (message.type) {
      case MessageType.Invocation:
      case MessageType.StreamInvocation:
        return this.#invocations.start(message);
      case MessageType.StreamItem:
        return this.#invocations.item(message);
      case MessageType.Completion:
        if (!this.#invocations.completeUpload(message)) this.#results?.settle(message);
        return true;
      case MessageType.CancelInvocation:
        this.#invocations.cancel(message);
        return true;
      case MessageType.Ping:
        if (this.#liveness?.ping(this.#now) === true) this.send(PING);
        return true;
      case MessageType.Close:
        this.#end({ type: MessageType.Close }, message.error ?? null);
        return true;
      case MessageType.Ack:
        this.#writer.acknowledged(message.sequenceId);
        if (!this.congested) this.#invocations.drained();
        return true;
      case MessageType.Sequence:
        this.#writer.numbers?.resequence(message.sequenceId);
        return true;
    }
  }

  #giveUp(): void {
    this.#end({ type: MessageType.Close, allowReconnect: true }, "The client reads too slowly.");
  }

  /** The client broke the protocol, or a message to it has no wire form. */
  #fail(error: unknown): void {
    if (!(error instanceof ProtocolError)) this.#settings.report(error, "hub message");
    const text = errorText(CONNECTION_CLOSED_WITH_ERROR, error, this.#settings.detailedErrors);
    this.#end({ type: MessageType.Close, error: text, allowReconnect: true }, text);
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
    this.#results?.abandon(this.connectionId);
    this.#abort?.abort();
    this.#lifetime.end(error);
    this.#onEnd?.();
  }
}
