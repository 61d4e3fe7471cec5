/** Webhook endpoints: a bounded number for each key, changed by patches, seen by their key alone. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EndpointPatch, WebhookEndpoint } from "../../../src/webhooks/endpoint-store.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";
import { Bench, type StoreContract } from "../store-harness.ts";

const MOST = 5;

function endpoint(id: string, changes: Partial<WebhookEndpoint> = {}): WebhookEndpoint {
  return {
    id,
    keyId: "a",
    url: `https://user.example/${id}?tag=é`,
    events: ["task.completed", "task.failed"],
    description: "Ünïcode 京都",
    enabled: true,
    secrets: [
      { secret: "whsec_new", validUntil: null },
      { secret: "whsec_old", validUntil: 4_102_444_800_000 },
    ],
    createdAt: 5,
    updatedAt: 6,
    ...changes,
  };
}

export function endpointContract(contract: StoreContract): void {
  describe("webhook endpoints", () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(contract);
    });
    afterEach(() => bench.dispose());

    const create = (made: WebhookEndpoint, most = MOST) => bench.store.createEndpoint(made, most);
    const idsOf = async (keyId: string) => (await bench.store.listEndpoints(keyId)).map(({ id }) => id);

    test("an endpoint comes back whole, alone and in its key's list", async () => {
      const made = endpoint("one");
      expect(await create(made)).toBe(true);
      expect(await bench.store.getEndpoint("a", "one")).toEqual(made);
      expect(await bench.store.listEndpoints("a")).toEqual([made]);
    });

    test("an endpoint with as little as there may be comes back as well", async () => {
      const made = endpoint("bare", { events: [], description: "", enabled: false, secrets: [] });
      await create(made);
      expect(await bench.store.getEndpoint("a", "bare")).toEqual(made);
    });

    test("a key's endpoints go with it, and no other's", async () => {
      await bench.store.createKey(virtualKey({ id: "gone" }));
      await create(endpoint("one", { keyId: "gone" }));
      await create(endpoint("one", { keyId: "b" }));
      expect(await bench.store.deleteKey("gone")).toBe("deleted");
      expect(await idsOf("gone")).toEqual([]);
      expect(await idsOf("b")).toEqual(["one"]);
    });

    test("what does not exist is null, and is neither changed nor deleted", async () => {
      expect(await bench.store.getEndpoint("a", "none")).toBeNull();
      expect(await bench.store.listEndpoints("a")).toEqual([]);
      expect(await bench.store.updateEndpoint("a", "none", { enabled: false }, 9)).toBeNull();
      expect(await bench.store.deleteEndpoint("a", "none")).toBe(false);
    });

    test("a key has no more than its bound, and the one too many is not written", async () => {
      expect(await create(endpoint("one"), 2)).toBe(true);
      expect(await create(endpoint("two"), 2)).toBe(true);
      expect(await create(endpoint("three"), 2)).toBe(false);
      expect(await bench.store.getEndpoint("a", "three")).toBeNull();
      expect(await create(endpoint("other", { keyId: "b" }), 2)).toBe(true);
      await bench.store.deleteEndpoint("a", "one");
      expect(await create(endpoint("three"), 2)).toBe(true);
      expect(await idsOf("a")).toEqual(expect.arrayContaining(["two", "three"]));
    });

    test("creates at once never exceed the bound", async () => {
      const made = await Promise.all(
        Array.from({ length: 12 }, (_, index) => create(endpoint(`e${index}`), MOST)),
      );
      expect(made.filter(Boolean)).toHaveLength(MOST);
      expect(await idsOf("a")).toHaveLength(MOST);
    });

    test("the same id again changes nothing and is accepted, even at the bound", async () => {
      const made = endpoint("one");
      await create(made, 1);
      expect(await create(endpoint("one", { url: "https://changed.example", enabled: false }), 1)).toBe(true);
      expect(await bench.store.listEndpoints("a")).toEqual([made]);
    });

    test("the same id again uses up no place", async () => {
      for (let times = 0; times < 4; times++) await create(endpoint("one"), 2);
      expect(await create(endpoint("two"), 2)).toBe(true);
    });

    test("a key's endpoints are listed oldest first", async () => {
      await create(endpoint("m", { createdAt: 10 }));
      await create(endpoint("z", { createdAt: 20 }));
      await create(endpoint("a", { createdAt: 30 }));
      expect(await idsOf("a")).toEqual(["m", "z", "a"]);
      await bench.store.updateEndpoint("a", "m", { description: "changed" }, 99);
      expect(await idsOf("a")).toEqual(["m", "z", "a"]);
    });

    test("nobody but its key sees, changes or deletes an endpoint", async () => {
      const made = endpoint("one");
      await create(made);
      expect(await bench.store.getEndpoint("b", "one")).toBeNull();
      expect(await bench.store.listEndpoints("b")).toEqual([]);
      expect(await bench.store.updateEndpoint("b", "one", { enabled: false }, 9)).toBeNull();
      expect(await bench.store.deleteEndpoint("b", "one")).toBe(false);
      expect(await bench.store.getEndpoint("a", "one")).toEqual(made);
    });

    test.each<EndpointPatch>([
      { url: "https://moved.example/hook" },
      { events: [] },
      { events: ["task.cancelled"] },
      { description: "" },
      { enabled: false },
      { secrets: [{ secret: "whsec_rotated", validUntil: null }] },
      { url: "https://all.example", enabled: false, events: ["task.failed"], description: "all" },
      {},
    ])("a patch changes what it names and nothing else: %j", async (patch) => {
      const made = endpoint("one");
      await create(made);
      await create(endpoint("two"));
      const changed = { ...made, ...patch, updatedAt: 77 };
      expect(await bench.store.updateEndpoint("a", "one", patch, 77)).toEqual(changed);
      expect(await bench.store.getEndpoint("a", "one")).toEqual(changed);
      expect(await bench.store.getEndpoint("a", "two")).toEqual(endpoint("two"));
    });

    test("a deleted endpoint is gone, once, and its id may be made again", async () => {
      await create(endpoint("one"));
      expect(await bench.store.deleteEndpoint("a", "one")).toBe(true);
      expect(await bench.store.deleteEndpoint("a", "one")).toBe(false);
      expect(await bench.store.getEndpoint("a", "one")).toBeNull();
      expect(await bench.store.listEndpoints("a")).toEqual([]);
      const anew = endpoint("one", { description: "anew", createdAt: 50 });
      expect(await create(anew)).toBe(true);
      expect(await bench.store.getEndpoint("a", "one")).toEqual(anew);
    });
  });
}
