/** When what happened to a task, as spans of time. */

import { isTerminal, type WireAttempt, type WireTask } from "../../protocol/task.ts";
import type { Tone } from "../design/status-chip.tsx";

export type Span = {
  label: string;
  /** Milliseconds since the task was made. */
  from: number;
  to: number;
  tone: Tone;
  /** What came of it. */
  note: string;
};

const TONES: Readonly<Record<WireAttempt["outcome"], Tone>> = {
  completed: "good",
  failed: "bad",
  retried: "warn",
  rate_limited: "warn",
  cancelled: "warn",
};

/**
 * The wait in the queue, every attempt that is over, and what is under way. `startedAt`: when the present attempt began, where
 * somebody saw it; `now`: the end of what has not ended, in milliseconds since the epoch.
 */
export function timelineOf(task: WireTask, startedAt: string | null, now: number): Span[] {
  const created = Date.parse(task.created);
  const since = (moment: number) => Math.max(0, moment - created);
  const end = since(task.finished === undefined ? now : Date.parse(task.finished));
  const attempts = task.attempts ?? [];
  const spans = attempts.map(({ attempt, provider, model, startedAt: at, ms, outcome, errorCode }): Span => {
    const from = since(Date.parse(at));
    return {
      label: `Attempt ${attempt}`,
      from,
      to: from + ms,
      tone: TONES[outcome],
      note: `${provider}/${model}: ${errorCode ?? outcome.replace("_", " ")}`,
    };
  });
  const last = spans.at(-1)?.to ?? 0;
  if (task.status === "running") {
    const from = startedAt === null ? last : Math.max(last, since(Date.parse(startedAt)));
    spans.push({
      label: `Attempt ${task.attempt}`,
      from,
      to: end,
      tone: "busy",
      note: task.message ?? "running",
    });
  } else if (!isTerminal(task.status) && spans.length > 0)
    spans.push({ label: "Waiting", from: last, to: end, tone: "plain", note: "for the next attempt" });
  const begun = task.metrics === undefined ? (spans[0]?.from ?? end) : Math.min(task.metrics.queueMs, end);
  return [{ label: "Queue", from: 0, to: begun, tone: "plain", note: queueNote(task) }, ...spans];
}

function queueNote({ status, queuePosition }: WireTask): string {
  return status === "queued" && queuePosition !== null ? `${queuePosition} in line` : "";
}
