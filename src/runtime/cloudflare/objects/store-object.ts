/**
 * The Durable Object that holds the deployment's one store: the SQLite store over the object's own SQL. Nothing runs in
 * it but the store's steps. Its start voids no leases: their holders run elsewhere and outlive it.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectState } from "@cloudflare/workers-types";
import { outboxOptions } from "../../../compose/events.ts";
import { ConfigError, loadConfig } from "../../../config/load.ts";
import type { OutboxOptions } from "../../../events/outbox.ts";
import { failureOf, isStoreMethod, type StoreAnswer } from "../../../stores/remote/store-calls.ts";
import { createSqliteStore } from "../../../stores/sqlite/store.ts";
import type { Store } from "../../../stores/store.ts";
import { type Bindings, variablesOf } from "../bindings.ts";
import { openDurableSql } from "./durable-sql.ts";

export class StoreObject<Env = unknown> extends DurableObject<Env> {
  /** The store's time, wall clock in ms. A field and no method: what callers elsewhere reach are methods. */
  protected readonly now: () => number = Date.now;
  /** Which domain events are kept for the sink. */
  protected readonly outbox: OutboxOptions | null;
  readonly #store: Store;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.outbox = outboxOf(variablesOf(env as Bindings));
    this.#store = createSqliteStore({
      database: openDurableSql(ctx.storage),
      now: () => this.now(),
      outbox: () => this.outbox,
    });
  }

  /** Calls a method of the store. What it rejects with is answered as a value; an unknown method is a `TypeError`. */
  async call(method: string, args: readonly unknown[]): Promise<StoreAnswer> {
    try {
      if (!isStoreMethod(method)) throw new TypeError(`The store has no method ${JSON.stringify(method)}`);
      // Each method checks its values; their types are the caller's, which is this same program.
      const step = this.#store[method] as (...args: readonly unknown[]) => Promise<unknown>;
      return { ok: true, value: await step.apply(this.#store, [...args]) };
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === "other") console.error(`The store's ${method} failed:`, error);
      return { ok: false, failure };
    }
  }
}

/** Where a setting is wrong, the Worker answers nothing but that; its store need not say it too. */
function outboxOf(env: Record<string, string>): OutboxOptions | null {
  try {
    return outboxOptions(loadConfig({ env, host: "worker" }).settings);
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}
