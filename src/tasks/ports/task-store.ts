/**
 * The task store port: the truth about tasks. Every method is one atomic step; when its promise resolves the
 * change is as durable as the adapter can make it. Task, event logs, reservation, webhook deliveries and
 * cleanup items change together or not at all. A step that could not happen rejects with `StoreUnavailableError`, a
 * value beyond its bound with `StoredValueTooLargeError` (both in store-error.ts); nothing is written then.
 *
 * Every read of a tenant's data takes a scope; what is outside the scope answers exactly like what does not exist.
 * Times are wall-clock milliseconds of the store's own clock, money is micro-dollars.
 */

import type { Json, TaskStatus, TaskType } from "../../protocol/task.ts";
import type { DeliveryReport, JobBill, LateReport, WorkItem, WorkKind } from "../due-work.ts";
import type {
  Candidate,
  JobRequest,
  Position,
  Task,
  TaskEvent,
  TaskInput,
  TaskUpdate,
  TaskWebhook,
  Tenant,
  TenantScope,
} from "../task.ts";
import type { StepTransition } from "../transition.ts";
import type { RequestRate, StartRefusal } from "./start-refusal.ts";

export type TaskDraft = {
  /** UUIDv7, lower case. */
  id: string;
  tenant: Tenant;
  type: TaskType;
  model: string;
  /** At least one. */
  route: readonly Candidate[];
  request: JobRequest;
  inputs: readonly TaskInput[];
  priority: Task["priority"];
  metadata: Record<string, string>;
  timeoutMs: number;
  maxAttempts: number;
  retryOf: string | null;
  batchId: string | null;
  customer: string | null;
  webhook: TaskWebhook | null;
  baseUrl: string;
  /** Held back from the key's budget until the task is settled. */
  reservedMicros: number;
  /** The price by which `reservedMicros` was reckoned; kept with the hold. Null where nothing is held. Drafts may share it. */
  price: Json;
  /** How long it may wait in the queue before its first start. */
  maxWaitMs: number;
  idempotency: IdempotencyClaim | null;
};

export type IdempotencyClaim = {
  /** Already scoped by route; the store scopes it by tenant. At most 300 characters. */
  key: string;
  /** Hash of the body: the same key with another fingerprint is a conflict. */
  fingerprint: string;
  ttlMs: number;
  /**
   * When set, a task that ended longer ago than this is not replayed; a new one takes the key over.
   * (Repeats without an `Idempotency-Key` header: "unfinished or ended less than 30 s ago".)
   */
  onlyIfEndedWithinMs?: number;
  /**
   * Replays nothing: the new task takes the key over, whatever task and fingerprint it had.
   * (The first sending of a request that the client's library may repeat by itself: meant, however equal it looks.)
   */
  takeOver?: boolean;
};

/** What the create step checks again, in the same step, whatever a cache said. */
export type CreateLimits = { maxQueuedPerKey: number };

/** How a request that was sent before is answered. */
export type RepeatOutcome =
  /** The same request was accepted before; this is its task as it is now. */
  | { outcome: "replayed"; task: TaskView }
  /** The idempotency key was used with another body. */
  | { outcome: "conflict" };

export type CreateOutcome =
  /** `rate`: of the key's limits of requests the one that is nearer to its end; null where it has none. */
  /** `claimed`: what was claimed in the same step; absent where the store does not do that. */
  | { outcome: "created"; update: TaskUpdate; rate: RequestRate | null; claimed?: readonly Claim[] }
  | RepeatOutcome
  | CreateRefusal;

/** Why a task is not made. Looked for in this order: the key, its requests, its queue, its budgets, its customer's. */
export type CreateRefusal = QueueFull | StartRefusal;

/** As many tasks of the key wait as may; `rate` as with `BudgetExceeded`. */
export type QueueFull = { outcome: "queue_full"; queued: number; rate: RequestRate | null };

/** A task with its place in the queue, 1 = next; null when it is not waiting for its first or next start. */
export type TaskView = { task: Task; queuePosition: number | null };

