/** Batches in Redis: see scripts/batches/batch-counts.lua for what is kept of one. */

import type { OutboxOptions } from "../../events/outbox.ts";
import { TASK_STATUSES } from "../../protocol/task.ts";
import { assertBatch, type Batch } from "../../tasks/batches/batch.ts";
import type {
  BatchDraft,
  BatchRefusal,
  BatchStore,
  CreateBatchOutcome,
  RepeatedBatch,
} from "../../tasks/ports/batch-store.ts";
import type { RequestRate } from "../../tasks/ports/start-refusal.ts";
import type { CreateLimits, IdempotencyClaim } from "../../tasks/ports/task-store.ts";
import type { Tenant, TenantScope } from "../../tasks/task.ts";
import { assertScope } from "../scopes.ts";
import type { Reply } from "./server/replies.ts";
import { listReply, numberOf, textOf } from "./server/replies.ts";
import type { ScriptRunner } from "./server/script-runner.ts";
import { creationOf, onceArguments, readCreated } from "./tasks/creation.ts";
import type { TaskFields } from "./tasks/fields.ts";
import type { MadeTasks } from "./tasks/made-tasks.ts";

type Details = Pick<Batch, "taskIds" | "metadata">;

export class RedisBatches implements BatchStore {
  readonly #scripts: ScriptRunner;
  readonly #fields: TaskFields;
  readonly #made: MadeTasks;
  readonly #token: () => string;
  readonly #outbox: OutboxOptions | null;

  /** `token` draws epochs. */
  constructor(
    scripts: ScriptRunner,
    fields: TaskFields,
    made: MadeTasks,
    token: () => string,
    outbox: OutboxOptions | null,
  ) {
    this.#scripts = scripts;
    this.#made = made;
    this.#fields = fields;
    this.#token = token;
    this.#outbox = outbox;
  }

  async createBatch(draft: BatchDraft, limits: CreateLimits): Promise<CreateBatchOutcome> {
    assertBatch(draft.tasks);
    const { id, tenant, metadata, webhook, tasks, idempotency } = draft;
    const creations = tasks.map((task) => creationOf(this.#fields, task, limits, this.#token, this.#outbox));
    const details: Details = { taskIds: tasks.map((task) => task.id), metadata };
    const batch = [
      id,
      tenant.keyId,
      tenant.subject,
      JSON.stringify(details).slice(0, -1),
      webhook === null ? "" : JSON.stringify(webhook),
      ...onceArguments(idempotency, id),
    ];
    const reply = listReply(
      await this.#scripts.runLists("createBatch", [batch, ...creations.map(({ args }) => args)]),
    );
    if (reply[0] === "refused") {
      const index = numberOf(reply[1]);
      const creation = creations[index];
      const refusal =
        creation === undefined ? null : readCreated(this.#fields, creation, reply[2], this.#made);
      if (refusal === null || !isRefusal(refusal)) throw new Error("A task of a new batch was there before");
      return { outcome: "refused", index, refusal };
    }
    if (reply[0] !== "created") return readRepeated(reply);
    const [, now, made] = reply;
    let rate: RequestRate | null = null;
    const updates = listReply(made).map((one, index) => {
      const created = readCreated(
        this.#fields,
        creations[index] as (typeof creations)[number],
        one,
        this.#made,
      );
      if (created.outcome !== "created") throw new Error(`A task of a batch was ${created.outcome}`);
      rate = created.rate;
      return created.update;
    });
    const counts = { queued: tasks.length, running: 0, completed: 0, failed: 0, cancelled: 0 };
    const moments = { createdAt: numberOf(now), cancelledAt: null, finishedAt: null };
    return {
      outcome: "created",
      batch: { id, tenant, ...details, webhook, ...moments, counts },
      updates,
      rate,
    };
  }

  async repeatedBatch({ keyId, subject }: Tenant, claim: IdempotencyClaim): Promise<RepeatedBatch | null> {
    if (claim.takeOver === true) return null;
    const { key, fingerprint, onlyIfEndedWithinMs } = claim;
    const within = String(onlyIfEndedWithinMs ?? "");
    const reply = await this.#scripts.run("repeatedBatch", keyId, subject, key, fingerprint, within);
    return reply === null ? null : readRepeated(listReply(reply));
  }

  async getBatch(scope: TenantScope, batchId: string): Promise<Batch | null> {
    return readOne(await this.#scripts.run("getBatch", ...tenantArguments(scope), batchId));
  }

  async listBatches(
    scope: TenantScope,
    { limit, after }: { limit: number; after: string | null },
  ): Promise<{ batches: Batch[]; hasMore: boolean }> {
    const asked = [...tenantArguments(scope), after ?? "", String(limit + 1)];
    const [found, count] = listReply(await this.#scripts.run("listBatches", ...asked));
    const batches = listReply(found).map(readBatch);
    return { batches: batches.slice(0, limit), hasMore: numberOf(count) > limit };
  }

  async cancelBatch(scope: TenantScope, batchId: string): Promise<Batch | null> {
    return readOne(await this.#scripts.run("cancelBatch", ...tenantArguments(scope), batchId));
  }
}

function isRefusal(outcome: { outcome: string }): outcome is BatchRefusal["refusal"] {
  return !["created", "replayed", "conflict"].includes(outcome.outcome);
}

function tenantArguments(scope: TenantScope): [string, string] {
  assertScope(scope);
  return [scope.keyId, scope.subject ?? ""];
}

function readRepeated([outcome, record]: readonly Reply[]): RepeatedBatch {
  return outcome === "conflict" ? { outcome } : { outcome: "replayed", batch: readBatch(record) };
}

function readOne(reply: Reply): Batch | null {
  return reply === null ? null : readBatch(reply);
}

/** Details that are damaged leave a batch without them: its counts are still right. */
function readBatch(reply: Reply | undefined): Batch {
  const [id, record] = listReply(reply);
  const texts = listReply(record).map(textOf);
  const fields = new Map<string, string>();
  for (let index = 0; index + 1 < texts.length; index += 2)
    fields.set(texts[index] as string, texts[index + 1] as string);
  const moment = (name: string) => (fields.has(name) ? numberOf(fields.get(name)) : null);
  return {
    id: textOf(id),
    tenant: { keyId: fields.get("keyId") ?? "", subject: fields.get("subject") ?? "" },
    ...parsed<Details>(`${fields.get("details")}}`, { taskIds: [], metadata: {} }),
    webhook: parsed<Batch["webhook"]>(fields.get("webhook") ?? "null", null),
    createdAt: moment("createdAt") ?? 0,
    cancelledAt: moment("cancelledAt"),
    finishedAt: moment("finishedAt"),
    counts: Object.fromEntries(TASK_STATUSES.map((name) => [name, moment(name) ?? 0])) as Batch["counts"],
  };
}

/** The value of a JSON text; `otherwise` where it is missing or damaged. */
function parsed<T>(text: string, otherwise: T): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    return otherwise;
  }
}
