/** What the store contracts share: a store under test with a clock they move, and short ways to say what happens. */

import { expect } from "vitest";
import type { Store } from "../../src/stores/store.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import type {
  Claim,
  ClaimedWork,
  ClaimOptions,
  CreateOutcome,
  TaskDraft,
} from "../../src/tasks/ports/task-store.ts";
import type { Task, TaskResult, TenantScope } from "../../src/tasks/task.ts";
import { NOTHING_SPENT, type StepTransition } from "../../src/tasks/transition.ts";
import {
  DRAFT_MAX_WAIT_MS,
  DRAFT_RESERVED_MICROS,
  DRAFT_TIMEOUT_MS,
  taskDraft,
} from "../fixture/task-draft.ts";
import { virtualKey } from "../fixture/virtual-key.ts";

/** A fresh store that nobody else uses. Its clock stands still unless it is moved. */
export type StoreUnderTest = {
  store: Store;
  now(): number;
  advance(ms: number): void;
  dispose(): Promise<void>;
};

export type StoreContract = {
  /** The adapter, as it stands in the test's name. */
  name: string;
  open: () => Promise<StoreUnderTest>;
};

export const LEASE_MS = 9_000;
export const TIMEOUT_MS = DRAFT_TIMEOUT_MS;
export const MAX_WAIT_MS = DRAFT_MAX_WAIT_MS;
export const RESERVED = DRAFT_RESERVED_MICROS;
export const FAILURE = { code: "provider_error", message: "The provider broke" } as const;
export const RESULT: TaskResult = {
  items: [{ index: 0, media: { path: "2026/11/22/a/b.png", contentType: "image/png", bytes: 12 } }],
  errors: [],
};
export const COMPLETE: StepTransition = {
  kind: "complete",
  result: RESULT,
  costMicros: 400,
  spent: NOTHING_SPENT,
};
export const RELEASE: StepTransition = { kind: "release", submitUnknown: false, spent: NOTHING_SPENT };

/** The whole key's view. */
export function scopeOf(keyId: string): TenantScope {
  return { keyId, subject: null };
}

/** A store with the keys `a`, `b` and `c`, and what tests do with it. */
export class Bench {
  readonly store: Store;
  readonly now: () => number;
  readonly advance: (ms: number) => void;
  readonly dispose: () => Promise<void>;
  readonly #nextId: () => string;
  #drawn = 0;

