/**
 * Changes of tasks: the reducer decides here, about the record as it is known, and one script writes what it decided if the
 * task is still at that revision; otherwise the script answers the record as it is, and it is decided anew. What this process
 * claimed it knows; anything else is loaded first. Changes of one task are made one after the other.
 *
 * The moment of a decision is the server's as far as it is known; moments are sent as distances to it, and the server adds
 * its own, so that a clock that is off changes nothing.
 */

import type { OutboxOptions } from "../../../events/outbox.ts";
import type { TaskEventType } from "../../../protocol/task.ts";
import { WORK_KINDS, type WorkDraft, type WorkItem } from "../../../tasks/due-work.ts";
import type { Claim, ClaimOptions } from "../../../tasks/ports/task-store.ts";
import { reduce } from "../../../tasks/reducer.ts";
import { candidateOf, type Task, type TaskEvent, type TaskUpdate } from "../../../tasks/task.ts";
import {
  movementId,
  queueStateOf,
  type Reduction,
  type Settlement,
  settledWork,
  type Transition,
  wakeAt,
} from "../../../tasks/transition.ts";
import { taskMessage } from "../../../webhooks/task-message.ts";
import { STATUS_OF_EVENT } from "../../event-log.ts";
import { rankOf } from "../../fair-queue.ts";
import { taskRows } from "../event-rows.ts";
import { movementText } from "../ledger.ts";
import { MAX_STEP_TASKS } from "../scripts.ts";
import { DamagedKeyError } from "../server/errors.ts";
import type { Reply } from "../server/replies.ts";
import { listReply, numberOf, numberOrNull, textOf } from "../server/replies.ts";
import type { ScriptRunner } from "../server/script-runner.ts";
import type { ServerClock } from "../server/server-clock.ts";
import { usageText } from "../usage.ts";
import type { Besides, DamagedTask, StoredTask, TaskFields } from "./fields.ts";
import type { MadeTasks } from "./made-tasks.ts";
import { eventText, knownClaim, readClaims, readPlaces } from "./task-reply.ts";

/** Records of tasks under leases of this process that are remembered; one that is not is loaded when it is changed. */
const MAX_KNOWN = 1_024;
/** How often a change is decided anew because the task had changed meanwhile. */
const MAX_DECISIONS = 100;

/** What is wanted of a task. */
export type WantedChange = {
  /** What to do with the task as it is; null to leave it alone. It may throw, and is asked again when the task changed. */
  transition(stored: StoredTask, now: number): Transition | null;
  /** What to claim in the same step. */
  next?: ClaimOptions;
  /** Due work that is finished by it, if it is still held. */
  work?: Pick<WorkItem, "kind" | "id" | "fence">;
  /** The record to begin with, if it was read just now. */
  stored?: StoredTask;
};

export type CommitOutcome =
  | { kind: "applied"; update: TaskUpdate; claimed: Claim[] }
  /** Nothing was written: the task as it is, null when it is gone. */
  | { kind: "refused"; stored: StoredTask | null }
  /** Nothing was written: the due work is not held any more. */
  | { kind: "work_lost" };

