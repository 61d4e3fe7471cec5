/** All connections of one hub on one host, by their secret tokens. */

import {
  type EndpointOptions,
  HubEndpoint,
  ID_REQUIRED,
  NO_SUCH_CONNECTION,
  type Refusal,
} from "./endpoint.ts";
import type { CloseOptions } from "./session-settings.ts";

/** Connections that were negotiated and not yet used: a bound on what a stranger can make us remember. */
export const MAX_UNUSED = 10_000;
/** The same, of one owner. */
export const MAX_UNUSED_PER_OWNER = 200;

export type NewConnection<P> = Omit<EndpointOptions<P>, "onBegin" | "onEnd"> & {
  /** Secret name, unguessable. */
  token: string;
  /** Whose it is: only its requests find it. */
  owner: string;
};

type Entry<P> = { endpoint: HubEndpoint<P>; owner: string };

export class HubConnections<P> {
  readonly #entries = new Map<string, Entry<P>>();
  /** How many connections of each owner wait for their first use. */
  readonly #unused = new Map<string, number>();
  #unusedInAll = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Makes a connection; null when too many wait for their first use. */
  add(connection: NewConnection<P>, now: number): HubEndpoint<P> | null {
    const { token, owner, ...options } = connection;
    const ofOwner = this.#unused.get(owner) ?? 0;
    if (this.#unusedInAll >= MAX_UNUSED || ofOwner >= MAX_UNUSED_PER_OWNER) return null;
    this.#unused.set(owner, ofOwner + 1);
    this.#unusedInAll++;
    let unused = true;
    const onBegin = () => {
      if (!unused) return;
      unused = false;
      this.#unusedInAll--;
      const left = (this.#unused.get(owner) ?? 1) - 1;
      if (left === 0) this.#unused.delete(owner);
      else this.#unused.set(owner, left);
    };
    const onEnd = () => {
      onBegin();
      this.#entries.delete(token);
    };
    const endpoint = new HubEndpoint<P>({ ...options, onBegin, onEnd }, now);
    this.#entries.set(token, { endpoint, owner });
    return endpoint;
  }

  /**
   * The connection a request names. `owner` null: the request brought no credentials, which some clients leave away
   * on polls; the token alone is then its proof. Another owner's connection is answered like one that does not exist.
   */
  find(token: string | null, owner: string | null): HubEndpoint<P> | Refusal {
    if (token === null || token === "") return ID_REQUIRED;
    const entry = this.#entries.get(token);
    if (entry === undefined || (owner !== null && entry.owner !== owner)) return NO_SUCH_CONNECTION;
    return entry.endpoint;
  }

  /** Does what is due, for all. */
  tick(now: number): void {
    for (const { endpoint } of this.#entries.values()) if (now >= endpoint.due) endpoint.tick(now);
  }

  /** Ends every connection of an owner, or all. */
  close(owner: string | null, reason: CloseOptions): void {
    for (const entry of this.#entries.values())
      if (owner === null || entry.owner === owner) entry.endpoint.close(reason);
  }
}
