/** The timeline of a task, drawn. */

import type { WireTask } from "../../protocol/task.ts";
import { isTerminal } from "../../protocol/task.ts";
import { useNow } from "../data/use-now.ts";
import { durationWords } from "../design/format.ts";
import { timelineOf } from "./timeline.ts";

export function Waterfall({ task, startedAt }: { task: WireTask; startedAt: string | null }) {
  const now = useNow(!isTerminal(task.status));
  const spans = timelineOf(task, startedAt, now);
  const whole = Math.max(1, ...spans.map(({ to }) => to));
  return (
    <ul className="waterfall">
      {spans.map(({ label, from, to, tone, note }) => (
        <li key={`${label} ${from}`}>
          <span>{label}</span>
          <span className="track" aria-hidden="true">
            <span
              className={`span ${tone}`}
              style={{
                left: `${(100 * from) / whole}%`,
                width: `${(100 * Math.max(0, to - from)) / whole}%`,
              }}
            />
          </span>
          <span className="took">{durationWords(to - from)}</span>
          <span className="note small-text muted">{note}</span>
        </li>
      ))}
    </ul>
  );
}
