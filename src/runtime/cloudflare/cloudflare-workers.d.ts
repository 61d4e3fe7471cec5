/**
 * The parts of workerd's own module that this host uses; requests and answers are the web's, not a second set of types.
 */
declare module "cloudflare:workers" {
  import type { AlarmInvocationInfo, DurableObjectState, WebSocket } from "@cloudflare/workers-types";

  export abstract class DurableObject<Env = unknown> {
    /** What the platform's types know a Durable Object by; there is no such value. */
    readonly __DURABLE_OBJECT_BRAND: never;
    protected readonly ctx: DurableObjectState;
    protected readonly env: Env;
    constructor(ctx: DurableObjectState, env: Env);
    fetch?(request: Request): Response | Promise<Response>;
    alarm?(info?: AlarmInvocationInfo): void | Promise<void>;
    webSocketMessage?(socket: WebSocket, message: string | ArrayBuffer): void | Promise<void>;
    webSocketClose?(socket: WebSocket, code: number, reason: string, wasClean: boolean): void | Promise<void>;
    webSocketError?(socket: WebSocket, error: unknown): void | Promise<void>;
  }

  /** Keeps the request's isolate alive until the promise settles, 30 s at most. */
  export function waitUntil(promise: Promise<unknown>): void;
}
