/** The store behind a binding: what its callers see of errors, restarts and overload. */

import { describe, expect, test } from "vitest";
import { DuplicateKeyError } from "../../../../src/accounts/keys/account-store.ts";
import { createRemoteStore } from "../../../../src/stores/remote/remote-store.ts";
import {
  errorOf,
  failureOf,
  isRepeatable,
  isStoreMethod,
  STORE_METHODS,
  type StoreAnswer,
} from "../../../../src/stores/remote/store-calls.ts";
import { StoredValueTooLargeError, StoreUnavailableError } from "../../../../src/tasks/ports/store-error.ts";
import { taskDraft } from "../../../fixture/task-draft.ts";

/** A binding that answers in turn what it is given; errors are thrown, as the platform does. */
function scripted(...answers: (StoreAnswer | Error)[]) {
  const calls: { method: string; args: readonly unknown[] }[] = [];
  const names: string[] = [];
  const store = createRemoteStore({
    STORE: {
      getByName(name) {
        names.push(name);
        return {
          async call(method, args) {
            calls.push({ method, args });
            const answer = answers.shift();
            if (answer === undefined) throw new Error("Nobody expected this call");
            if (answer instanceof Error) throw answer;
            return answer;
          },
        };
      },
    },
  });
  return { store, calls, names };
}

const restarted = () =>
  Object.assign(new Error("internal error; reference = x"), { durableObjectReset: true });
const overloaded = () => Object.assign(new Error("too many requests"), { overloaded: true });
const draft = taskDraft({ id: "019a0000-0000-7000-8000-000000000000" });
const lease = { shard: 0, taskId: draft.id, fence: 1 };

describe("the remote store", () => {
  test("hands its arguments over and answers what the object answers, through a new stub each time", async () => {
    const { store, calls, names } = scripted({ ok: true, value: ["lost"] }, { ok: true, value: null });
    expect(await store.renew([lease], 9_000)).toEqual(["lost"]);
    expect(await store.getKey("a")).toBeNull();
    expect(calls).toEqual([
      { method: "renew", args: [[lease], 9_000] },
      { method: "getKey", args: ["a"] },
    ]);
    expect(names).toEqual(["store", "store"]);
  });

  test("asks again, once, where that is safe, when the object was restarted", async () => {
    const view = { outcome: "replayed", task: null };
    const { store, calls } = scripted(restarted(), { ok: true, value: view });
    expect(await store.create(draft, { maxQueuedPerKey: 1 })).toBe(view);
    expect(calls).toHaveLength(2);

    const gone = scripted(restarted(), restarted(), { ok: true, value: null });
    await expect(gone.store.getKey("a")).rejects.toMatchObject({
      name: "StoreUnavailableError",
      reason: "unreachable",
      message: expect.stringContaining("try again"),
    });
    expect(gone.calls).toHaveLength(2);
  });

  test("does not repeat what would then answer something else", async () => {
    const steps: ((store: ReturnType<typeof scripted>["store"]) => Promise<unknown>)[] = [
      (store) => store.claim({ lane: "image", leaseMs: 1, max: 1 }),
      (store) => store.advance(lease, { kind: "progress", percent: 1, message: null }),
      (store) => store.retire({ tasksMs: 1, eventsMs: 1, ledgerMs: 1 }, 1),
      (store) => store.deleteKey("a"),
    ];
    for (const step of steps) {
      const { store, calls } = scripted(restarted(), { ok: true, value: [] });
      await expect(step(store)).rejects.toMatchObject({ reason: "unreachable" });
      expect(calls).toHaveLength(1);
    }
  });

  test("leaves an overloaded object alone", async () => {
    const { store, calls } = scripted(overloaded(), { ok: true, value: null });
    await expect(store.getKey("a")).rejects.toMatchObject({
      name: "StoreUnavailableError",
      reason: "overloaded",
    });
    expect(calls).toHaveLength(1);
  });

  test("does not repeat what the store itself refused", async () => {
    const { store, calls } = scripted(
      { ok: false, failure: { kind: "unavailable", reason: "full", message: "The disk is full" } },
      { ok: true, value: null },
    );
    await expect(store.getKey("a")).rejects.toMatchObject({ reason: "full", message: "The disk is full" });
    expect(calls).toHaveLength(1);
  });

  test("has nothing to close", async () => {
    const { store, calls } = scripted();
    await store.close();
    expect(calls).toEqual([]);
  });
});

describe("an error on its way", () => {
  test.each([
    new StoreUnavailableError("newer_schema", "start a later release"),
    new StoredValueTooLargeError("state", 9_000, 8_192),
    new DuplicateKeyError("taken"),
    new TypeError("a subject is no whole key"),
    new Error("anything else"),
  ])("arrives as what it was: %s", (error) => {
    // A clone is what the platform makes of what is sent.
    const arrived = errorOf(structuredClone(failureOf(error)));
    expect(arrived.constructor).toBe(error.constructor);
    expect({ ...arrived, message: arrived.message }).toEqual({ ...error, message: error.message });
  });

  test("may be no error at all", () => {
    expect(errorOf(failureOf("just a text")).message).toBe("just a text");
  });
});

describe("the methods", () => {
  test("are the store's and no others", () => {
    expect(STORE_METHODS).toContain("advance");
    for (const name of ["close", "releaseLeases", "constructor", "hasOwnProperty", "__proto__", ""])
      expect(isStoreMethod(name)).toBe(false);
  });

  test("that only read may all be repeated", () => {
    for (const method of STORE_METHODS)
      if (/^(get|list|read|find|next|stats|ping|positions|tenantPosition)/.test(method))
        expect(isRepeatable(method), method).toBe(true);
  });
});
