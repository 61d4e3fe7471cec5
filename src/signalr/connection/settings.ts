/** What a session is made of: its limits, its transport and its voice. */

import type { Frame, TopicMembership } from "../../sockets/frame.ts";
import type { Hub } from "../hub.ts";
import type { HubProtocol, ProtocolLimits } from "../protocols/hub-protocol.ts";
import { DEFAULT_PROTOCOL_LIMITS } from "../protocols/hub-protocol.ts";
import type { StreamInvocation } from "../protocols/messages.ts";
import type { InvocationSettings } from "./invocations.ts";

export type SessionSettings = InvocationSettings & {
  limits: ProtocolLimits;
  handshakeTimeoutMs: number;
  /** Between the server's pings. */
  keepAliveMs: number;
  /** Silence after which a client that has pinged once is taken for dead. */
  clientTimeoutMs: number;
  /** Silence after which a bare client, which need not ping, is taken for dead. */
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

/** ASP.NET's defaults where it has one; nobody hears of errors. */
export const DEFAULT_SESSION_SETTINGS: SessionSettings = {
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

/** What the session has to say, and to whom. */
export interface Outlet {
  /** Takes a frame of whole messages. False when the transport is congested: streams wait for `drained`. MUST NOT throw. */
  send(frame: Frame): boolean;
  /** Ends the transport once everything sent is out. MUST NOT throw, nor call back into the session. */
  close(code: number, reason: string): void;
  /** Bytes taken and not yet handed to the network. Asked often. */
  bufferedBytes(): number;
  /** Whether what was sent waits for the client to ask for it, as between two polls. */
  readonly waiting: boolean;
  /** Membership in the host's native fan-out; null where every frame has to come by `send`. */
  readonly topics: TopicMembership | null;
}

/** What a transport can do. */
export type TransportTraits = {
  /** Carries bytes: all but server-sent events. */
  binary: boolean;
  /** Keeps the boundaries of frames, without which bare clients cannot be told: WebSockets only. */
  framed: boolean;
  /** `server`: the session pings on time. `answered`: only the client's pings are answered, as fits a host that sleeps. `none`: long polling. */
  pings: "server" | "answered" | "none";
};

export type SessionOptions<P> = {
  hub: Hub<P>;
  settings: SessionSettings;
  outlet: Outlet;
  /** Public id, as negotiated. */
  connectionId: string;
  principal: P;
  transport: TransportTraits;
  /** The client said at negotiate that it has no SignalR library. */
  bare: boolean;
  /** Both sides agreed at negotiate; the handshake decides. */
  statefulReconnect: boolean;
  /** Called once when the session has ended. */
  onEnd?: () => void;
};

/** What a sleeping host keeps of a session; it can be written as JSON. */
export type SavedSession = {
  readonly encoding: HubProtocol["encoding"];
  readonly pinged: boolean;
  /** On the clock that the session was told. */
  readonly heardAt: number;
  /** Open streams, as the client asked for them. */
  readonly streams: readonly StreamInvocation[];
};
