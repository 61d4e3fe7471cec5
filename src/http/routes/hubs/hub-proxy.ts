/**
 * The hubs' routes where connections are held by shards elsewhere: finds out who asks, and hands the request to the
 * shard that holds the connection. What is said there comes back as it is; only event streams are printed here.
 */

import type { Hono } from "hono";
import type { AccountStore } from "../../../accounts/keys/account-store.ts";
import { parseHubToken, type ShardAddress, shardName } from "../../../hubs/sharding/shard-address.ts";
import { type ShardRequestOptions, writeShardRequest } from "../../../hubs/sharding/shard-request.ts";
import { KEY_END, type KeyEnd } from "../../../protocol/close-codes.ts";
import { ApiError } from "../../../protocol/error.ts";
import { EVENT_STREAM_HEADERS } from "../../../signalr/protocols/event-stream-format.ts";
import {
  ID_REQUIRED,
  NO_SUCH_CONNECTION,
  type TransportRefusal,
} from "../../../signalr/transports/endpoint.ts";
import { asksForWebSocket } from "../../../sockets/socket-upgrade.ts";
import { type HttpContext, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../../exchange.ts";
import { type OriginPolicy, requireSocketOrigin } from "../../middleware/origin-policy.ts";
import { hubPaths, keyOfConnection } from "./hubs.ts";

/** A shard that was restarted is back by then. */
const RETRY_SECONDS = 1;
/** A shard's answer when the key has as many connections there as it may have. */
const FULL = 429;

/** The shards, each reached by its name. */
export interface HubShards {
  /** Hands a request to a shard. Its answer may carry a WebSocket. Rejects when the shard cannot be reached. */
  ask(shard: string, request: Request): Promise<Response>;
  /** Prints what comes over the WebSocket of an answer as an event stream; null when it carries none. */
  printEvents(answer: Response): PrintedEvents | null;
  /** Ends every connection of the shard's key. Rejects when the shard cannot be reached. */
  closeKey(shard: string, why: KeyEnd): Promise<void>;
}

export interface PrintedEvents {
  readonly body: ReadableStream<Uint8Array>;
  /** The client has left. */
  abandon(): void;
}

export type HubProxyDependencies = {
  /** Of the hubs. */
  readonly names: readonly string[];
  readonly shards: HubShards;
  readonly shardsPerKey: number;
  readonly keys: Pick<AccountStore, "getKey">;
  readonly origins: OriginPolicy;
};

/** Mounts the hubs; `key` authenticates and takes `access_token` from the query as well. */
export function mountHubProxy(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  dependencies: HubProxyDependencies,
): void {
  const proxy = new HubProxy(dependencies);
  for (const name of dependencies.names) {
    const { hub, negotiate, negotiateBare } = hubPaths(name);
    app.post(negotiate, key, (c) => proxy.connect(c));
    app.post(negotiateBare, key, (c) => proxy.connect(c));
    const connectionKey = keyOfConnection(key);
    app.get(hub, connectionKey, (c) => proxy.get(c));
    app.post(hub, connectionKey, (c) => proxy.onConnection(c));
    app.delete(hub, connectionKey, (c) => proxy.onConnection(c));
  }
}

/** Ends all hub connections of a key that is no longer valid. Rejects when a shard could not be reached. */
export async function closeHubs(
  { shards, shardsPerKey }: Pick<HubProxyDependencies, "shards" | "shardsPerKey">,
  keyId: string,
  why: KeyEnd = KEY_END.revoked,
): Promise<void> {
  const names = Array.from({ length: shardsPerKey }, (_, shard) => shardName({ keyId, shard }));
  await Promise.all(names.map((name) => shards.closeKey(name, why)));
}

class HubProxy {
  readonly #dependencies: HubProxyDependencies;

  constructor(dependencies: HubProxyDependencies) {
    this.#dependencies = dependencies;
  }

  async get(c: HttpContext): Promise<Response> {
    const request = c.req.raw;
    // Here, because the shard sees neither the caller's headers nor the proxy's.
    if (asksForWebSocket(request)) requireSocketOrigin(request, this.#dependencies.origins);
    if (asksForWebSocket(request) && !c.req.query("id")) return this.connect(c);
    const wantsEvents =
      !asksForWebSocket(request) &&
      request.headers.get("accept")?.toLowerCase().includes("text/event-stream");
    return this.onConnection(c, wantsEvents === true);
  }

  /** A request on an existing connection. */
  async onConnection(c: HttpContext, wantsEvents = false): Promise<Response> {
    const token = c.req.query("id");
    if (!token) return refused(c, ID_REQUIRED);
    const address = parseHubToken(token);
    if (address === null || !(await this.#mayAsk(c, address))) return refused(c, NO_SUCH_CONNECTION);
    return wantsEvents ? this.#openEvents(c, address) : this.#pass(c, address);
  }

  /** A new connection: any shard with a free slot holds it. */
  async connect(c: HttpContext): Promise<Response> {
    const { keyId } = principalOfExchange(c);
    const { shardsPerKey } = this.#dependencies;
    const first = Math.floor(Math.random() * shardsPerKey);
    for (let tried = 1; ; tried += 1) {
      const shard = (first + tried - 1) % shardsPerKey;
      const answer = await this.#pass(c, { keyId, shard }, { withoutBody: true });
      if (answer.status !== FULL || tried === shardsPerKey) return answer;
    }
  }

  async #pass(c: HttpContext, address: ShardAddress, options: ShardRequestOptions = {}): Promise<Response> {
    const { principal, requestId } = c.get("exchange");
    const call = writeShardRequest(c.req.raw, { principal, requestId }, options);
    try {
      return await this.#dependencies.shards.ask(shardName(address), call);
    } catch (error) {
      throw new ApiError(
        "overloaded",
        "The hub connections of this key cannot be reached right now. Try again.",
        { retryAfterSeconds: RETRY_SECONDS, cause: error },
      );
    }
  }

  async #openEvents(c: HttpContext, address: ShardAddress): Promise<Response> {
    // Hono answers HEAD with GET's handler and drops the body: the stream behind it would never end.
    if (c.req.raw.method === "HEAD") return c.body(null, 405);
    const answer = await this.#pass(c, address, { carriesEvents: true });
    const events = this.#dependencies.shards.printEvents(answer);
    if (events === null) return answer;
    c.req.raw.signal.addEventListener("abort", () => events.abandon());
    return c.body(events.body, 200, EVENT_STREAM_HEADERS);
  }

  /**
   * Whether the connection may be the caller's; the shard checks exactly. Without a principal the key is known from the
   * token alone: no object is woken for a key that does not exist.
   */
  async #mayAsk(c: HttpContext, { keyId }: ShardAddress): Promise<boolean> {
    const { principal } = c.get("exchange");
    if (principal !== null) return principal.keyId === keyId;
    return (await this.#dependencies.keys.getKey(keyId)) !== null;
  }
}

function refused(c: HttpContext, { body, status }: TransportRefusal): Response {
  return c.text(body, status);
}