/** Which tasks are meant; nothing named: all of them. */
export type TaskFilter = {
  statuses?: readonly TaskStatus[];
  type?: TaskType;
  batchId?: string;
};

export type ListQuery = TaskFilter & {
  /** 1-100. */
  limit: number;
  /** Task id: the page begins with the next older one, or with the next newer one in the other order. */
  after?: string;
  /** Oldest first; newest first when absent. Pages of a batch come newest first only. */
  order?: "asc";
};
export type TaskPage = { tasks: TaskView[]; hasMore: boolean };

/**
 * The right to work on a task: every write of a worker carries it. It is refused unless the task's fence is this one
 * and the task is still held (`leaseUntil` set): a released, cancelled or taken-over task takes no more writes from it.
 */
export type Lease = { shard: number; taskId: string; fence: number };

/** The one shard there is. Leases, claims and stored names carry its number, so that keys can be split over several. */
export const ONLY_SHARD = 0;

/** Whether a step begins an attempt, or continues one: a poll, or the task of a dead worker. */
export const STEP_KINDS = ["start", "poll"] as const;
export type StepKind = (typeof STEP_KINDS)[number];

export type ClaimOptions = {
  /** Absent: `ONLY_SHARD`. */
  shard?: number;
  lane: TaskType;
  /** Only tasks whose current candidate is one of these: a process claims what it can run. Absent: whatever is due. */
  providers?: readonly string[];
  leaseMs: number;
  /** At most this many; the engine's free slots. */
  max: number;
  /** At most this many of them begin an attempt. Absent: `max`. */
  maxStarts?: number;
  /** At most this many of them continue one: polls, and tasks of dead workers. Absent: `max`. */
  maxPolls?: number;
  /**
   * How many tasks of the lane may be held at once by everybody together: the claim stops there. Absent: no such limit.
   * Tasks that wait for their next poll are not held.
   */
  maxHeld?: number;
};

export type Claim = {
  lease: Lease;
  /** The task after the claim: `running`, with its state if it has one. */
  task: Task;
  /** Set when the claim began an attempt (event `started`); null when it continues one. */
  update: TaskUpdate | null;
};

export type AdvanceOutcome =
  | { applied: true; update: TaskUpdate; claimed: Claim[] }
  /** The lease was lost: cancelled, past the deadline, taken over or purged. Nothing was written. */
  | { applied: false; claimed: Claim[] };

export type CancelOutcome =
  | { outcome: "cancelled"; update: TaskUpdate }
  /** It was cancelled before; nothing changed. */
  | { outcome: "already_cancelled"; task: Task }
  /** It had completed or failed. */
  | { outcome: "already_finished"; task: Task }
  | { outcome: "not_found" };

export type PurgeOutcome = "purged" | "not_finished" | "not_found";

export type WorkClaimOptions = {
  kind: WorkKind;
  leaseMs: number;
  /** At most this many in all. */
  max: number;
  /** How many of one destination may be held at once by everybody together; the claim stops there for it. */
  maxPerDestination: number;
  /** Only these; absent: every destination. Work past its `giveUpAt` is handed out whatever its destination is. */
  destinations?: readonly string[];
};

export type ClaimedWork = {
  item: WorkItem;
  /** The task it is about; null when that is gone. */
  task: Task | null;
  /** By the store's clock its time is over: whatever comes of it now, it is finished. */
  overdue: boolean;
};

export type WorkOutcome =
  /** Removes the item. A `bill` settles the job of a cleanup: the task is charged as the reducer says. */
  | { kind: "done"; bill?: JobBill; delivery?: DeliveryReport }
  /** Comes again after `delayMs`. `pauseMs` pauses the whole destination: nothing is claimed for it meanwhile. */
  | { kind: "again"; delayMs: number; pauseMs?: number; delivery?: DeliveryReport };

export type FollowOutcome = { view: TaskView; position: Position };

