/**
 * One exchange over the platform's `fetch`, which tells no address and reaches no private network: the guard has refused
 * literal and special-use names, and the platform keeps the rest out.
 */

import type { Transport } from "../../../fetch/transport.ts";

type Send = (url: URL, init: RequestInit) => Promise<Response>;

/** `send` is the platform's `fetch`, called as it wants to be: not as a method. */
export function createWorkerTransport(send: Send = (url, init) => fetch(url, init)): Transport {
  return {
    async send(url, { method, headers, body, signal, connected }) {
      connected();
      const response = await send(url, { method, headers, body, signal, redirect: "manual" });
      return {
        status: response.status,
        headers: response.headers,
        body: response.body ?? new Blob([]).stream(),
      };
    },
  };
}
