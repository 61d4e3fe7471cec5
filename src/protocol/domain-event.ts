/**
 * Domain events: what happened to tasks, voice sessions and money, for programs that reckon with it (a sink of events,
 * metrics). docs/events.md describes every field. Times are milliseconds in here, and ISO 8601 texts where they are sent.
 */

import type { BudgetPeriod } from "./key.ts";
import type { Cancellation, Priority, TaskErrorCode } from "./task.ts";

/** What happens to a task, by the name that stands behind its type. */
export const TASK_HAPPENINGS = [
  "Requested",
  "Started",
  "Progress",
  "Completed",
  "Failed",
  "Cancelled",
] as const;
export type TaskHappening = (typeof TASK_HAPPENINGS)[number];

export type TaskDomainEventType = `${"Image" | "Video"}Generation${TaskHappening}`;

export type DomainEventType =
  | TaskDomainEventType
  | "RealtimeSessionStarted"
  | "RealtimeSessionEnded"
  | "SpendUpdateRequested"
  | "SpendThresholdReached";

export const DOMAIN_EVENT_TYPES: readonly DomainEventType[] = [
  ...TASK_HAPPENINGS.map((happening) => `ImageGeneration${happening}` as const),
  ...TASK_HAPPENINGS.map((happening) => `VideoGeneration${happening}` as const),
  "RealtimeSessionStarted",
  "RealtimeSessionEnded",
  "SpendUpdateRequested",
  "SpendThresholdReached",
];

/** What a sink gets that names no types: all but progress, of which there may be ten a second of each task. */
export const USUAL_EVENT_TYPES: readonly DomainEventType[] = DOMAIN_EVENT_TYPES.filter(
  (type) => !type.endsWith("Progress"),
);

/** Which task it is, and what makes it. */
export type TaskEventData = {
  readonly taskId: string;
  /** The subject of the ephemeral key; `""` for the key itself. */
  readonly subject: string;
  /** The name the caller used. */
  readonly model: string;
  readonly provider: string;
};

export type TaskRequestedData = TaskEventData & {
  readonly priority: Priority;
  readonly batchId: string | null;
  readonly retryOf: string | null;
  /** Micro-dollars held back for it. */
  readonly reservedMicros: number;
};

export type TaskStartedData = TaskEventData & { readonly attempt: number; readonly createdAt: number };

export type TaskProgressData = TaskEventData & {
  readonly attempt: number;
  /** Percent. */
  readonly progress: number;
  readonly message: string | null;
};

export type TaskEndedData = TaskEventData & {
  readonly attempt: number;
  readonly createdAt: number;
  /** Null for a task that never started. */
  readonly startedAt: number | null;
  readonly providerMs: number;
  readonly storeMs: number;
  /** Finished pictures or films; 0 unless it completed. */
  readonly items: number;
  /** Micro-dollars; not final while `settled` is false. */
  readonly costMicros: number;
  readonly settled: boolean;
  /** Set for a failed task. */
  readonly errorCode: TaskErrorCode | null;
  readonly error: string | null;
  /** Set for a cancelled one. */
  readonly cancellation: Cancellation | null;
};

/** Which voice session it is. */
export type SessionEventData = {
  readonly sessionId: string;
  /** The subject of the ephemeral key; `""` for the key itself. */
  readonly subject: string;
  readonly model: string;
  readonly provider: string;
};

export type SessionStartedData = SessionEventData & {
  /** Micro-dollars held back for it. */
  readonly reservedMicros: number;
};

export type SessionEndedData = SessionEventData & {
  readonly startedAt: number;
  readonly reason: string;
  /** What its cost is reckoned from, by the names of its provider's translator. */
  readonly counters: Readonly<Record<string, number>>;
};

/** What has become of one budget. Micro-dollars. */
export type ToldBudget = {
  /** Whose it is; null: the key's own. */
  readonly customer: string | null;
  readonly period: BudgetPeriod;
  /** Which of its periods: `total`, a day, the Monday of a week, or a month (`2026-11`). */
  readonly window: string;
  /** With the grants that count now. */
  readonly limitMicros: number;
  readonly chargedMicros: number;
  readonly reservedMicros: number;
};

export type SpendUpdateData = {
  readonly source: "task" | "session";
  readonly sourceId: string;
  readonly subject: string;
  /** `image`, `video` or `realtime`. */
  readonly type: string;
  readonly model: string;
  readonly provider: string;
  /** Micro-dollars charged. */
  readonly amountMicros: number;
  /** What the provider billed; null when it did not say. */
  readonly upstreamMicros: number | null;
  /** How much of that is beyond what was held. */
  readonly overrunMicros: number;
  /** Each budget that it counts in, after it. */
  readonly budgets: readonly ToldBudget[];
};

export type SpendThresholdData = {
  readonly period: BudgetPeriod;
  readonly window: string;
  readonly percent: number;
  readonly limitMicros: number;
  readonly chargedMicros: number;
};

type Named<Type extends DomainEventType, Data> = {
  /** The same whenever the event is sent again. */
  readonly id: string;
  readonly type: Type;
  readonly at: number;
  readonly keyId: string;
  readonly customer: string | null;
  readonly data: Data;
};

export type TaskDomainEvent =
  | Named<`${"Image" | "Video"}GenerationRequested`, TaskRequestedData>
  | Named<`${"Image" | "Video"}GenerationStarted`, TaskStartedData>
  | Named<`${"Image" | "Video"}GenerationProgress`, TaskProgressData>
  | Named<`${"Image" | "Video"}Generation${"Completed" | "Failed" | "Cancelled"}`, TaskEndedData>;

export type SessionDomainEvent =
  | Named<"RealtimeSessionStarted", SessionStartedData>
  | Named<"RealtimeSessionEnded", SessionEndedData>;

export type MoneyDomainEvent =
  | Named<"SpendUpdateRequested", SpendUpdateData>
  | Named<"SpendThresholdReached", SpendThresholdData>;

export type DomainEvent = TaskDomainEvent | SessionDomainEvent | MoneyDomainEvent;
