/**
 * A hub is a table of methods. Only what is in the table can be called; names are matched without regard to letter
 * case, as on ASP.NET, and arguments are bound by anything with a `parse`, such as a zod type.
 */

import type { Frame, TopicMembership } from "../sockets/frame.ts";
import type { CloseOptions } from "./close-options.ts";
import type { HubProtocol } from "./protocols/hub-protocol.ts";

/** Turns what a client sent into what a method expects; throws when it cannot. */
export interface Binder<T = unknown> {
  parse(value: unknown): T;
}

/** One client's connection, as hubs see it. */
export interface HubConnection<P> {
  /** Public: other users may know it. */
  readonly connectionId: string;
  readonly principal: P;
  readonly closed: boolean;
  /** Names the bytes that `pushEncoded` takes. */
  readonly encoding: HubProtocol["encoding"];
  /** The host's native topics, where pushes may reach the client past this connection; null where they must not. */
  readonly topics: TopicMembership | null;
  /** Whether a message sent now waits until the client comes back: for its next poll, or its reconnect. */
  readonly waiting: boolean;
  /** Aborted when the connection ends. */
  readonly signal: AbortSignal;
  /** Calls a method of the client and expects no answer. Does nothing once the connection has ended. */
  push(target: string, ...args: unknown[]): void;
  /** Sends a push that was encoded for this connection's encoding already. */
  pushEncoded(frame: Frame): void;
  /** Bytes sent and not yet handed to the network. */
  bufferedBytes(): number;
  /**
   * Calls a method of the client and waits for its answer. Rejects with `HubError` when the client fails or has no
   * such method, leaves, or stays silent beyond the limit. Inside a method use `HubCall.invoke`, which lets the
   * client's next call run meanwhile.
   */
  invoke(target: string, ...args: unknown[]): Promise<unknown>;
  /** Ends the connection; the client will not reconnect. */
  abort(): void;
  /** Ends the connection with a Close message: why, and whether to reconnect. */
  close(options: CloseOptions): void;
}

/** One call of a method. */
export interface HubCall<P, U extends readonly unknown[] = readonly unknown[]> {
  readonly connection: HubConnection<P>;
  /** Aborted when the client cancels the stream, or leaves. */
  readonly signal: AbortSignal;
  /** What the client uploads, one stream for each declared binder. Fails when the client says so or leaves. */
  readonly uploads: { readonly [K in keyof U]: AsyncIterable<U[K]> };
  /** Like `HubConnection.invoke`, for use inside a method. */
  invoke(target: string, ...args: unknown[]): Promise<unknown>;
  /** Runs `callback` once the method has succeeded and its answer, if one is wanted, was sent. Plain methods only. */
  afterAnswer(callback: () => void): void;
}

/** A method with its types erased, as the dispatcher needs it. */
export type HubMethod<P> = {
  kind: "plain" | "stream";
  /** Binders of the arguments, required ones first. */
  binders: readonly Binder[];
  required: number;
  uploads: readonly Binder[];
  /** Whether this principal may call it. */
  allows(principal: P): boolean;
  run(call: HubCall<P>, args: readonly unknown[]): unknown;
  /** See `Resumption`. */
  resume?(connection: HubConnection<P>, args: readonly unknown[]): readonly unknown[];
};

export type Resumption<P> = {
  /**
   * Makes the arguments that continue a stream after the host's hibernation from those it began with. Without it a host
   * with such a stream open cannot hibernate. Methods with uploads never resume.
   */
  resume?(connection: HubConnection<P>, args: readonly unknown[]): readonly unknown[];
};

type Binders = readonly Binder[];
type Bound<B extends Binders> = { -readonly [K in keyof B]: B[K] extends Binder<infer T> ? T : never };

export type MethodDefinition<P, A extends Binders, O extends Binders, U extends Binders, R> = {
  args?: A;
  /** Further arguments that a client may leave out. */
  optional?: O;
  /** One binder for the items of each stream the client uploads. */
  uploads?: U;
  /** Default: every connected principal. */
  allows?(principal: P): boolean;
  /** Throws `HubError` for what the client may know. */
  run(call: HubCall<P, Bound<U>>, ...args: [...Bound<A>, ...Partial<Bound<O>>]): R;
};

/** A method that answers once. Calls of one client run one after the other, except those with uploads. */
export function method<
  P,
  const A extends Binders = [],
  const O extends Binders = [],
  const U extends Binders = [],
>(definition: MethodDefinition<P, A, O, U, unknown>): HubMethod<P> {
  return erase("plain", definition);
}

export type StreamMethodDefinition<
  P,
  A extends Binders,
  O extends Binders,
  U extends Binders,
> = MethodDefinition<P, A, O, U, AsyncIterable<unknown> | null | Promise<AsyncIterable<unknown> | null>> &
  Resumption<P>;

/** A method that answers with a stream. Streams of one client run side by side. */
export function streamMethod<
  P,
  const A extends Binders = [],
  const O extends Binders = [],
  const U extends Binders = [],
>(definition: StreamMethodDefinition<P, A, O, U>): HubMethod<P> {
  const { resume } = definition;
  return { ...erase("stream", definition), ...(resume === undefined ? {} : { resume }) };
}

export type HubDefinition<P> = {
  methods: Record<string, HubMethod<P>>;
  /** Runs after the handshake was answered and before anything else of the client; throwing closes the connection. */
  onConnected?(connection: HubConnection<P>): void | Promise<void>;
  /**
   * Runs once after the connection ended, if `onConnected` had succeeded. `error` is the client's or the transport's.
   */
  onDisconnected?(connection: HubConnection<P>, error: string | null): void | Promise<void>;
};

export type Hub<P> = {
  find(name: string): HubMethod<P> | undefined;
  onConnected(connection: HubConnection<P>): void | Promise<void>;
  onDisconnected(connection: HubConnection<P>, error: string | null): void | Promise<void>;
};

/** Throws when two names differ in letter case only. */
export function createHub<P>(definition: HubDefinition<P>): Hub<P> {
  const methods = new Map<string, HubMethod<P>>();
  for (const [name, entry] of Object.entries(definition.methods)) {
    const key = name.toLowerCase();
    if (methods.has(key))
      throw new Error(`Expected hub methods to differ in more than letter case, got '${name}' twice.`);
    methods.set(key, entry);
  }
  return {
    find: (name) => methods.get(name.toLowerCase()),
    onConnected: (connection) => definition.onConnected?.(connection),
    onDisconnected: (connection, error) => definition.onDisconnected?.(connection, error),
  };
}

function erase<P, A extends Binders, O extends Binders, U extends Binders, R>(
  kind: "plain" | "stream",
  definition: MethodDefinition<P, A, O, U, R>,
): HubMethod<P> {
  const args = definition.args ?? [];
  return {
    kind,
    binders: [...args, ...(definition.optional ?? [])],
    required: args.length,
    uploads: definition.uploads ?? [],
    allows: (principal) => definition.allows?.(principal) ?? true,
    // The dispatcher has bound the arguments with exactly these binders.
    run: (call, bound) =>
      definition.run(
        call as HubCall<P, Bound<U>>,
        ...(bound as unknown as [...Bound<A>, ...Partial<Bound<O>>]),
      ),
  };
}
