/** Stores in Durable Objects of the Worker under test. */

import { env } from "cloudflare:workers";
import type { Store } from "../../src/stores/store.ts";
import type { StoreContract } from "../contract/store-harness.ts";

let objects = 0;
/** An object that no other test uses. */
export function freshObject() {
  const name = `store ${objects++}`;
  // A new stub each time: one whose object was restarted stays broken.
  return () => env.STORE.getByName(name);
}
export type Stub = ReturnType<typeof freshObject>;

/** The store of an object, and a clock that stands still unless it is moved. */
export function durableStoreContract(
  name: string,
  storeOf: (stub: Stub, now: () => number) => Promise<Store>,
): StoreContract {
  return {
    name,
    async open() {
      let now = Date.UTC(2026, 10, 22);
      return {
        store: await storeOf(freshObject(), () => now),
        now: () => now,
        advance: (ms) => {
          now += ms;
        },
        dispose: async () => {},
      };
    },
  };
}
