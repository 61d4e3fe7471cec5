import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore } from "../../src/stores/sqlite/store.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import { roomsContract } from "../contract/rooms.ts";
import { ManualClock } from "../fixture/manual-clock.ts";
import { SCRIPTED_ATTEMPTS, ScriptedSteps } from "../fixture/scripted-steps.ts";
import { taskDraft } from "../fixture/task-draft.ts";
import { virtualKey } from "../fixture/virtual-key.ts";

roomsContract({
  name: "the SQLite store",
  open: async () => {
    const clock = new ManualClock();
    const store = createSqliteStore({ database: openSqliteFile(":memory:"), now: () => clock.now() });
    for (const id of ["key_a", "key_b"]) await store.createKey(virtualKey({ id, hash: id.padEnd(64, "0") }));
    const steps = new ScriptedSteps(store);
    const nextId = createTaskIds(() => clock.now());
    return {
      store,
      clock,
      create: (tenant) => steps.create(taskDraft({ id: nextId(), tenant, maxAttempts: SCRIPTED_ATTEMPTS })),
      advance: (taskId, type, percent) => steps.advance(taskId, type, percent),
      close: () => store.close(),
    };
  },
});
