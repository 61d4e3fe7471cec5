/** What a hub connection is made with: its settings, its transport's traits and the port through which it sends. */

import type { Frame, TopicMembership } from "../../sockets/frame.ts";
import type { Hub } from "../hub.ts";
import type { HubProtocol, ProtocolLimits } from "../protocols/hub-protocol.ts";
import { DEFAULT_PROTOCOL_LIMITS } from "../protocols/hub-protocol.ts";
import type { StreamInvocation } from "../protocols/messages.ts";
import type { InvocationSettings } from "./invocations.ts";

export type HubConnectionSettings = InvocationSettings & {
  limits: ProtocolLimits;
  handshakeTimeoutMs: number;
  /** Between the server's pings. */
  keepAliveMs: number;
  /** Silence after which a client that has pinged once is closed. */
  clientTimeoutMs: number;
  /** Silence after which a bare client, which need not ping, is closed. */
  bareIdleMs: number;
  /** Length of input that may wait while a call or a full upload holds up reading. */
  maxUnread: number;
  /** Stateful reconnect: bytes that may be on their way unacknowledged, and as many again that wait. */
  replayBytes: number;
  /** Stateful reconnect: how long a client may be without a transport. */
  reconnectMs: number;
  /** How long a client may take to answer a call. */
  clientResultMs: number;
  /** Answers a client may owe at once. */
  maxClientResults: number;
};

/** ASP.NET's defaults where it has one; errors are not reported. */
export const DEFAULT_HUB_CONNECTION_SETTINGS: HubConnectionSettings = {
  detailedErrors: false,
  maxStreams: 100,
  streamBufferItems: 10,
  report: () => undefined,
  limits: DEFAULT_PROTOCOL_LIMITS,
  handshakeTimeoutMs: 15_000,
  keepAliveMs: 15_000,
  clientTimeoutMs: 30_000,
  bareIdleMs: 3_600_000,
  maxUnread: 1024 * 1024,
  replayBytes: 100_000,
  reconnectMs: 15_000,
  clientResultMs: 60_000,
  maxClientResults: 100,
};

/** The sending half of a transport. */
export interface TransportOutput {
  /**
   * Takes a frame of whole messages: Microsoft's JavaScript client fails over a message split between two frames (seen
   * with 10.0.11). False when the transport is congested: streams then wait for `drained`. MUST NOT throw.
   */
  send(frame: Frame): boolean;
  /**
   * Sends `last`, unless it is null, and ends the transport once everything sent is out. MUST NOT throw, nor call back
   * into the connection.
   */
  close(code: number, reason: string, last: Frame | null): void;
  /** Bytes taken and not yet handed to the network. Asked often. */
  bufferedBytes(): number;
  /** Whether what was sent waits for the client to ask for it, as between two polls. */
  readonly waiting: boolean;
  /** Membership in the host's native topics; null where every frame has to be handed to `send`. */
  readonly topics: TopicMembership | null;
  /**
   * When the host last answered a ping of the client by itself, on the clock of the connection's `now`; null: not yet.
   * Present where a host does that. Asked before every decision about the client's silence.
   */
  pingAnsweredAt?(): number | null;
  /** When `send` was last called, on the same clock; null: not yet. */
  sentAt?(): number | null;
}

/** What a transport can do. */
export type TransportTraits = {
  /** Carries bytes: all but server-sent events. */
  binary: boolean;
  /** Keeps the boundaries of frames, without which bare clients cannot be recognised: WebSockets only. */
  framed: boolean;
  /**
   * `server`: the connection pings by its own timer. `answered`: it answers the client's pings, and pings when a host
   * that may hibernate looks at it after a silence of its own. `none`: neither side pings, as over long polling.
   */
  pings: "server" | "answered" | "none";
};

export type HubConnectionOptions<P> = {
  hub: Hub<P>;
  settings: HubConnectionSettings;
  output: TransportOutput;
  /** Public id, as negotiated. */
  connectionId: string;
  principal: P;
  transport: TransportTraits;
  /** The client said at negotiate that it has no SignalR library. */
  bare: boolean;
  /** Both sides agreed at negotiate; the handshake decides. */
  statefulReconnect: boolean;
  /** Called once when the connection has ended. */
  onEnd?: () => void;
};

/** What a hibernating host stores of a connection; it can be written as JSON. */
export type SavedHubConnection = {
  readonly encoding: HubProtocol["encoding"];
  readonly pinged: boolean;
  /** When the client was last heard, on the clock of the connection's `now`. */
  readonly heardAt: number;
  /** Open streams, as the client asked for them. */
  readonly streams: readonly StreamInvocation[];
};
