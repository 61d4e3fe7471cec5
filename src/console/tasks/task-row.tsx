/** A task in the list. */

import { memo } from "react";
import type { WireTask } from "../../protocol/task.ts";
import { dollarsText, durationWords, momentText, shortId } from "../design/format.ts";
import { Progress, StatusChip } from "../design/status-chip.tsx";
import { hrefOf } from "../shell/route.ts";
import { Thumb } from "./results.tsx";

export const TASK_COLUMNS = 7;

export function TaskHead({ allPicked, onPickAll }: { allPicked: boolean; onPickAll(): void }) {
  return (
    <>
      <th scope="col" className="pick-column">
        <input
          type="checkbox"
          checked={allPicked}
          onChange={onPickAll}
          aria-label="Pick all that are loaded"
        />
      </th>
      <th scope="col" className="thumb-column">
        <span className="hidden-text">Result</span>
      </th>
      <th scope="col" className="status-column">
        State
      </th>
      <th scope="col">Task</th>
      <th scope="col" className="time-column wide-only">
        Created
      </th>
      <th scope="col" className="number-column wide-only">
        Took
      </th>
      <th scope="col" className="number-column wide-only">
        Cost
      </th>
    </>
  );
}

export type TaskCellsProps = { task: WireTask; picked: boolean; onPick(taskId: string): void };

/** Rendered again only when the task is another one: events come often, and to few of many rows. */
export const TaskCells = memo(function TaskCells({ task, picked, onPick }: TaskCellsProps) {
  const { taskId, type, status, progress, message, model, created, finished, cost, error, result } = task;
  const about = error ?? (status === "running" || status === "queued" ? message : null);
  return (
    <>
      <td>
        <input
          type="checkbox"
          checked={picked}
          onChange={() => onPick(taskId)}
          aria-label={`Pick task ${shortId(taskId)}`}
        />
      </td>
      <td>
        <Thumb result={result} type={type} />
      </td>
      <td>
        <StatusChip status={status} />
        {status === "running" && <Progress percent={progress} label={`Progress of ${shortId(taskId)}`} />}
      </td>
      <td>
        <a className="task-link clip" href={hrefOf(`tasks/${taskId}`)}>
          {model}
        </a>
        <span className="small-text muted clip" title={about ?? taskId}>
          <span className="mono">{shortId(taskId)}</span>
          {about && ` ${about}`}
        </span>
      </td>
      <td className="wide-only">{momentText(created)}</td>
      <td className="number-column wide-only">
        {finished === undefined ? "" : durationWords(Date.parse(finished) - Date.parse(created))}
      </td>
      <td className="number-column wide-only">{cost === undefined ? "" : dollarsText(cost)}</td>
    </>
  );
});
