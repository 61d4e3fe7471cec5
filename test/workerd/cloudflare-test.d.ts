/** The part of the test runner's module inside workerd that the tests use. */
declare module "cloudflare:test" {
  import type { DurableObjectState, DurableObjectStub, Rpc } from "@cloudflare/workers-types";

  /** Runs the callback inside of the object. */
  export function runInDurableObject<O extends Rpc.DurableObjectBranded, R>(
    stub: DurableObjectStub<O>,
    callback: (instance: O, state: DurableObjectState) => R | Promise<R>,
  ): Promise<R>;
  /** Runs the object's alarm now; false when none is set. */
  export function runDurableObjectAlarm<O extends Rpc.DurableObjectBranded>(
    stub: DurableObjectStub<O>,
  ): Promise<boolean>;
  /** Takes the object out of memory; its next call starts it anew. Rejects when it is not there. */
  export function evictDurableObject<O extends Rpc.DurableObjectBranded>(
    stub: DurableObjectStub<O>,
    options?: { webSockets?: "hibernate" | "close" },
  ): Promise<void>;
  /** Empties every object and bucket. */
  export function reset(): Promise<void>;
}
