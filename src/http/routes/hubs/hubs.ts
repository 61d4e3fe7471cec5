/**
 * The hubs' routes: negotiation, and each hub's address, which is a WebSocket, an event stream, a poll, a post or an
 * end by what the request asks for. Statuses and texts are ASP.NET's, which SignalR clients expect; a refused key is
 * answered like anywhere else.
 */

import type { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { isEphemeralPlainKey } from "../../../accounts/keys/plain-key.ts";
import type { Principal } from "../../../accounts/principal.ts";
import { ApiError } from "../../../protocol/error.ts";
import type { HubConnectionSettings } from "../../../signalr/connection/hub-connection-options.ts";
import type { Hub } from "../../../signalr/hub.ts";
import { joinBytes } from "../../../signalr/protocols/binary-format.ts";
import { EVENT_STREAM_HEADERS } from "../../../signalr/protocols/event-stream-format.ts";
import { randomId } from "../../../signalr/transports/connection-id.ts";
import type { HubConnections } from "../../../signalr/transports/connections.ts";
import {
  HubEndpoint,
  NO_POSTS,
  NO_SUCH_CONNECTION,
  type TransportRefusal,
} from "../../../signalr/transports/endpoint.ts";
import { HubSocket } from "../../../signalr/transports/hub-socket.ts";
import type { PollReply } from "../../../signalr/transports/long-poll.ts";
import {
  answerNegotiate,
  parseNegotiateRequest,
  type TransportName,
} from "../../../signalr/transports/negotiation.ts";
import type { Frame } from "../../../sockets/frame.ts";
import {
  asksForWebSocket,
  incompleteHandshake,
  type SocketUpgrade,
} from "../../../sockets/socket-upgrade.ts";
import type { Clock } from "../../../tasks/ports/clock.ts";
import { type HttpContext, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../../exchange.ts";
import type { IdleLimit } from "../../idle-limit.ts";
import { presentedKey } from "../../middleware/credentials.ts";
import { type OriginPolicy, requireSocketOrigin } from "../../middleware/origin-policy.ts";
import { boundedBytes } from "../../request/body.ts";
import { HubEventStream } from "../../streams/hub-event-stream.ts";
import type { HubKeepAlive } from "../../streams/hub-keep-alive.ts";

const TRANSPORTS: readonly TransportName[] = ["WebSockets", "ServerSentEvents", "LongPolling"];

/** Bytes of one POST: clients batch messages while another POST is under way. A message has a far smaller limit. */
const MAX_POST_BYTES = 1_048_576;
/** Clients over their limit come back after this; a connection whose client vanished is given up within it. */
const RETRY_SECONDS = 15;

const UTF8 = new TextEncoder();
const POLL_HEADERS = {
  "content-type": "application/octet-stream",
  "cache-control": "no-cache, no-store",
  pragma: "no-cache",
} as const;

export type HubRouteDependencies = {
  /** By name: each is served at `/hubs/<name>`. */
  readonly hubs: Readonly<Record<string, Hub<Principal>>>;
  readonly connections: HubConnections<Principal>;
  readonly keepAlive: Pick<HubKeepAlive, "wake">;
  readonly connectionSettings: HubConnectionSettings;
  readonly sockets: SocketUpgrade;
  readonly origins: OriginPolicy;
  readonly host: IdleLimit;
  readonly clock: Pick<Clock, "after" | "monotonic">;
  /** True once the process is shutting down: new connections are refused. */
  readonly stopping: () => boolean;
  /** For a host that hibernates. */
  readonly hibernating?: HibernatingHost;
};

/** What is different where connections outlive the memory of their host. */
export type HibernatingHost = {
  /** A connection's secret, unguessable and URL-safe; leads every later request to the same host. */
  makeToken(): string;
  /** Whether a request for a WebSocket comes from a carrier that prints it to the client as an event stream. */
  carriesEvents(request: Request): boolean;
};

/** Where a hub is negotiated and reached: by clients of SignalR, and by those without a library. */
export const hubPaths = (name: string) => ({
  hub: `/hubs/${name}`,
  negotiate: `/hubs/${name}/negotiate`,
  negotiateBare: `/hubs/negotiate/${name}`,
});

/** Mounts the hubs; `key` authenticates and takes `access_token` from the query as well. */
export function mountHubs(app: Hono<HttpEnv>, key: HttpMiddleware, dependencies: HubRouteDependencies): void {
  for (const [name, hub] of Object.entries(dependencies.hubs)) {
    const routes = new HubRoutes(hub, dependencies);
    const { hub: path, negotiate, negotiateBare } = hubPaths(name);
    app.post(negotiate, key, (c) => routes.negotiate(c, false));
    app.post(negotiateBare, key, (c) => routes.negotiate(c, true));
    const connectionKey = keyOfConnection(key);
    app.get(path, connectionKey, (c) => routes.get(c));
    app.post(path, connectionKey, (c) => routes.post(c));
    app.delete(path, connectionKey, (c) => routes.delete(c));
  }
}

class HubRoutes {
  readonly #hub: Hub<Principal>;
  readonly #dependencies: HubRouteDependencies;
  readonly #now: () => number;

  constructor(hub: Hub<Principal>, dependencies: HubRouteDependencies) {
    this.#hub = hub;
    this.#dependencies = dependencies;
    this.#now = () => dependencies.clock.monotonic();
  }

  negotiate(c: HttpContext, bare: boolean): Response {
    const asked = parseNegotiateRequest(new URL(c.req.url, "http://host").searchParams);
    if ("error" in asked) return c.json(asked);
    const principal = principalOfExchange(c);
    this.#requirePlace(principal);
    // Its message buffer would be lost in hibernation.
    const statefulReconnect = asked.statefulReconnect && this.#dependencies.hibernating === undefined;
    const { connectionId, connectionToken } = this.#add(principal, bare, statefulReconnect);
    const offer = { connectionId, connectionToken, transports: TRANSPORTS, statefulReconnect };
    c.header("cache-control", "no-store");
    return c.json(answerNegotiate(asked, offer));
  }

  get(c: HttpContext): Response | Promise<Response> {
    const { method, headers } = c.req.raw;
    // Hono answers HEAD by way of GET and drops the body: a poll's messages would be lost with it.
    if (method === "HEAD") return c.body(null, 405);
    if (asksForWebSocket(c.req.raw)) return this.#openSocket(c);
    const endpoint = this.#find(c);
    if (!(endpoint instanceof HubEndpoint)) return refused(c, endpoint);
    if (endpoint.transport === null) this.#requirePlace(endpoint.principal);
    return headers.get("accept")?.toLowerCase().includes("text/event-stream")
      ? this.#openEvents(c, endpoint)
      : this.#poll(c, endpoint);
  }

  async post(c: HttpContext): Promise<Response> {
    const endpoint = this.#find(c);
    if (!(endpoint instanceof HubEndpoint)) return refused(c, endpoint);
    // Before its body is read: a connection that takes no posts needs none.
    if (endpoint.transport === "WebSockets") return refused(c, NO_POSTS);
    const body = await boundedBytes(c.req.raw, MAX_POST_BYTES);
    return refused(c, body === null ? CUT_OFF : endpoint.post(body, this.#now())) ?? c.body(null, 200);
  }

  delete(c: HttpContext): Response {
    const endpoint = this.#find(c);
    if (!(endpoint instanceof HubEndpoint)) return refused(c, endpoint);
    return refused(c, endpoint.terminate(this.#now())) ?? c.body(null, 202);
  }

  #openSocket(c: HttpContext): Response {
    const { sockets, origins, hibernating } = this.#dependencies;
    const request = c.req.raw;
    const transport = hibernating?.carriesEvents(request) === true ? "ServerSentEvents" : "WebSockets";
    if (transport === "WebSockets") requireSocketOrigin(request, origins);
    const id = c.req.query("id");
    let endpoint = id === undefined && transport === "WebSockets" ? null : this.#find(c);
    if (endpoint !== null && !(endpoint instanceof HubEndpoint)) return refused(c, endpoint);
    if (endpoint === null || endpoint.transport === null) this.#requirePlace(principalOfExchange(c));
    endpoint ??= this.#add(principalOfExchange(c), false, false).endpoint;
    const refusal = endpoint.claim(transport);
    if (refusal !== null) return refused(c, refusal);
    const socket = new HubSocket(endpoint, transport, this.#dependencies.clock);
    const headers = { "x-request-id": c.get("exchange").requestId };
    const response = sockets.upgrade(request, socket, { protocol: null, headers });
    if (response !== null) return response;
    // An open connection that it was to take over continues.
    if (endpoint.connection === null) endpoint.close({});
    throw incompleteHandshake();
  }

  #openEvents(c: HttpContext, endpoint: HubEndpoint<Principal>): Response {
    const { host, clock } = this.#dependencies;
    const request = c.req.raw;
    const left = () => stream.abandon();
    const stream = new HubEventStream<Principal>(clock, () => {
      request.signal.removeEventListener("abort", left);
      host.limitIdle(request);
    });
    // First: the stream may end while it opens, and then sets the limit again.
    host.keepOpen(request);
    request.signal.addEventListener("abort", left);
    const refusal = stream.open(endpoint);
    if (refusal !== null) {
      stream.abandon();
      return refused(c, refusal);
    }
    return c.body(stream.body, 200, EVENT_STREAM_HEADERS);
  }

  #poll(c: HttpContext, endpoint: HubEndpoint<Principal>): Promise<Response> {
    const { host } = this.#dependencies;
    const request = c.req.raw;
    host.keepOpen(request);
    return new Promise((resolve) => {
      const left = () => {
        endpoint.pollAbandoned(reply, this.#now());
        resolve(c.body(null, 200));
      };
      const ended = () => {
        request.signal.removeEventListener("abort", left);
        host.limitIdle(request);
      };
      const reply: PollReply = (answer) => {
        ended();
        resolve(
          answer.status === 204 ? c.body(null, 204) : c.body(joinFrames(answer.frames), 200, POLL_HEADERS),
        );
      };
      request.signal.addEventListener("abort", left);
      const refusal = endpoint.poll(reply, this.#now());
      if (refusal !== null) {
        ended();
        resolve(refused(c, refusal));
      } else if (request.signal.aborted) {
        // Cancelled while its key was being looked up: no frame may be answered to it.
        left();
      }
    });
  }

  #find(c: HttpContext): HubEndpoint<Principal> | TransportRefusal {
    const { principal } = c.get("exchange");
    const found = this.#dependencies.connections.find(
      c.req.query("id") ?? null,
      principal?.keyId ?? null,
      this.#hub,
    );
    const foreign =
      found instanceof HubEndpoint &&
      principal !== null &&
      found.principal.scope.subject !== principal.scope.subject;
    return foreign ? NO_SUCH_CONNECTION : found;
  }

  #add(principal: Principal, bare: boolean, statefulReconnect: boolean) {
    const { connections, keepAlive, connectionSettings, hibernating } = this.#dependencies;
    const [connectionId, connectionToken] = [randomId(), hibernating?.makeToken() ?? randomId()];
    const endpoint = connections.add(
      {
        token: connectionToken,
        owner: principal.keyId,
        hub: this.#hub,
        settings: connectionSettings,
        transports: TRANSPORTS,
        pings: hibernating === undefined ? "server" : "answered",
        connectionId,
        principal,
        bare,
        statefulReconnect,
      },
      this.#now(),
    );
    if (endpoint === null)
      throw tooMany("Too many hub connections were negotiated and not used. Wait for them to be forgotten");
    keepAlive.wake();
    return { endpoint, connectionId, connectionToken };
  }

  #requirePlace(principal: Principal): void {
    if (this.#dependencies.stopping())
      throw new ApiError("overloaded", "The server is shutting down. Connect again.", {
        retryAfterSeconds: 1,
      });
    if (this.#dependencies.connections.full(principal.keyId))
      throw tooMany("This key has as many hub connections open as it may have. Close one");
  }
}

const UNAUTHENTICATED = 401;
const CONFLICT = 409;
const CUT_OFF: TransportRefusal = { status: 400, body: "" };

function refused(c: HttpContext, refusal: TransportRefusal): Response;
function refused(c: HttpContext, refusal: TransportRefusal | null): Response | null;
function refused(c: HttpContext, refusal: TransportRefusal | null): Response | null {
  if (refusal === null) return null;
  // As on every other 409: asked again, the answer is the same.
  if (refusal.status === CONFLICT) c.header("x-should-retry", "false");
  return c.text(refusal.body, refusal.status as ContentfulStatusCode);
}

/**
 * What authenticates requests on a connection, whose unguessable token is a proof as well. Python's signalrcore sends no key with
 * polls (seen in 2026), and an ephemeral key that has expired ends no open connection: there the token authorises alone.
 */
export function keyOfConnection(key: HttpMiddleware): HttpMiddleware {
  return async (c, next) => {
    const request = c.req.raw;
    if (!isOnConnection(request)) return key(c, next);
    const presented = presentedKey(request, true);
    if (presented === null && request.method === "GET") return next();
    try {
      await key(c, nothingNext);
    } catch (error) {
      const expired = error instanceof ApiError && error.status === UNAUTHENTICATED;
      if (!expired || presented === null || !isEphemeralPlainKey(presented)) throw error;
    }
    return next();
  };
}

/** Whether a request is a poll, a post or an end of a connection; one that opens a transport needs a key of its own. */
export function isOnConnection(request: Request): boolean {
  if (!/[?&]id=[^&]/.test(request.url) || asksForWebSocket(request)) return false;
  return request.method !== "GET" || !request.headers.get("accept")?.includes("text/event-stream");
}

const nothingNext = () => Promise.resolve();

function tooMany(what: string): ApiError {
  return new ApiError(
    "too_many_connections",
    `${what}, or follow several tasks over one connection: each may have thousands of subscriptions.`,
    { retryAfterSeconds: RETRY_SECONDS },
  );
}

function joinFrames(frames: readonly Frame[]): string | Uint8Array<ArrayBuffer> {
  if (frames.every((frame) => typeof frame === "string")) return frames.join("");
  return joinBytes(frames.map((frame) => (typeof frame === "string" ? UTF8.encode(frame) : frame)));
}
