/**
 * One connection as HTTP sees it, from negotiation to its end: which transport it is bound to, and how each HTTP
 * request on it is answered. The status codes and texts are ASP.NET's.
 */

import type { CloseOptions } from "../close-options.ts";
import { HubConnectionContext } from "../connection/hub-connection-context.ts";
import type {
  HubConnectionSettings,
  SavedHubConnection,
  TransportOutput,
  TransportTraits,
} from "../connection/hub-connection-options.ts";
import type { Hub } from "../hub.ts";
import { LongPoll, type PollReply } from "./long-poll.ts";
import type { TransportName } from "./negotiation.ts";

/** A negotiated connection that is not used is dropped after this, ms: ASP.NET's default. */
export const UNUSED_MS = 15_000;
/** What a client may post before it has opened its stream or made its first poll. */
const EARLY_BYTES = 64 * 1024;

/** Transports that stay open. */
export type StreamTransport = Exclude<TransportName, "LongPolling">;

/** A request that is turned down: its status and its `text/plain` body. */
export type TransportRefusal = { status: 400 | 404 | 405 | 409 | 413; body: string };

export const NO_SUCH_CONNECTION: TransportRefusal = { status: 404, body: "No Connection with that ID" };
export const ID_REQUIRED: TransportRefusal = { status: 400, body: "Connection ID required" };
const OTHER_TRANSPORT: TransportRefusal = { status: 400, body: "Cannot change transports mid-connection" };
const ALREADY_OPEN: TransportRefusal = { status: 409, body: "" };
export const NO_POSTS: TransportRefusal = {
  status: 405,
  body: "POST requests are not allowed for WebSocket connections.",
};
const NO_DELETES: TransportRefusal = {
  status: 400,
  body: "Cannot terminate this connection using the DELETE endpoint.",
};
const EARLY_OVERFLOW: TransportRefusal = { status: 413, body: "" };

export type EndpointOptions<P> = {
  /** Secret name, unguessable. */
  token: string;
  hub: Hub<P>;
  settings: HubConnectionSettings;
  transports: readonly TransportName[];
  /** Of WebSockets and event streams, as in `TransportTraits`. */
  pings: "server" | "answered";
  connectionId: string;
  principal: P;
  bare: boolean;
  statefulReconnect: boolean;
  /** Called once when the first transport has come. */
  onBegin(): void;
  /** Called once when the connection has ended and the client has fetched every frame, or asks no more. */
  onEnd(): void;
};

export class HubEndpoint<P> {
  readonly #options: EndpointOptions<P>;
  readonly #unusedUntil: number;
  #transport: TransportName | null = null;
  #connection: HubConnectionContext<P> | null = null;
  #longPoll: LongPoll | null = null;
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #used = false;
  #streamOver = false;
  #over = false;

  constructor(options: EndpointOptions<P>, now: number) {
    this.#options = options;
    this.#unusedUntil = now + UNUSED_MS;
  }

  get hub(): Hub<P> {
    return this.#options.hub;
  }

  get token(): string {
    return this.#options.token;
  }

  get connectionId(): string {
    return this.#options.connectionId;
  }

  get principal(): P {
    return this.#options.principal;
  }

  /** Null before a transport has come. */
  get connection(): HubConnectionContext<P> | null {
    return this.#connection;
  }

  get transport(): TransportName | null {
    return this.#transport;
  }

