/**
 * A client's request for a hub, as the Worker forwards it to a shard. The authenticated principal is in a header that
 * the Worker writes; of the client's own headers only those are forwarded that the hubs' routes read, so nothing can be
 * forged and no key leaves the Worker.
 */

import type { Principal } from "../../accounts/principal.ts";

const PRINCIPAL = "x-conduit-principal";
const REQUEST_ID = "x-conduit-request";
/** What the shard's socket carries when it is not the client's own. */
const CARRIER = "x-conduit-carrier";
const EVENTS = "events";

const PASSED_ON = [
  "accept",
  "connection",
  "content-length",
  "content-type",
  "origin",
  "sec-websocket-key",
  "sec-websocket-version",
  "upgrade",
] as const;
/** May hold a key. */
const KEY_QUERY = "access_token";

export type ShardCaller = {
  /** Null on a connection whose token is the proof, see `keyOfConnection`. */
  readonly principal: Principal | null;
  readonly requestId: string;
};

export type ShardRequestOptions = {
  /** Asks for a socket whose frames will be printed as an event stream. */
  readonly carriesEvents?: boolean;
  /** Leaves the body unread, so that the request can be forwarded to another shard as well. */
  readonly withoutBody?: boolean;
};

/** The request for the shard. */
export function writeShardRequest(
  request: Request,
  { principal, requestId }: ShardCaller,
  { carriesEvents = false, withoutBody = false }: ShardRequestOptions = {},
): Request {
  const url = new URL(request.url);
  url.searchParams.delete(KEY_QUERY);
  const headers = new Headers({ [REQUEST_ID]: requestId });
  if (principal !== null) headers.set(PRINCIPAL, encodeURIComponent(JSON.stringify(principal)));
  for (const name of PASSED_ON) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  if (carriesEvents) {
    headers.set("upgrade", "websocket");
    headers.set(CARRIER, EVENTS);
  }
  const { method } = request;
  if (withoutBody) headers.delete("content-length");
  return new Request(url, { method, headers, body: withoutBody ? null : request.body });
}

/** The caller, as the Worker has authenticated it. */
export function readShardCaller({ headers }: Request): ShardCaller {
  const principal = headers.get(PRINCIPAL);
  return {
    principal: principal === null ? null : (JSON.parse(decodeURIComponent(principal)) as Principal),
    requestId: headers.get(REQUEST_ID) ?? "",
  };
}

/** Whether the socket that is asked for carries an event stream. */
export function carriesEvents({ headers }: Request): boolean {
  return headers.get(CARRIER) === EVENTS;
}
