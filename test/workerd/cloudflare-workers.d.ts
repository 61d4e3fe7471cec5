/** The part of workerd's own module that the tests use. */
declare module "cloudflare:workers" {
  /** The Worker's exports, called as the platform calls them. */
  export const exports: {
    readonly default: { fetch(input: string | Request, init?: RequestInit): Promise<Response> };
  };
}
