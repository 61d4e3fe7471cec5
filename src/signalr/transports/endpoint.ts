/**
 * One connection as its URL sees it, from negotiation to its end: which transport it is bound to, and what each HTTP
 * request on it is answered. The status codes and texts are ASP.NET's.
 */

import type { CloseOptions } from "../close-options.ts";
import { HubSession } from "../connection/connection.ts";
import type { Outlet, SavedSession, SessionSettings, TransportTraits } from "../connection/settings.ts";
import type { Hub } from "../hub.ts";
import { LongPoll, type PollReply } from "./long-poll.ts";
import type { TransportName } from "./negotiation.ts";

/** A negotiated connection that nobody uses is forgotten after this. */
export const UNUSED_MS = 15_000;
/** What a client may post before it has opened its stream or made its first poll. */
const EARLY_BYTES = 64 * 1024;

/** Transports that stay open. */
export type StreamTransport = Exclude<TransportName, "LongPolling">;

/** A request that is turned down: its status and its `text/plain` body. */
export type Refusal = { status: 400 | 404 | 405 | 409 | 413; body: string };

export const NO_SUCH_CONNECTION: Refusal = { status: 404, body: "No Connection with that ID" };
export const ID_REQUIRED: Refusal = { status: 400, body: "Connection ID required" };
const OTHER_TRANSPORT: Refusal = { status: 400, body: "Cannot change transports mid-connection" };
const ALREADY_OPEN: Refusal = { status: 409, body: "" };
export const NO_POSTS: Refusal = {
  status: 405,
  body: "POST requests are not allowed for WebSocket connections.",
};
const NO_DELETES: Refusal = {
  status: 400,
  body: "Cannot terminate this connection using the DELETE endpoint.",
};
const TOO_EARLY_TOO_MUCH: Refusal = { status: 413, body: "" };

export type EndpointOptions<P> = {
  /** Secret name, unguessable. */
  token: string;
  hub: Hub<P>;
  settings: SessionSettings;
  transports: readonly TransportName[];
  /** Whether the host wakes up by itself to ping WebSockets and event streams, or leaves that to clients and carriers. */
  pings: "server" | "answered";
  connectionId: string;
  principal: P;
  bare: boolean;
  statefulReconnect: boolean;
  /** Called once when the first transport has come. */
  onBegin(): void;
  /** Called once when the connection is over and everything has been heard. */
  onEnd(): void;
};

export class HubEndpoint<P> {
  readonly #options: EndpointOptions<P>;
  readonly #unusedUntil: number;
  #transport: TransportName | null = null;
  #session: HubSession<P> | null = null;
  #longPoll: LongPoll | null = null;
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #used = false;
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
  get session(): HubSession<P> | null {
    return this.#session;
  }

  get transport(): TransportName | null {
    return this.#transport;
  }