export type LogRead =
  /** Lifecycle events after the position, in order, and the last progress when it is newer; at most `limit`. */
  | { outcome: "events"; task: Task; events: TaskEvent[]; position: Position }
  /** The position is of another epoch or was trimmed: read the snapshot anew. */
  | { outcome: "reset" }
  | { outcome: "not_found" };

export type TenantLogRead =
  | { outcome: "events"; entries: { event: TaskEvent; task: Task }[]; position: Position; more: boolean }
  | { outcome: "reset"; position: Position };

export type SweepOutcome = {
  /** Tasks that ran into their deadline (terminal now). */
  updates: TaskUpdate[];
  /** Orphans made claimable again. */
  requeued: number;
  /** Whether there was more than one bounded step of work. */
  more: boolean;
};

/** How long things are kept: tasks and events after the task's end, charges after they were made; ms. */
export type Retention = { tasksMs: number; eventsMs: number; ledgerMs: number };
export type RetentionOutcome = { removedTaskIds: string[]; trimmedLogs: number; more: boolean };

/** How long after their task's end files are kept: all of them, and those that it does not name; ms. */
export type MediaRetention = { mediaMs: number; strayMs: number };
export type DueMedia = {
  /** Tasks whose files are all to be removed. */
  expired: string[];
  /** Tasks that may have files they do not name: all but those that their first holder completed. */
  untidy: string[];
  /** For the next call, when everything above is done. Null when there was nothing to do. */
  receipt: string | null;
};

export type QueueStats = {
  lane: TaskType;
  /** Ready to be claimed. */
  ready: number;
  /** Waiting for their next attempt or poll. */
  delayed: number;
  /** Held under a lease. */
  held: number;
};

export interface TaskStore {
  /**
   * Task, `queued` event, reservation and idempotency claim in one step. A draft whose task exists already (its id, in
   * its tenant) is `replayed` and changes nothing, so that a create whose answer was lost can be sent again.
   * A store MAY do the claim of `next` in the same step once it has made the task; what it takes is the fairest due task,
   * as ever, which need not be this one.
   */
  create(draft: TaskDraft, limits: CreateLimits, next?: ClaimOptions): Promise<CreateOutcome>;
  /**
   * What `create` would answer to a draft with this claim instead of making a task, null when it would make one. For what
   * has to be done before a create, and need not be done for a repeat; `create` decides.
   */
  repeated(tenant: Tenant, claim: IdempotencyClaim): Promise<RepeatOutcome | null>;
  get(scope: TenantScope, taskId: string): Promise<TaskView | null>;
  /** Newest first. */
  list(scope: TenantScope, query: ListQuery): Promise<TaskPage>;

  /**
   * Claims the fairest due tasks of a lane under leases. Start-time fair queueing over keys, weighted by
   * priority within a key; the cost MUST NOT grow with the queue. Promotes at most 32 delayed tasks first.
   */
  claim(options: ClaimOptions): Promise<Claim[]>;
  /** Prolongs leases; answers the task ids whose lease was lost. */
  renew(leases: readonly Lease[], leaseMs: number): Promise<string[]>;
  /** Applies a worker's transition under its fence and, in the same step, claims the next work when asked. */
  advance(lease: Lease, transition: StepTransition, claimNext?: ClaimOptions): Promise<AdvanceOutcome>;
  /**
   * In how many ms, by the store's clock, the lane's next delayed task becomes due, at least 1; `0` when something is ready
   * now, null when nothing waits. With `providers` only ready tasks of those count; a paused provider's ready tasks count
   * from the end of its pause. With `kind` only ready tasks count whose claim would begin an attempt, or continue one.
   */
  nextDueIn(lane: TaskType, providers?: readonly string[], kind?: StepKind): Promise<number | null>;
  /**
   * Pauses a provider in a lane: its ready tasks are not claimed for `pauseMs` from now, started ones (polls) go on.
   * A shorter pause than the one that runs changes nothing; 0 ends it.
   */
  pauseProvider(lane: TaskType, provider: string, pauseMs: number): Promise<void>;