  /** When `tick` has something to do at the latest. */
  get due(): number {
    if (this.#over) return Number.POSITIVE_INFINITY;
    if (this.#connection === null) return this.#unusedUntil;
    return Math.min(this.#connection.due, this.#longPoll?.due ?? Number.POSITIVE_INFINITY);
  }

  /**
   * A request asks for a WebSocket or an event stream: from here on this is such a connection, and counts as in use.
   * Called first by hosts that must answer such a request before there is a transport.
   */
  claim(transport: StreamTransport): TransportRefusal | null {
    if (this.#connection !== null && this.#transport === transport)
      return this.#connection.resumable ? null : ALREADY_OPEN;
    const refusal = this.#bind(transport);
    if (refusal === null) this.#use();
    return refusal;
  }

  /** The claimed transport has opened. */
  open(
    transport: StreamTransport,
    output: TransportOutput,
    now: number,
  ): HubConnectionContext<P> | TransportRefusal {
    return transport === "WebSockets" ? this.openWebSocket(output, now) : this.openEvents(output, now);
  }

  /** Continues after the host's hibernation over a transport that has outlived it. For an endpoint just made. */
  restore(
    transport: StreamTransport,
    output: TransportOutput,
    saved: SavedHubConnection,
    now: number,
  ): HubConnectionContext<P> {
    this.#transport = transport;
    return this.#begin(output, this.#traits(transport), now, saved);
  }

  /** A WebSocket has opened; with stateful reconnect it may take over from an earlier one. */
  openWebSocket(output: TransportOutput, now: number): HubConnectionContext<P> | TransportRefusal {
    if (this.#connection !== null && this.#transport === "WebSockets")
      return this.#connection.reconnect(output, now) ? this.#connection : ALREADY_OPEN;
    const refusal = this.#bind("WebSockets");
    return refusal ?? this.#begin(output, this.#traits("WebSockets"), now);
  }

  /** An event stream has opened. */
  openEvents(output: TransportOutput, now: number): HubConnectionContext<P> | TransportRefusal {
    const refusal = this.#bind("ServerSentEvents");
    if (refusal !== null) return refusal;
    if (this.#connection !== null) return ALREADY_OPEN;
    return this.#begin(output, this.#traits("ServerSentEvents"), now);
  }

  /** The event stream has ended, whichever side ended it. */
  streamOver(): void {
    this.#streamOver = true;
    this.#endIfOver();
  }

  /** A poll; `reply` is called once, now or later, unless it is refused. */
  poll(reply: PollReply, now: number): TransportRefusal | null {
    const refusal = this.#bind("LongPolling");
    if (refusal !== null) return refusal;
    if (this.#longPoll === null) {
      this.#longPoll = new LongPoll(now, (then) =>
        this.#connection?.transportEnded(then, "The client reads too slowly."),
      );
      this.#longPoll.poll(reply, now);
      this.#begin(this.#longPoll, { binary: true, framed: false, pings: "none" }, now);
      return null;
    }
    if (this.#longPoll.poll(reply, now)) this.#connection?.drained();
    this.#endIfOver();
    return null;
  }

  /** The client has cancelled its poll. */
  pollAbandoned(reply: PollReply, now: number): void {
    this.#longPoll?.abandoned(reply, now);
  }

  /** What a client sends beside an event stream or long polling. The host bounds the body. */
  post(body: Uint8Array, now: number): TransportRefusal | null {
    if (this.#transport === "WebSockets") return NO_POSTS;
    if (this.#over) return NO_SUCH_CONNECTION;
    // What ends it is on its way: a refused POST would reach the client first, and be taken for the reason.
    if (this.#connection?.closed === true)
      return this.#transport === "ServerSentEvents" ? null : NO_SUCH_CONNECTION;
    if (this.#connection !== null) {
      this.#connection.receive(body, now);
      return null;
    }
    this.#earlyBytes += body.length;
    if (this.#earlyBytes > EARLY_BYTES) return EARLY_OVERFLOW;
    this.#early.push(body);
    return null;
  }

  /** The client ends its long polling. */
  terminate(now: number): TransportRefusal | null {
    if (this.#transport !== "LongPolling") return NO_DELETES;
    this.#connection?.transportEnded(now);
    this.#longPoll?.cut();
    this.#end();
    return null;
  }

  /** Does what is due. */
  tick(now: number): void {
    if (this.#over) return;
    if (this.#connection === null) {
      if (now >= this.#unusedUntil) this.#end();
      return;
    }
    this.#connection.tick(now);
    if (this.#longPoll?.tick(now) === true) {
      this.#connection.transportEnded(now, "The client stopped polling.");
      this.#end();
    }
  }

  /** Ends it with a Close message: why, and whether to reconnect. */
  close(options: CloseOptions): void {
    if (this.#connection === null) this.#end();
    else this.#connection.close(options);
  }

  #bind(transport: TransportName): TransportRefusal | null {
    if (this.#over) return NO_SUCH_CONNECTION;
    if (!this.#options.transports.includes(transport))
      return { status: 404, body: `${transport} transport not supported by this end point type` };
    if (this.#transport !== null && this.#transport !== transport) return OTHER_TRANSPORT;
    this.#transport = transport;
    return null;
  }

  #traits(transport: StreamTransport): TransportTraits {
    const carriesFrames = transport === "WebSockets";
    return { binary: carriesFrames, framed: carriesFrames, pings: this.#options.pings };
  }

  #begin(
    output: TransportOutput,
    traits: TransportTraits,
    now: number,
    saved?: SavedHubConnection,
  ): HubConnectionContext<P> {
    const { hub, settings, connectionId, principal, bare, statefulReconnect } = this.#options;
    const connection = new HubConnectionContext(
      {
        hub,
        settings,
        output,
        connectionId,
        principal,
        transport: traits,
        bare: bare && traits.framed,
        statefulReconnect: statefulReconnect && traits.framed,
        onEnd: () => this.#endIfOver(),
      },
      now,
    );
    this.#connection = connection;
    this.#use();
    connection.open(saved);
    for (const body of this.#early.splice(0)) connection.receive(body, now);
    return connection;
  }

  #use(): void {
    if (this.#used) return;
    this.#used = true;
    this.#options.onBegin();
  }

  /**
   * With server-sent events the endpoint stays until the stream has ended, with long polling until the last frames were
   * fetched and a request after them was answered.
   */
  #endIfOver(): void {
    if (this.#connection?.closed !== true) return;
    if (this.#transport === "ServerSentEvents" && !this.#streamOver) return;
    if (this.#longPoll === null || this.#longPoll.finished) this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.onEnd();
  }
}
