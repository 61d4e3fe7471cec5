/** The parts of workerd's own module that this host uses, in terms of the web's types and not of a second set of them. */
declare module "cloudflare:workers" {
  import type { DurableObjectState } from "@cloudflare/workers-types";

  export abstract class DurableObject<Env = unknown> {
    /** What the platform's types know a Durable Object by; there is no such value. */
    readonly __DURABLE_OBJECT_BRAND: never;
    protected readonly ctx: DurableObjectState;
    protected readonly env: Env;
    constructor(ctx: DurableObjectState, env: Env);
  }

  /** Keeps the request's isolate alive until the promise settles, 30 s at most. */
  export function waitUntil(promise: Promise<unknown>): void;
}