  constructor(tested: StoreUnderTest) {
    this.store = tested.store;
    this.now = () => tested.now();
    this.advance = (ms) => tested.advance(ms);
    this.dispose = () => tested.dispose();
    this.#nextId = createTaskIds(this.now, (bytes) => {
      for (let index = 0; index < bytes.length; index++) bytes[index] = (this.#drawn++ * 197) & 255;
    });
  }

  static async open(contract: StoreContract): Promise<Bench> {
    const bench = new Bench(await contract.open());
    for (const id of ["a", "b", "c"]) await bench.store.createKey(virtualKey({ id }));
    return bench;
  }

  draft(changes: Partial<TaskDraft> & { keyId?: string; subject?: string } = {}): TaskDraft {
    const { keyId = "a", subject = "", ...rest } = changes;
    return taskDraft({ id: this.#nextId(), tenant: { keyId, subject }, ...rest });
  }

  create(changes: Parameters<Bench["draft"]>[0] = {}, maxQueuedPerKey = 100_000): Promise<CreateOutcome> {
    return this.store.create(this.draft(changes), { maxQueuedPerKey });
  }

  /** Creates a task that has to be accepted. */
  async submit(changes: Parameters<Bench["draft"]>[0] = {}): Promise<Task> {
    const created = await this.create(changes);
    if (created.outcome !== "created") throw new Error(`Not created but ${created.outcome}`);
    return created.update.task;
  }

  claim(max = 1, options: Partial<ClaimOptions> = {}): Promise<Claim[]> {
    return this.store.claim({ lane: "image", leaseMs: LEASE_MS, max, ...options });
  }

  /** Claims one task, which has to be there. */
  async claimOne(options: Partial<ClaimOptions> = {}): Promise<Claim> {
    const [claim] = await this.claim(1, options);
    if (claim === undefined) throw new Error("There was nothing to claim");
    return claim;
  }

  /** Applies a transition that has to be accepted; the task after it. */
  async apply(claim: Claim, transition: StepTransition): Promise<Task> {
    const outcome = await this.store.advance(claim.lease, transition);
    if (!outcome.applied) throw new Error(`The store refused ${transition.kind}`);
    return outcome.update.task;
  }

  /** The task as it is stored, past every scope. */
  async read(task: { id: string; tenant: { keyId: string } }): Promise<Task> {
    const view = await this.store.get(scopeOf(task.tenant.keyId), task.id);
    if (view === null) throw new Error(`Task ${task.id} is gone`);
    return view.task;
  }

  /** Claims cleanups, as many as there are of whatever provider. */
  cleanups(max = 10, leaseMs = LEASE_MS): Promise<ClaimedWork[]> {
    return this.store.claimWork({ kind: "cleanup", leaseMs, max, maxPerDestination: 1_000 });
  }

  /** Finishes a cleanup with its bill; whether it was still this holder's. */
  bill({ item }: ClaimedWork, billedMicros: number | null): Promise<boolean> {
    return this.store.finishWork(item, {
      kind: "done",
      bill: { cancellation: "immediate", billedMicros },
    });
  }

  async positionOf(task: Task): Promise<number | null> {
    return (await this.store.get(scopeOf(task.tenant.keyId), task.id))?.queuePosition ?? null;
  }

  /** Types and seqs of a task's whole log. */
  async log(task: Task): Promise<string[]> {
    const { epoch } = await this.read(task);
    const read = await this.store.readLog(scopeOf(task.tenant.keyId), task.id, { epoch, seq: 0 }, 1_000);
    if (read.outcome !== "events") throw new Error(`The log answered ${read.outcome}`);
    return read.events.map((event) => `${event.seq} ${event.type}`);
  }

  /** Claims and completes until nothing is ready; the keys or ids in the order they were served. */
  async drain(name: (task: Task) => string, options: Partial<ClaimOptions> = {}): Promise<string[]> {
    const served: string[] = [];
    for (
      let claims = await this.claim(1, options);
      claims.length > 0;
      claims = await this.claim(1, options)
    ) {
      for (const claim of claims) {
        served.push(name(claim.task));
        await this.apply(claim, COMPLETE);
      }
    }
    return served;
  }

  async stat(lane: "image" | "video" = "image"): Promise<{ ready: number; delayed: number; held: number }> {
    const found = (await this.store.stats()).find((stats) => stats.lane === lane);
    return { ready: found?.ready ?? 0, delayed: found?.delayed ?? 0, held: found?.held ?? 0 };
  }
}

/** Every way for a task to be over, by what was done to it. */
export const ENDINGS: Record<string, (bench: Bench) => Promise<Task>> = {
  completed: async (bench) => {
    await bench.submit();
    return bench.apply(await bench.claimOne(), COMPLETE);
  },
  failed: async (bench) => {
    await bench.submit();
    return bench.apply(await bench.claimOne(), {
      kind: "fail",
      error: FAILURE,
      jobOver: true,
      spent: NOTHING_SPENT,
    });
  },
  expired: async (bench) => {
    await bench.submit();
    bench.advance(MAX_WAIT_MS);
    const { updates } = await bench.store.sweep(10);
    return updates[0]!.task;
  },
  cancelled: async (bench) => {
    const task = await bench.submit();
    const outcome = await bench.store.cancel(scopeOf("a"), task.id);
    expect(outcome.outcome).toBe("cancelled");
    return bench.read(task);
  },
};
