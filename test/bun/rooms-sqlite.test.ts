import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore, type SqliteStore } from "../../src/stores/sqlite/store.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import type { TaskUpdate, Tenant } from "../../src/tasks/task.ts";
import type { Lease, TaskDraft } from "../../src/tasks/task-store.ts";
import { NO_WORK, type StepTransition } from "../../src/tasks/transition.ts";
import { roomsContract } from "../contract/rooms.ts";
import { ManualClock } from "../fixture/manual-clock.ts";
import type { ScriptedEvent } from "../fixture/scripted-logs.ts";
import { virtualKey } from "../fixture/virtual-key.ts";

roomsContract({
  name: "the SQLite store",
  open: async () => {
    const clock = new ManualClock();
    const store = createSqliteStore({ database: openSqliteFile(":memory:"), now: () => clock.now() });
    for (const id of ["key_a", "key_b"]) await store.createKey(virtualKey({ id, hash: id.padEnd(64, "0") }));
    const worker = new Worker(store);
    const nextId = createTaskIds(() => clock.now());
    return {
      store,
      clock,
      create: (tenant) => created(store, draft(nextId(), tenant)),
      advance: (taskId, type, percent) => worker.advance(taskId, type, percent ?? 0, clock.now()),
      close: () => store.close(),
    };
  },
});

/** Moves tasks by the store's own transitions. */
class Worker {
  readonly #store: SqliteStore;
  readonly #leases = new Map<string, Lease>();

  constructor(store: SqliteStore) {
    this.#store = store;
  }

  async advance(taskId: string, type: ScriptedEvent, percent: number, now: number): Promise<TaskUpdate> {
    if (type === "started") return this.#start(taskId);
    if (type === "cancelled") {
      const outcome = await this.#store.cancel({ keyId: "key_a", subject: null }, taskId);
      if (outcome.outcome !== "cancelled") throw new Error(outcome.outcome);
      return outcome.update;
    }
    const lease = this.#leases.get(taskId);
    if (lease === undefined) throw new Error(`${taskId} is not held`);
    const outcome = await this.#store.advance(lease, transition(type, percent, now));
    if (!outcome.applied) throw new Error("the lease was lost");
    return outcome.update;
  }

  async #start(taskId: string): Promise<TaskUpdate> {
    const [claim] = await this.#store.claim({ lane: "image", leaseMs: 60_000, max: 1 });
    if (claim?.update == null || claim.task.id !== taskId) throw new Error(`${taskId} is not the next`);
    this.#leases.set(taskId, claim.lease);
    return claim.update;
  }
}

function transition(
  type: Exclude<ScriptedEvent, "started" | "cancelled">,
  percent: number,
  now: number,
): StepTransition {
  const error = { code: "provider_error", message: "it failed" } as const;
  switch (type) {
    case "progress":
      return { kind: "progress", percent, message: null };
    case "retrying":
      return { kind: "retry", dueAt: now, error, work: NO_WORK };
    case "failed":
      return { kind: "fail", error, abandonsJob: false, work: NO_WORK };
    case "completed":
      return { kind: "complete", result: { items: [], errors: [] }, costMicros: 0, work: NO_WORK };
  }
}

async function created(store: SqliteStore, task: TaskDraft): Promise<TaskUpdate> {
  const outcome = await store.create(task, { maxQueuedPerKey: 100 });
  if (outcome.outcome !== "created") throw new Error(outcome.outcome);
  return outcome.update;
}

function draft(id: string, tenant: Tenant): TaskDraft {
  return {
    id,
    tenant,
    type: "image",
    model: "local/canvas",
    provider: "local",
    providerModel: "canvas",
    request: { prompt: "a red fox", n: 1 },
    priority: "normal",
    metadata: {},
    timeoutMs: 60_000,
    maxAttempts: 3,
    retryOf: null,
    batchId: null,
    baseUrl: "http://127.0.0.1:8787",
    reservedMicros: 0,
    maxWaitMs: 60_000,
    idempotency: null,
  };
}
