/** The parts of workerd's own module that the tests use. */
declare module "cloudflare:workers" {
  import type { Bindings } from "../../src/runtime/cloudflare/bindings.ts";

  /** The Worker's exports, called as the platform calls them. */
  export const exports: {
    readonly default: { fetch(input: string | Request, init?: RequestInit): Promise<Response> };
  };
  /** What the Worker is bound to. */
  export const env: Bindings;
}