  /**
   * A provider says that something happened to the task's job: its next poll is due now, or a moment after the last one.
   * The task then; null when there is none, or none that waits for a later poll.
   */
  hint(taskId: string): Promise<Task | null>;
  /** Ends the task and raises its fence, whoever holds it; leaves a cleanup item where an upstream job may exist. */
  cancel(scope: TenantScope, taskId: string): Promise<CancelOutcome>;
  /** Removes a finished task with its events; its media is the caller's to remove. */
  purge(scope: TenantScope, taskId: string): Promise<PurgeOutcome>;

  /** Deadlines passed and leases run out, at most `limit` of them. */
  sweep(limit: number): Promise<SweepOutcome>;

  /** Hands out due work under leases, or work whose holder was lost; each destination's in the order it is due. */
  claimWork(options: WorkClaimOptions): Promise<ClaimedWork[]>;
  /** False when the item was taken over, changed by a late report, or finished meanwhile; nothing was written then. */
  finishWork(item: WorkItem, outcome: WorkOutcome): Promise<boolean>;
  /** In how many ms, by the store's clock, work of the kind may next be claimed: 0 when now, null when there is none. */
  nextWorkIn(kind: WorkKind, destinations?: readonly string[]): Promise<number | null>;
  /**
   * A stale holder's only permitted write, also when it has nothing to hand over (`state` and cost null): then it
   * just says that its call is over. Makes its cleanup due at once. A reference for which there is no cleanup gets one,
   * unless it is that of the job the task goes on with; and so does the bill of a job that never had a reference.
   */
  reportLate(report: LateReport): Promise<void>;

  /** Marks the task followed and answers snapshot and position in one step. */
  follow(scope: TenantScope, taskId: string): Promise<FollowOutcome | null>;
  /** Takes the mark away; one outside the scope stays. */
  unfollow(scope: TenantScope, taskId: string): Promise<void>;
  /** Marks the tenant's stream followed and answers its position in one step. */
  followTenant(scope: TenantScope): Promise<Position>;
  unfollowTenant(scope: TenantScope): Promise<void>;
  /** The task's log after a position. */
  readLog(scope: TenantScope, taskId: string, after: Position, limit: number): Promise<LogRead>;
  /** The tenant's log after a position; `reset` when more than 1,000 events or 1 h lie between. */
  readTenantLog(scope: TenantScope, after: Position, limit: number): Promise<TenantLogRead>;
  /** Where the logs of these tasks stand; unknown ids are left out. For the rooms' position check. */
  positions(taskIds: readonly string[]): Promise<Map<string, Position>>;
  tenantPosition(scope: TenantScope): Promise<Position>;

  /** One bounded step of the retention sweep. */
  retire(retention: Retention, limit: number): Promise<RetentionOutcome>;
  /**
   * Finished tasks, settled or not, whose files are due, at most `limit` of each kind, in the order they ended. A step is
   * answered again until a call brings its receipt, so nothing is passed over when its caller dies between the two.
   * A task that entered its list late (a clock was set back, an earlier release settled it) may be passed over: its files
   * go when it is retired. What a call costs MUST NOT grow with the tasks that are kept.
   */
  dueMedia(retention: MediaRetention, limit: number, receipt: string | null): Promise<DueMedia>;
  /** Of these files, the paths that no task holds (any more). */
  unreferencedMedia(files: readonly { path: string; taskId: string }[]): Promise<string[]>;
  stats(): Promise<QueueStats[]>;
  /**
   * For how long, by the store's clock, the oldest of the lane's tasks has waited for its first start, ms; null when none does. A
   * task that its key's own limit holds back does not count. With very many keys at once it is a lower estimate: what it
   * costs MUST NOT grow without a bound.
   */
  oldestWaitingMs(lane: TaskType): Promise<number | null>;
  /** How much of what is stored could not be read, and was passed over so that the rest goes on. */
  countUnreadable(): Promise<number>;
  /** Writes something that matters to nobody. Rejects when the store cannot be written to, whatever can be read of it. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
