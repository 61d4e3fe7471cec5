/**
 * The hubs' routes in the Worker: it finds out who asks, and hands the request to the shard that holds the connection.
 * What is said there comes back as it is; only event streams are printed here.
 */

import type { Hono } from "hono";
import type { AccountStore } from "../../accounts/account-store.ts";
import { HUB_NAMES } from "../../assembly.ts";
import type { Settings } from "../../config.ts";
import type { HttpContext, HttpEnv, HttpMiddleware } from "../../http/exchange.ts";
import { hubPaths, isKeylessPoll } from "../../http/hubs.ts";
import { asksForWebSocket } from "../../http/socket-upgrade.ts";
import { ID_REQUIRED, NO_SUCH_CONNECTION, type Refusal } from "../../hubs/endpoint.ts";
import { EVENT_STREAM_HEADERS } from "../../hubs/event-stream-format.ts";
import { ApiError } from "../../protocol/error.ts";
import type { Clock } from "../../tasks/clock.ts";
import type { Bindings } from "./bindings.ts";
import { type HubAddress, readHubToken, shardName } from "./hub-address.ts";
import { writeHubCall } from "./hub-call.ts";
import { HubEventRelay } from "./hub-event-relay.ts";
import { socketOf } from "./socket-answer.ts";

const SECOND_MS = 1_000;
/** A shard that was restarted is back by then. */
const RETRY_SECONDS = 1;

export type HubGateDependencies = {
  readonly bindings: Pick<Bindings, "HUB_SHARD">;
  readonly settings: Pick<Settings, "hubs">;
  readonly keys: Pick<AccountStore, "getKey">;
  readonly clock: Pick<Clock, "after">;
};

/** Mounts the hubs; `key` authenticates and takes `access_token` from the query as well. */
export function mountHubGate(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  dependencies: HubGateDependencies,
): void {
  const gate = new HubGate(dependencies);
  for (const name of HUB_NAMES) {
    const { hub, negotiate, negotiateBare } = hubPaths(name);
    app.post(negotiate, key, (c) => gate.pass(c, gate.anyShard(c)));
    app.post(negotiateBare, key, (c) => gate.pass(c, gate.anyShard(c)));
    // Some clients send their key with everything but polls: there the connection's token is the proof.
    app.get(hub, (c, next) => (isKeylessPoll(c.req.raw) ? next() : key(c, next)));
    app.get(hub, (c) => gate.get(c));
    app.post(hub, key, (c) => gate.onConnection(c));
    app.delete(hub, key, (c) => gate.onConnection(c));
  }
}

/** Ends all hub connections of a key that is no longer good. Rejects when a shard could not be told. */
export async function closeHubs(
  { HUB_SHARD }: Pick<Bindings, "HUB_SHARD">,
  { hubs }: Pick<Settings, "hubs">,
  keyId: string,
): Promise<void> {
  const shards = Array.from({ length: hubs.shardsPerKey }, (_, shard) => shardName({ keyId, shard }));
  await Promise.all(shards.map((name) => HUB_SHARD.getByName(name).closeKey()));
}

class HubGate {
  readonly #dependencies: HubGateDependencies;

  constructor(dependencies: HubGateDependencies) {
    this.#dependencies = dependencies;
  }

  get(c: HttpContext): Promise<Response> {
    const request = c.req.raw;
    if (asksForWebSocket(request) && !c.req.query("id")) return this.pass(c, this.anyShard(c));
    const wantsEvents =
      !asksForWebSocket(request) &&
      request.headers.get("accept")?.toLowerCase().includes("text/event-stream");
    return this.onConnection(c, wantsEvents === true);
  }

  /** A request on a connection that is there already. */
  async onConnection(c: HttpContext, wantsEvents = false): Promise<Response> {
    const token = c.req.query("id");
    if (!token) return refused(c, ID_REQUIRED);
    const address = readHubToken(token);
    if (address === null || !(await this.#mayAsk(c, address))) return refused(c, NO_SUCH_CONNECTION);
    return wantsEvents ? this.#openEvents(c, address) : this.pass(c, address);
  }

  /** Where a new connection will live. */
  anyShard(c: HttpContext): HubAddress {
    const { principal } = c.get("exchange");
    if (principal === null) throw new Error("A connection was asked for without authentication");
    const { shardsPerKey } = this.#dependencies.settings.hubs;
    return { keyId: principal.keyId, shard: Math.floor(Math.random() * shardsPerKey) };
  }

  async pass(c: HttpContext, address: HubAddress, carriesEvents = false): Promise<Response> {
    const { principal, requestId } = c.get("exchange");
    const call = writeHubCall(c.req.raw, { principal, requestId }, carriesEvents);
    const stub = this.#dependencies.bindings.HUB_SHARD.getByName(shardName(address));
    try {
      // The platform's own types of requests and responses are not the web's, and the same.
      return (await stub.fetch(call as never)) as unknown as Response;
    } catch (error) {
      throw new ApiError(
        "overloaded",
        "The hub connections of this key cannot be reached right now. Try again.",
        {
          retryAfterSeconds: RETRY_SECONDS,
          cause: error,
        },
      );
    }
  }

  async #openEvents(c: HttpContext, address: HubAddress): Promise<Response> {
    // Hono answers HEAD by way of GET and drops the body: nobody would ever end the stream behind it.
    if (c.req.raw.method === "HEAD") return c.body(null, 405);
    const answer = await this.pass(c, address, true);
    const socket = socketOf(answer);
    if (socket === null) return answer;
    const { clock, settings } = this.#dependencies;
    const relay = new HubEventRelay(socket, {
      clock,
      keepAliveMs: settings.hubs.keepAliveSeconds * SECOND_MS,
    });
    c.req.raw.signal.addEventListener("abort", () => relay.abandon());
    return c.body(relay.body, 200, EVENT_STREAM_HEADERS);
  }

  /**
   * Whether the asker may know the connection at all; the shard looks closer. Without a key nobody but the token tells
   * whose connection it is: no object is woken for a key that does not exist.
   */
  async #mayAsk(c: HttpContext, { keyId }: HubAddress): Promise<boolean> {
    const { principal } = c.get("exchange");
    if (principal !== null) return principal.keyId === keyId;
    return (await this.#dependencies.keys.getKey(keyId)) !== null;
  }
}

function refused(c: HttpContext, { body, status }: Refusal): Response {
  return c.text(body, status);
}
