/** What is looked at. */

import { useCallback, useId } from "react";
import { useLoaded } from "../data/use-loaded.ts";
import { FormField } from "../design/field.tsx";
import { momentText } from "../design/format.ts";
import { useSession } from "../shell/session.ts";
import { followsAll, SOURCE_NAMES, TRACE_SOURCES, type TraceSource } from "./trace-source.ts";

export type TraceFormProps = {
  source: TraceSource;
  taskId: string;
  problem: string | null;
  /** The source of an open connection stays. */
  isOpen: boolean;
  onSource(source: TraceSource): void;
  onTask(taskId: string): void;
};

/** Tasks to pick from. */
const OFFERED_TASKS = 20;

export function TraceForm({ source, taskId, problem, isOpen, onSource, onTask }: TraceFormProps) {
  const { client } = useSession();
  const offered = useId();
  const load = useCallback(
    async (signal: AbortSignal) => (await client.tasks.list({ limit: OFFERED_TASKS }, { signal })).data,
    [client],
  );
  // Where they cannot be loaded, none are offered.
  const { data } = useLoaded(load);
  return (
    <div className="trace-fields">
      <FormField label="Connection">
        {(control) => (
          <select
            {...control}
            className="input"
            value={source}
            disabled={isOpen}
            onChange={({ target }) =>
              onSource(TRACE_SOURCES.find((known) => known === target.value) ?? source)
            }
          >
            {TRACE_SOURCES.map((known) => (
              <option key={known} value={known}>
                {SOURCE_NAMES[known]}
              </option>
            ))}
          </select>
        )}
      </FormField>
      <FormField
        label="Task"
        hint={followsAll(source) ? "Its id. Empty: every task of the key." : "Its id."}
        problem={problem}
      >
        {(control) => (
          <input
            {...control}
            className="input mono"
            list={offered}
            autoComplete="off"
            spellCheck={false}
            value={taskId}
            onChange={({ target }) => onTask(target.value.trim())}
          />
        )}
      </FormField>
      <datalist id={offered}>
        {(data ?? []).map((task) => (
          <option key={task.taskId} value={task.taskId}>
            {`${task.model}, ${task.status}, ${momentText(task.created)}`}
          </option>
        ))}
      </datalist>
    </div>
  );
}
