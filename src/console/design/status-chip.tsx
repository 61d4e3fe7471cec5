/** The state of a task as a coloured word. */

import type { TaskStatus } from "../../protocol/task.ts";

/** What a colour means: done, wrong, needs a look, under way, none of these. */
export type Tone = "good" | "bad" | "warn" | "busy" | "plain";

const TONES: Readonly<Record<TaskStatus, Tone>> = {
  queued: "plain",
  running: "busy",
  completed: "good",
  failed: "bad",
  cancelled: "warn",
};

export function Chip({ tone, children }: { tone: Tone; children: string }) {
  return <span className={`chip ${tone}`}>{children}</span>;
}

export function StatusChip({ status }: { status: TaskStatus }) {
  return <Chip tone={TONES[status]}>{status}</Chip>;
}

export function Progress({ percent, label }: { percent: number; label: string }) {
  return (
    <div
      className="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}
