/** The contract of the whole store over the store's Durable Object, called through its binding. */

import { runInDurableObject } from "cloudflare:test";
import { createRemoteStore } from "../../src/stores/remote/remote-store.ts";
import { storeContract } from "../contract/store.ts";
import { durableStoreContract } from "./store-objects.ts";

storeContract(
  durableStoreContract("a Durable Object, called from elsewhere", async (stub, now) => {
    await runInDurableObject(stub(), (object) => Object.assign(object, { now }));
    return createRemoteStore({ STORE: { getByName: stub } });
  }),
);
