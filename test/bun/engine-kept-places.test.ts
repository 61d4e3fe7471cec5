import { afterEach, describe, expect, test } from "vitest";
import { StoreUnavailableError } from "../../src/tasks/ports/store-error.ts";
import { type EngineWorld, engineWorld } from "../fixture/engine-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { pictures } from "../fixture/scripted-provider.ts";

let world: EngineWorld;
/** How often the store was asked for work on its own. */
let claims: number;

afterEach(async () => {
  await world.close();
});

async function started(...args: Parameters<typeof engineWorld>): Promise<EngineWorld> {
  world = await engineWorld(...args);
  world.engine.start();
  await settled();
  claims = 0;
  const { claim } = world.store;
  world.store.claim = (options) => {
    claims += 1;
    return claim(options);
  };
  return world;
}

describe("a task that is made while a place is free", () => {
  test("is begun in the step that makes it, and tells of both in order", async () => {
    const { provider, submit, updates, read } = await started();
    const { id, status } = await submit();
    expect((await provider.next()).job.taskId).toBe(id);
    expect([status, claims]).toEqual(["queued", 0]);
    provider.calls[0]?.answer(pictures());
    await settled();
    expect(await read(id)).toMatchObject({ status: "completed", attempt: 1, takeovers: 0 });
    const told = updates.flatMap(({ events }) => events.map(({ type }) => type));
    expect(told).toEqual(["queued", "started", "completed"].slice(0, told.length));
  });

  test("waits its turn behind one that has waited longer, and both are begun where there are places", async () => {
    world = await engineWorld({ concurrency: { image: 2, video: 1 } });
    const first = await world.submit();
    world.engine.start();
    const second = await world.submit();
    const begun = [await world.provider.next(), await world.provider.next()].map(({ job }) => job.taskId);
    expect(begun.sort()).toEqual([first.id, second.id].sort());
  });

  test("never has more calls open than there are places, however many come at once", async () => {
    const { provider, submit } = await started({ concurrency: { image: 2, video: 1 } });
    await Promise.all(Array.from({ length: 20 }, () => submit()));
    await settled();
    expect(provider.open).toBe(2);
    provider.always = () => pictures();
    for (const call of [...provider.calls]) call.answer(pictures());
    await world.clock.advance(1_000);
    expect([provider.calls.length, provider.mostOpen, world.engine.heldSteps]).toEqual([20, 2, 0]);
  });

  test("gives the place back where it is not made after all", async () => {
    const { provider, submit, store } = await started({ concurrency: { image: 1, video: 1 } });
    const { create } = store;
    store.create = () => Promise.reject(new StoreUnavailableError("locked", "another process holds it"));
    await expect(submit()).rejects.toThrow("another process holds it");
    store.create = create;
    const idempotency = { key: "once", fingerprint: "a", ttlMs: 60_000 };
    await submit({ idempotency });
    (await provider.next()).answer(pictures());
    await settled();
    await submit({ idempotency });
    await submit();
    expect([provider.calls.length, world.engine.heldSteps]).toEqual([2, 1]);
  });
});