export class Commits {
  readonly #scripts: ScriptRunner;
  readonly #fields: TaskFields;
  readonly #clock: ServerClock;
  readonly #outbox: OutboxOptions | null;
  readonly #made: MadeTasks;
  readonly #known = new Map<string, StoredTask>();
  /** The last change of a task that is under way. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(
    scripts: ScriptRunner,
    fields: TaskFields,
    clock: ServerClock,
    made: MadeTasks,
    outbox: OutboxOptions | null = null,
  ) {
    this.#made = made;
    this.#outbox = outbox;
    this.#scripts = scripts;
    this.#fields = fields;
    this.#clock = clock;
  }

  /** Changes the task after the changes of it that are under way. Rejects with `DamagedKeyError` when its key is damaged. */
  commit(taskId: string, wanted: WantedChange): Promise<CommitOutcome> {
    const before = this.#underWay.get(taskId);
    const change = () => this.#commit(taskId, wanted);
    const done = before === undefined ? change() : before.then(change, change);
    this.#underWay.set(taskId, done);
    const over = () => {
      if (this.#underWay.get(taskId) === done) this.#underWay.delete(taskId);
    };
    done.then(over, over);
    return done;
  }

  /** Reads what a claim answered, and remembers it: it is this process's to change. Tasks that cannot be read are set aside. */
  async claimed(reply: Reply | undefined): Promise<Claim[]> {
    const { claims, damaged } = readClaims(this.#fields, await this.#whole(listReply(reply)));
    for (const { claim, stored } of claims) this.#remember(claim.task.id, stored);
    // Where that fails, the sweep does it when their leases have run out. The other claims hold all the same.
    await this.setAside(damaged).catch(() => undefined);
    return claims.map(({ claim }) => claim);
  }

  /** Claims with their tasks, where the script told only what it set in them. */
  async #whole(replies: readonly Reply[]): Promise<readonly Reply[]> {
    if (!replies.some((one) => typeof listReply(one)[0] === "string")) return replies;
    const whole = replies.map(async (one): Promise<Reply[]> => {
      const [told, ...rest] = listReply(one);
      if (typeof told !== "string") return [[told ?? null, ...rest]];
      const known = knownClaim(this.#fields, told, this.#made);
      return known === null ? this.#unknown(told, rest) : [[known, ...rest]];
    });
    return (await Promise.all(whole)).flat();
  }

  /** A claim of a task that is not known after all. One whose lease is over meanwhile, or that cannot be had now, is the sweep's. */
  async #unknown(told: string, rest: readonly Reply[]): Promise<Reply[]> {
    const [id = "", , ...changes] = told.split("\n");
    const answer = await this.#scripts.run("load", id).catch(() => null);
    const task = answer === null ? null : (listReply(listReply(answer)[1])[0] ?? null);
    const fence = changes[changes.indexOf("fence") + 1];
    return this.#fields.tryRead(task)?.task.fence === Number(fence) ? [[task, ...rest]] : [];
  }

  /** Takes tasks that cannot be read out of every list, so that the others go on, and counts them for the operator. */
  async setAside(damaged: readonly DamagedTask[]): Promise<void> {
    for (let from = 0; from < damaged.length; from += MAX_STEP_TASKS) {
      const group = damaged.slice(from, from + MAX_STEP_TASKS);
      const named = group.flatMap(({ id, rev, leaseUntil }) => [id, rev, leaseUntil]);
      await this.#scripts.run("setAside", ...named);
    }
  }

  /**
   * Sets aside those that have ended, which nobody but a reader comes to; what has not is its holder's, or the sweep comes to
   * it. Never rejects: the next reader tries again.
   */
  async setEndedAside(damaged: readonly DamagedTask[]): Promise<void> {
    const ended = damaged.filter((one) => one.ended);
    if (ended.length > 0) await this.setAside(ended).catch(() => undefined);
  }

  /** Null also for one that cannot be read. */
  async load(taskId: string): Promise<StoredTask | null> {
    const [now, tasks] = listReply(await this.#scripts.run("load", taskId));
    this.#clock.learn(numberOf(now));
    const reply = listReply(tasks)[0] ?? null;
    const stored = this.#fields.tryRead(reply);
    if (stored === null && reply !== null) await this.setEndedAside([this.#fields.damaged(reply)]);
    return stored;
  }

  async #commit(taskId: string, wanted: WantedChange): Promise<CommitOutcome> {
    const known = wanted.stored ?? this.#known.get(taskId);
    let fresh = wanted.stored !== undefined;
    let stored = known ?? null;
    for (let decisions = 0; decisions < MAX_DECISIONS; decisions++) {
      if (stored === null) {
        stored = await this.load(taskId);
        fresh = true;
        if (stored === null) return this.#refused(taskId, null);
      }
      const { task: before, besides } = stored;
      const now = this.#clock.momentOf((moment) => this.#fields.hasMoment(before, besides, moment));
      const transition = wanted.transition(stored, now);
      const reduction = transition && reduce(before, transition, now);
      if (reduction === null) {
        if (fresh) return this.#refused(taskId, stored);
        stored = null;
        continue;
      }
      const { task: after, event } = reduction;
      const progressed = event === "progress" ? { ...besides, progressAt: now } : besides;
      const call = this.#arguments(stored, progressed, reduction, wanted, now);
      const { reply, index } = await this.#scripts.many("commit", call);
      const [moment, rev, replies, claims] = listReply(reply);
      const [outcome, told, leaseBefore] = listReply(listReply(replies)[index]);
      const at = numberOf(moment);
      this.#clock.learn(at);
      if (outcome === 2) return { kind: "work_lost" };
      if (outcome === 3) throw new DamagedKeyError();
      if (outcome === 1) {
        const task = this.#fields.made(before, after, now, at, numberOrNull(leaseBefore));
        const kept = event === "progress" ? { ...besides, progressAt: at } : besides;
        this.#remember(taskId, { task, besides: kept, rev: textOf(rev), no: stored.no });
        const update = updateOf(task, event, at, told);
        return { kind: "applied", update, claimed: await this.claimed(listReply(claims)[index]) };
      }
      stored = this.#fields.tryRead(told);
      fresh = stored !== null;
    }
    throw new Error(`The task ${taskId} changed ${MAX_DECISIONS} times while it was to be changed`);
  }

  #refused(taskId: string, stored: StoredTask | null): CommitOutcome {
    this.#known.delete(taskId);
    return { kind: "refused", stored };
  }

  /** Only what is held is remembered: nobody else changes it. */
  #remember(taskId: string, stored: StoredTask): void {
    this.#known.delete(taskId);
    if (stored.task.leaseUntil === null) return;
    this.#known.set(taskId, stored);
    if (this.#known.size <= MAX_KNOWN) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      break;
    }
  }

  /** In the order of the head of scripts/tasks/commit.lua. */
  #arguments(
    { task: before, besides: old, rev, no }: StoredTask,
    besides: Besides,
    { task: after, event, work, settlement }: Reduction,
    { work: finished, next, ...wanted }: WantedChange,
    now: number,
  ): string[] {
    const settled = settledWork(before, after);
    const { texts, moments, gone } = this.#fields.changes(before, old, after, besides, now);
    return [
      after.id,
      rev,
      wanted.stored !== undefined && before.leaseUntil !== null ? String(before.leaseUntil) : "",
      after.tenant.keyId,
      after.tenant.subject,
      after.type,
      before.status,
      after.status,
      queueStateOf(before),
      queueStateOf(after),
      candidateOf(before).provider,
      candidateOf(after).provider,
      String(rankOf(before)),
      String(rankOf(after)),
      no,
      after.dueAt === before.dueAt || after.dueAt === null ? "" : String(after.dueAt - now),
      wakeArgument(before, after),
      endArgument(before, after),
      event ?? "",
      event === null
        ? ""
        : eventText({ seq: after.seq, type: event, progress: after.progress, message: after.message }),
      `e${after.seq}`,
      ...settlementArguments(after, settlement),
      ...(finished === undefined ? ["", "", ""] : [finished.kind, finished.id, String(finished.fence)]),
      ...(next === undefined ? ["", "", "", "", "", "", "", ""] : claimArguments(next, this.#made)),
      String(texts.length / 2),
      String(moments.length / 2),
      String(gone.length),
      String(work.length),
      ...texts,
      ...moments,
      ...gone,
      ...work.flatMap(workArguments),
      settled === null ? "" : usageText(settled, after.type, after.model),
      ...messageArguments(before, after, event),
      ...taskRows(this.#outbox, after, event === null ? null : { type: event, seq: after.seq }),
    ];
  }
}

/** Lane, lease, how many at most, how many may be held at once, the providers, how many starts and how many polls
 * ("" = no such limit), and since which call it is known what this process made. */
export function claimArguments(options: ClaimOptions, made: MadeTasks): string[] {
  const { lane, leaseMs, max, maxHeld, providers, maxStarts, maxPolls } = options;
  return [
    lane,
    String(leaseMs),
    String(max),
    maxHeld === undefined ? "" : String(maxHeld),
    providers === undefined ? "" : listText(providers),
    maxStarts === undefined ? "" : String(maxStarts),
    maxPolls === undefined ? "" : String(maxPolls),
    String(made.since),
  ];
}

/** A list for Lua, whose JSON writes an empty one as an object. */
export function listText(names: readonly string[]): string {
  return JSON.stringify(names);
}

function workArguments({ kind, id, destination, payload }: WorkDraft): string[] {
  return [kind, id, destination, JSON.stringify(payload), String(WORK_KINDS[kind].giveUpMs)];
}

/** One empty text where no webhook may hear of the event. */
function messageArguments(before: Task, after: Task, event: TaskEventType | null): string[] {
  const message = taskMessage(before, after, event);
  if (message === null) return [""];
  const { type, snapshot, own } = message;
  return [type, JSON.stringify({ task: snapshot }), own?.url ?? "", JSON.stringify(own?.headers ?? {})];
}

function settlementArguments(task: Task, settlement: Settlement | null): string[] {
  const customer = task.customer ?? "";
  if (settlement === null) return ["", "", customer, "", ""];
  const { releasedMicros, chargedMicros, upstreamMicros, overrunMicros } = settlement;
  const { tenant, type, model } = task;
  const { provider } = candidateOf(task);
  const { subject } = tenant;
  const movement = movementText({
    type,
    model,
    provider,
    subject,
    customer: task.customer,
    chargedMicros,
    upstreamMicros,
    overrunMicros,
  });
  const nothing = chargedMicros === 0 && (upstreamMicros ?? 0) === 0;
  const id = movementId(`task/${task.id}`, settlement);
  return [String(releasedMicros), String(chargedMicros), customer, nothing ? "" : movement, id];
}

/** When somebody must look at the task, where that changed: a lease that goes on may have been prolonged meanwhile. */
function wakeArgument(before: Task, after: Task): string {
  const at = wakeAt(after);
  if (at === null) return before.finishedAt === null ? "-" : "";
  return before.leaseUntil === after.leaseUntil && before.deadlineAt === after.deadlineAt ? "" : String(at);
}

/** When the task ended, where this step made it one that may be removed in time; `-` where it ends unsettled. */
function endArgument(before: Task, after: Task): string {
  if (after.finishedAt === null || (before.settled && before.finishedAt !== null)) return "";
  const endsNow = after.finishedAt !== before.finishedAt;
  if (after.settled) return endsNow ? "+" : String(after.finishedAt);
  return endsNow ? "-" : "";
}

function updateOf(
  task: Task,
  event: TaskEventType | null,
  at: number,
  places: Reply | undefined,
): TaskUpdate {
  const where = readPlaces(places);
  if (event === null) return { task, events: [], ...where };
  const made: TaskEvent = {
    taskId: task.id,
    seq: task.seq,
    type: event,
    status: STATUS_OF_EVENT[event],
    progress: task.progress,
    message: task.message,
    at,
    keySeq: event === "progress" ? null : where.keySeq,
    subjectSeq: event === "progress" ? null : where.subjectSeq,
  };
  return { task, events: [made], ...where };
}