  /** When `tick` has something to do at the latest. */
  get due(): number {
    if (this.#over) return Number.POSITIVE_INFINITY;
    if (this.#session === null) return this.#unusedUntil;
    return Math.min(this.#session.due, this.#longPoll?.due ?? Number.POSITIVE_INFINITY);
  }

  /**
   * A request wants to become a WebSocket or an event stream: from here on this is such a connection, and counts as in
   * use. Hosts that must answer such a request before there is a transport ask this first.
   */
  claim(transport: StreamTransport): Refusal | null {
    if (this.#session !== null && this.#transport === transport)
      return this.#session.resumable ? null : ALREADY_OPEN;
    const refusal = this.#bind(transport);
    if (refusal === null) this.#use();
    return refusal;
  }

  /** The claimed transport is there. */
  open(transport: StreamTransport, outlet: Outlet, now: number): HubSession<P> | Refusal {
    return transport === "WebSockets" ? this.openWebSocket(outlet, now) : this.openEvents(outlet, now);
  }

  /** Goes on, in a new life of the host, over a transport that has outlived the last one. For an endpoint just made. */
  restore(transport: StreamTransport, outlet: Outlet, saved: SavedSession, now: number): HubSession<P> {
    this.#transport = transport;
    return this.#begin(outlet, this.#traits(transport), now, saved);
  }

  /** A WebSocket wants to begin, or with stateful reconnect to take over. */
  openWebSocket(outlet: Outlet, now: number): HubSession<P> | Refusal {
    if (this.#session !== null && this.#transport === "WebSockets")
      return this.#session.reconnect(outlet, now) ? this.#session : ALREADY_OPEN;
    const refusal = this.#bind("WebSockets");
    return refusal ?? this.#begin(outlet, this.#traits("WebSockets"), now);
  }

  /** An event stream wants to begin. */
  openEvents(outlet: Outlet, now: number): HubSession<P> | Refusal {
    const refusal = this.#bind("ServerSentEvents");
    if (refusal !== null) return refusal;
    if (this.#session !== null) return ALREADY_OPEN;
    return this.#begin(outlet, this.#traits("ServerSentEvents"), now);
  }

  /** A poll; `reply` is called once, now or later, unless it is refused. */
  poll(reply: PollReply, now: number): Refusal | null {
    const refusal = this.#bind("LongPolling");
    if (refusal !== null) return refusal;
    if (this.#longPoll === null) {
      this.#longPoll = new LongPoll(now, (then) =>
        this.#session?.transportEnded(then, "The client reads too slowly."),
      );
      this.#longPoll.poll(reply, now);
      this.#begin(this.#longPoll, { binary: true, framed: false, pings: "none" }, now);
      return null;
    }
    if (this.#longPoll.poll(reply, now)) this.#session?.drained();
    this.#endIfHeard();
    return null;
  }

  /** The client gave up its poll. */
  pollAbandoned(reply: PollReply, now: number): void {
    this.#longPoll?.abandoned(reply, now);
  }

  /** What a client sends over event streams and long polling. The host bounds the body. */
  post(body: Uint8Array, now: number): Refusal | null {
    if (this.#transport === "WebSockets") return NO_POSTS;
    if (this.#over || this.#session?.closed === true) return NO_SUCH_CONNECTION;
    if (this.#session !== null) {
      this.#session.receive(body, now);
      return null;
    }
    this.#earlyBytes += body.length;
    if (this.#earlyBytes > EARLY_BYTES) return TOO_EARLY_TOO_MUCH;
    this.#early.push(body);
    return null;
  }

  /** The client ends its long polling. */
  terminate(now: number): Refusal | null {
    if (this.#transport !== "LongPolling") return NO_DELETES;
    this.#session?.transportEnded(now);
    this.#longPoll?.cut();
    this.#end();
    return null;
  }

  /** Does what is due. */
  tick(now: number): void {
    if (this.#over) return;
    if (this.#session === null) {
      if (now >= this.#unusedUntil) this.#end();
      return;
    }
    this.#session.tick(now);
    if (this.#longPoll?.tick(now) === true) {
      this.#session.transportEnded(now, "The client stopped polling.");
      this.#end();
    }
  }

  /** Ends it, telling the client why and whether to come back. */
  close(options: CloseOptions): void {
    if (this.#session === null) this.#end();
    else this.#session.close(options);
  }

  #bind(transport: TransportName): Refusal | null {
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

  #begin(outlet: Outlet, traits: TransportTraits, now: number, saved?: SavedSession): HubSession<P> {
    const { hub, settings, connectionId, principal, bare, statefulReconnect } = this.#options;
    const session = new HubSession(
      {
        hub,
        settings,
        outlet,
        connectionId,
        principal,
        transport: traits,
        bare: bare && traits.framed,
        statefulReconnect: statefulReconnect && traits.framed,
        onEnd: () => this.#endIfHeard(),
      },
      now,
    );
    this.#session = session;
    this.#use();
    session.open(saved);
    for (const body of this.#early.splice(0)) session.receive(body, now);
    return session;
  }

  #use(): void {
    if (this.#used) return;
    this.#used = true;
    this.#options.onBegin();
  }

  /** Long polling outlives its session until the last words were fetched. */
  #endIfHeard(): void {
    if (this.#session?.closed !== true) return;
    if (this.#longPoll === null || this.#longPoll.finished) this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.onEnd();
  }
}
