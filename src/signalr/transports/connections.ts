/** All hub connections of one host, by their secret tokens. */

import type { CloseOptions } from "../close-options.ts";
import type { Hub } from "../hub.ts";
import {
  type EndpointOptions,
  HubEndpoint,
  ID_REQUIRED,
  NO_SUCH_CONNECTION,
  type TransportRefusal,
} from "./endpoint.ts";

/** Connections that were negotiated and not yet used: negotiating costs memory, and clients need not come back. */
export const MAX_UNUSED = 10_000;
/**
 * The same for one owner, or as many as it may have in use: all of those negotiate at once after a server's restart.
 */
export const MAX_UNUSED_PER_OWNER = 200;

export type NewConnection<P> = Omit<EndpointOptions<P>, "onBegin" | "onEnd"> & {
  /** Whose it is: only its requests find it. */
  owner: string;
};

type Entry<P> = { endpoint: HubEndpoint<P>; owner: string };

export class HubConnections<P> {
  readonly #entries = new Map<string, Entry<P>>();
  /** Connections of each owner that were not used yet. */
  readonly #unused = new Map<string, number>();
  #unusedInAll = 0;
  /** Wait for the end of all connections in use. */
  #waiting: (() => void)[] = [];
  /** Connections of each owner that have a transport, or had one and have not ended. */
  readonly #used = new Map<string, number>();
  readonly #maxPerOwner: number;
  readonly #maxUnusedPerOwner: number;

  /** `maxPerOwner`: connections in use that one owner may have. */
  constructor(maxPerOwner: number) {
    this.#maxPerOwner = maxPerOwner;
    this.#maxUnusedPerOwner = Math.max(MAX_UNUSED_PER_OWNER, maxPerOwner);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Those in use. */
  get used(): number {
    return this.#entries.size - this.#unusedInAll;
  }

  /** Whose connections are in use. */
  owners(): Iterable<string> {
    return this.#used.keys();
  }

  /** Whether an owner has as many connections in use as it may have. */
  full(owner: string): boolean {
    return (this.#used.get(owner) ?? 0) >= this.#maxPerOwner;
  }

  /** Makes a connection; null when too many were not used yet. */
  add(connection: NewConnection<P>, now: number): HubEndpoint<P> | null {
    const { owner, ...options } = connection;
    const { token } = options;
    if (this.#unusedInAll >= MAX_UNUSED || (this.#unused.get(owner) ?? 0) >= this.#maxUnusedPerOwner)
      return null;
    increase(this.#unused, owner);
    this.#unusedInAll++;
    let unused = true;
    const leaveUnused = () => {
      unused = false;
      this.#unusedInAll--;
      decrease(this.#unused, owner);
    };
    const onBegin = () => {
      leaveUnused();
      increase(this.#used, owner);
    };
    const onEnd = () => {
      if (unused) leaveUnused();
      else decrease(this.#used, owner);
      this.#entries.delete(token);
      if (this.used === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    };
    const endpoint = new HubEndpoint<P>({ ...options, onBegin, onEnd }, now);
    this.#entries.set(token, { endpoint, owner });
    return endpoint;
  }

  /**
   * The connection a request names. `owner` null: the request brought no credentials, which x * from polls (seen in
   * 2026); the token alone then authorises it. Another owner's connection is answered like one that does not exist, and
   * so is one that was negotiated for another hub than `hub`.
   */
  find(token: string | null, owner: string | null, hub?: Hub<P>): HubEndpoint<P> | TransportRefusal {
    if (token === null || token === "") return ID_REQUIRED;
    const entry = this.#entries.get(token);
    if (entry === undefined || (owner !== null && entry.owner !== owner)) return NO_SUCH_CONNECTION;
    return hub === undefined || entry.endpoint.hub === hub ? entry.endpoint : NO_SUCH_CONNECTION;
  }

  /** All of them, used or not. */
  *endpoints(): Iterable<HubEndpoint<P>> {
    for (const { endpoint } of this.#entries.values()) yield endpoint;
  }

  /** Does what is due, for all. */
  tick(now: number): void {
    for (const { endpoint } of this.#entries.values()) if (now >= endpoint.due) endpoint.tick(now);
  }

  /** Resolves once no connection is in use: those over long polling end when their last frames were fetched. */
  async ended(): Promise<void> {
    if (this.used === 0) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Ends every connection of an owner, or all. */
  close(owner: string | null, reason: CloseOptions): void {
    for (const entry of this.#entries.values())
      if (owner === null || entry.owner === owner) entry.endpoint.close(reason);
  }
}

function increase(counts: Map<string, number>, owner: string): void {
  counts.set(owner, (counts.get(owner) ?? 0) + 1);
}

function decrease(counts: Map<string, number>, owner: string): void {
  const left = (counts.get(owner) ?? 1) - 1;
  if (left === 0) counts.delete(owner);
  else counts.set(owner, left);
}
