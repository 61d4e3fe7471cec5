/** Rooms over the store in a Durable Object, called from elsewhere: what every room's object and shard does. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createRemoteStore } from "../../src/stores/remote/remote-store.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import { roomsContract } from "../contract/rooms.ts";
import { ManualClock, settled } from "../fixture/manual-clock.ts";
import { SCRIPTED_ATTEMPTS, ScriptedSteps } from "../fixture/scripted-steps.ts";
import { taskDraft } from "../fixture/task-draft.ts";
import { virtualKey } from "../fixture/virtual-key.ts";

/** A room asks the store three times in a row at most: for a read, a new follow flag, and a read from there. */
const QUESTIONS = 4;

let objects = 0;

roomsContract({
  name: "the store in a Durable Object",
  open: async () => {
    objects += 1;
    const object = () => env.STORE.getByName(`rooms ${objects}`);
    const clock = new ManualClock();
    await runInDurableObject(object(), (store) => Object.assign(store, { now: () => clock.now() }));
    const store = createRemoteStore({ STORE: { getByName: object } });
    for (const id of ["key_a", "key_b"]) await store.createKey(virtualKey({ id, hash: id.padEnd(64, "0") }));
    const steps = new ScriptedSteps(store);
    const nextId = createTaskIds(() => clock.now());
    return {
      store,
      clock,
      create: (tenant) => steps.create(taskDraft({ id: nextId(), tenant, maxAttempts: SCRIPTED_ATTEMPTS })),
      advance: (taskId, type, percent) => steps.advance(taskId, type, percent),
      async settled() {
        for (let question = 0; question < QUESTIONS; question += 1) {
          await store.ping();
          await settled();
        }
      },
      close: async () => {},
    };
  },
});
