/**
 * One client's SignalR connection without sockets, timers or clock: the host feeds it chunks and the time, and
 * carries out what it says through an `Outlet`.
 *
 *   handshake ──answered──▶ starting ──onConnected──▶ open ──▶ closed
 *       └─ timeout, error ─▶ closed      with stateful reconnect: open ⇄ without transport ──timeout──▶ closed
 */

import type { Frame, TopicMembership } from "../../sockets/frame.ts";
import type { CloseOptions } from "../close-options.ts";
import type { Hub, HubConnection } from "../hub.ts";
import { type BareOpening, bareProtocol, openFrame } from "../protocols/bare-mode.ts";
import { HANDSHAKE_CANCELED } from "../protocols/handshake.ts";
import {
  type Chunk,
  type HubProtocol,
  type MessageReader,
  ProtocolError,
} from "../protocols/hub-protocol.ts";
import { jsonProtocol } from "../protocols/json-protocol.ts";
import { type Close, type HubMessage, MessageType, PING } from "../protocols/messages.ts";
import { ClientResults } from "./client-results.ts";
import { CONNECTION_CLOSED_WITH_ERROR, describeError, HubError } from "./invocation-errors.ts";
import { type InvocationOwner, Invocations } from "./invocations.ts";
import { Liveness } from "./liveness.ts";
import { Voice } from "./message-writer.ts";
import { Greeting, PROTOCOLS, refuse } from "./protocol-detection.ts";
import type { Outlet, SavedSession, SessionOptions, SessionSettings, TransportTraits } from "./settings.ts";
import { StatefulReconnect } from "./stateful-reconnect.ts";

/** The WebSocket close code of an orderly end. */
const NORMAL_CLOSURE = 1000;

type State = "handshake" | "starting" | "open" | "closed";

export class HubSession<P> implements HubConnection<P>, InvocationOwner<P> {
  readonly connectionId: string;
  readonly principal: P;
  readonly #hub: Hub<P>;
  readonly #settings: SessionSettings;
  readonly #transport: TransportTraits;
  readonly #onEnd: (() => void) | undefined;
  readonly #invocations: Invocations<P>;
  readonly #voice: Voice;
  #state: State = "handshake";
  #greeting: Greeting | null;
  #reader: MessageReader | null = null;
  /** A message read, which has to wait. */
  #held: HubMessage | null = null;
  #reading = false;
  /** What the next frame of a bare client may be besides a message. */
  #opening: BareOpening | null;
  #abort: AbortController | null = null;
  #results: ClientResults | null = null;
  /** Whether `onConnected` succeeded. */
  #connected: Promise<boolean> = Promise.resolve(false);
  readonly #mayReconnect: boolean;

  /** The latest time the host told. */
  #now: number;
  /** When the handshake must be there. */
  readonly #handshakeBy: number;
  /** From the handshake on. */
  #liveness: Liveness | null = null;
  #reconnectBy = Number.POSITIVE_INFINITY;

  /** `now`: milliseconds on any clock that never goes back, the same for all calls. */
  constructor(options: SessionOptions<P>, now: number) {
    this.connectionId = options.connectionId;
    this.principal = options.principal;
    this.#hub = options.hub;
    this.#settings = options.settings;
    this.#transport = options.transport;
    this.#onEnd = options.onEnd;
    this.#voice = new Voice(options.bare ? bareProtocol : jsonProtocol, options.outlet);
    this.#mayReconnect = options.statefulReconnect;
    this.#invocations = new Invocations(this, options.hub, options.settings);
    this.#opening = options.bare ? "handshake" : null;
    this.#greeting = options.bare ? null : new Greeting(options.settings, options.transport);
    this.#now = now;
    this.#handshakeBy = now + options.settings.handshakeTimeoutMs;
  }

  /** What hubs see of it. */
  get connection(): HubConnection<P> {
    return this;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#state === "closed") this.#abort.abort();
    return this.#abort.signal;
  }

  get congested(): boolean {
    return this.#voice.congested;
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  /** Means nothing before the handshake is done. */
  get encoding(): HubProtocol["encoding"] {
    return this.#voice.protocol.encoding;
  }

  /** Numbered messages may not come past this session. */
  get topics(): TopicMembership | null {
    return this.#voice.numbers === null ? this.#voice.topics : null;
  }

  get waiting(): boolean {
    return this.#voice.waiting;
  }

  /** Whether it could go on over another transport. */
  get resumable(): boolean {
    return this.#voice.numbers !== null && this.#state !== "closed";
  }

  /** Length of what was received and waits. A host that can slow its client down does so while this grows. */
  get unread(): number {
    return this.#reader?.unread ?? 0;
  }

  /** When `tick` has something to do at the latest. */
  get due(): number {
    if (this.#state === "closed") return Number.POSITIVE_INFINITY;
    if (this.#state === "handshake") return this.#handshakeBy;
    if (!this.#voice.connected) return this.#reconnectBy;
    return Math.min(
      this.#liveness?.due ?? Number.POSITIVE_INFINITY,
      this.#results?.due ?? Number.POSITIVE_INFINITY,
      this.#voice.numbers?.ackDue ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Begins; call it once, before anything else. A bare client is connected at once, or goes on as it was saved. */
  open(saved?: SavedSession): void {
    if (saved !== undefined) this.#restore(saved);
    else if (this.#greeting === null) this.#begin(bareProtocol);
  }

  /** Takes what arrived. Over a framed transport each chunk is one frame; elsewhere cuts mean nothing. */
  receive(chunk: Chunk, now: number): void {
    this.#now = now;
    if (this.#state === "closed" || !this.#voice.connected) return;
    if (this.#liveness !== null) this.#liveness.heardAt = now;
    try {
      if (this.#greeting !== null) this.#greet(this.#greeting, chunk);
      else this.#take(chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The transport has room again. */
  drained(): void {
    this.#voice.drained();
    if (!this.congested) this.#invocations.drained();
  }

  /** Does what is due. Hosts call it about once a second, or when `due` has come. */
  tick(now: number): void {
    this.#now = now;
    if (this.#state === "closed") return;
    if (this.#state === "handshake") {
      if (now >= this.#handshakeBy) this.#refuse(refuse(HANDSHAKE_CANCELED).refusal, HANDSHAKE_CANCELED);
      return;
    }
    this.#results?.expire(now);
    if (!this.#voice.connected) {
      if (now >= this.#reconnectBy) this.#end(null, "The client did not reconnect in time.");
      return;
    }
    // While reading is held up, silence is ours and not the client's.
    if (this.#liveness !== null && this.#held !== null) this.#liveness.heardAt = now;
    const due = this.#liveness?.check(now);
    if (due === "idle") this.close({ error: "Connection was idle for too long." });
    else if (due === "timeout")
      this.#end({ type: MessageType.Close, allowReconnect: true }, "The client was silent for too long.");
    else if (due === "ping") this.send(PING);
    const ack = this.#voice.numbers?.takeAck(now) ?? null;
    if (ack !== null) this.send(ack);
  }

  /** Counts as a sign of life: the host did something for this client that the session did not see. */
  touch(now: number): void {
    this.#now = now;
    if (this.#liveness !== null) this.#liveness.heardAt = now;
  }

  /** The host has answered a ping of the client by itself, at `at`. */
  pingAnswered(at: number): void {
    if (this.#liveness === null) return;
    this.#liveness.pinged = true;
    this.#liveness.heardAt = Math.max(this.#liveness.heardAt, at);
  }

  /**
   * The transport has ended by itself, `error` telling why if not normally. With stateful reconnect the session
   * waits for `reconnect`.
   */
  transportEnded(now: number, error: string | null = null): void {
    this.#now = now;
    if (this.#state === "closed") return;
    if (this.#voice.numbers !== null) {
      this.#voice.lose();
      this.#reconnectBy = now + this.#settings.reconnectMs;
      return;
    }
    if (this.#state === "open" && this.#held === null && this.#reader?.partial === true)
      this.#fail(new ProtocolError("Connection terminated while reading a message."));
    else this.#end(null, error);
  }

  /** Stateful reconnect: goes on over a new transport, which replaces a living one. False when that is not possible. */
  reconnect(outlet: Outlet, now: number): boolean {
    this.touch(now);
    if (this.#voice.numbers === null || this.#state === "closed") return false;
    this.#voice.close(NORMAL_CLOSURE, "");
    this.#reconnectBy = Number.POSITIVE_INFINITY;
    this.#reader = this.#voice.protocol.createReader(this.#settings.limits);
    this.#held = null;
    this.#voice.resume(outlet);
    if (!this.congested) this.#invocations.drained();
    return true;
  }

  /** What a sleeping host has to keep, or null while something is under way that sleep would lose. */
  save(): SavedSession | null {
    const quiet =
      this.#state === "open" &&
      this.#held === null &&
      !this.congested &&
      this.#voice.numbers === null &&
      this.#reader?.partial !== true &&
      (this.#results?.size ?? 0) === 0;
    const streams = quiet ? this.#invocations.save() : null;
    if (streams === null || this.#liveness === null) return null;
    const { pinged, heardAt } = this.#liveness;
    return { encoding: this.#voice.protocol.encoding, pinged, heardAt, streams };
  }

  push(target: string, ...args: unknown[]): void {
    this.send({ type: MessageType.Invocation, target, arguments: args });
  }

  pushEncoded(frame: Frame): void {
    if (this.#state === "closed" || this.#state === "handshake") return;
    if (!this.#voice.deliver(frame, true)) this.#giveUp();
  }

  bufferedBytes(): number {
    return this.#voice.bufferedBytes();
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
      this.#voice.transmit(refuse(text).refusal);
      this.#end(null, text, code, reason);
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
      if (!this.#voice.say(message)) this.#giveUp();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Goes on reading what waited. */
  proceed(): void {
    try {
      this.#read();
    } catch (error) {
      this.#fail(error);
    }
  }

  #greet(greeting: Greeting, chunk: Chunk): void {
    const greeted = greeting.push(chunk);
    if (greeted === null) return;
    if ("refusal" in greeted) {
      this.#refuse(greeted.refusal, null);
      return;
    }
    if (greeted.answer !== null) this.#voice.transmit(greeted.answer);
    if (greeted.protocol === bareProtocol && greeted.answer !== null) this.#opening = "separator";
    if (this.#mayReconnect && greeted.numbers)
      this.#voice.numbers = new StatefulReconnect(this.#settings.replayBytes);
    this.#begin(greeted.protocol);
    if (greeted.rest.length > 0) this.#take(greeted.rest);
  }

  #begin(protocol: HubProtocol): void {
    this.#state = "starting";
    this.#greeting = null;
    this.#speak(protocol);
    const failed = (error: unknown) => {
      this.#settings.report(error, "hub onConnected");
      const text = describeError(CONNECTION_CLOSED_WITH_ERROR, error, this.#settings.detailedErrors);
      this.#end({ type: MessageType.Close, error: text }, text);
      return false;
    };
    const succeeded = () => {
      if (this.#state === "starting") this.#state = "open";
      this.proceed();
      return true;
    };
    try {
      const connecting = this.#hub.onConnected(this);
      if (connecting instanceof Promise) this.#connected = connecting.then(succeeded, failed);
      else {
        this.#connected = Promise.resolve(true);
        succeeded();
      }
    } catch (error) {
      this.#connected = Promise.resolve(false);
      failed(error);
    }
  }

  #restore(saved: SavedSession): void {
    const known = [bareProtocol, ...PROTOCOLS];
    this.#state = "open";
    this.#greeting = null;
    this.#opening = null;
    this.#connected = Promise.resolve(true);
    const liveness = this.#speak(known.find(({ encoding }) => encoding === saved.encoding) ?? jsonProtocol);
    liveness.pinged = saved.pinged;
    liveness.heardAt = saved.heardAt;
    for (const call of saved.streams) this.#invocations.resume(call);
  }

  /** From here on the protocol is known. */
  #speak(protocol: HubProtocol): Liveness {
    this.#voice.protocol = protocol;
    this.#reader = protocol.createReader(this.#settings.limits);
    const pings = protocol === bareProtocol ? "bare" : this.#transport.pings;
    this.#liveness = new Liveness(this.#settings, pings, this.#now);
    return this.#liveness;
  }

  #refuse(refusal: Frame, error: string | null): void {
    this.#voice.transmit(refusal);
    this.#end(null, error);
  }

  #take(chunk: Chunk): void {
    // First: it may change the reader.
    const rest = this.#opening === null ? chunk : this.#open(this.#opening, chunk);
    this.#reader?.push(rest);
    this.#read();
    if (this.unread > this.#settings.maxUnread)
      throw new ProtocolError("Too much was sent while the server was busy with earlier messages.");
  }

  /** What a bare client's frame leaves for the reader when its opening has been dealt with. */
  #open(opening: BareOpening, frame: Chunk): Chunk {
    this.#opening = null;
    const { answer, rest, signalR } = openFrame(opening, frame);
    if (answer !== null) this.#voice.transmit(answer);
    if (signalR) this.#speak(jsonProtocol);
    return rest;
  }

  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#state === "open" && this.#voice.connected) {
        const message: HubMessage | null = this.#held ?? this.#reader?.next() ?? null;
        this.#held = null;
        if (message === null) return;
        if (this.#handle(message)) continue;
        this.#held = message;
        return;
      }
    } finally {
      this.#reading = false;
    }
  }

  /** False when the message has to wait. */
  #handle(message: HubMessage): boolean {
    if (this.#voice.numbers?.skips(message) === true) return true;
    if (!this.#dispatch(message)) return false;
    this.#voice.numbers?.count(message, this.#now);
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
        this.#voice.acknowledged(message.sequenceId);
        if (!this.congested) this.#invocations.drained();
        return true;
      case MessageType.Sequence:
        this.#voice.numbers?.resequence(message.sequenceId);
        return true;
    }
  }

  #giveUp(): void {
    this.#end({ type: MessageType.Close, allowReconnect: true }, "The client reads too slowly.");
  }

  /** The client broke the protocol, or something was to be said that has no wire form. */
  #fail(error: unknown): void {
    if (!(error instanceof ProtocolError)) this.#settings.report(error, "hub message");
    const text = describeError(CONNECTION_CLOSED_WITH_ERROR, error, this.#settings.detailedErrors);
    this.#end({ type: MessageType.Close, error: text, allowReconnect: true }, text);
  }

  #end(close: Close | null, error: string | null, code = NORMAL_CLOSURE, reason = ""): void {
    if (this.#state === "closed") return;
    if (close !== null) this.#voice.transmit(this.#voice.protocol.write(close));
    this.#state = "closed";
    this.#voice.close(code, reason);
    this.#held = null;
    this.#reader = null;
    this.#voice.numbers = null;
    this.#invocations.dispose();
    this.#results?.abandon(this.connectionId);
    this.#abort?.abort();
    void this.#connected
      .then((connected) => (connected ? this.#hub.onDisconnected(this, error) : undefined))
      .catch((error: unknown) => this.#settings.report(error, "hub onDisconnected"));
    this.#onEnd?.();
  }
}
