/** The list of tasks: what the filters in the address name, newest first, kept up to date by itself. */

import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { WireTask } from "../../protocol/task.ts";
import { Empty, LoadProblem } from "../design/notice.tsx";
import { WindowedTable } from "../design/windowed-table.tsx";
import { useLive } from "../shell/live.tsx";
import type { PageProps } from "../shell/page.ts";
import { hrefOf } from "../shell/route.ts";
import { useSession } from "../shell/session.ts";
import { BulkBar } from "./bulk-bar.tsx";
import { Filters, filterOf } from "./filters.tsx";
import { TaskList } from "./task-list.ts";
import { TASK_COLUMNS, TaskCells, TaskHead } from "./task-row.tsx";

const ROW_HEIGHT = 60;

export function TaskListPage({ route }: PageProps) {
  const asked = route.query.toString();
  const filter = useMemo(() => filterOf(new URLSearchParams(asked)), [asked]);
  // Another filter is another list.
  return <FilteredTasks key={asked} filter={filter} />;
}

function FilteredTasks({ filter }: { filter: ReturnType<typeof filterOf> }) {
  const list = useTaskList(filter);
  const { tasks, hasMore, isLoading, error } = useSyncExternalStore(list.listen, list.state);
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const pickedTasks = useMemo(() => tasks.filter(({ taskId }) => picked.has(taskId)), [tasks, picked]);
  const toggle = useRef((taskId: string) =>
    setPicked((before) => {
      const after = new Set(before);
      if (!after.delete(taskId)) after.add(taskId);
      return after;
    }),
  ).current;
  const allPicked = tasks.length > 0 && pickedTasks.length === tasks.length;
  return (
    <>
      <div className="row apart">
        <h1>Tasks</h1>
        <BulkBar filter={filter} picked={pickedTasks} onDone={() => setPicked(new Set())} />
      </div>
      <Filters filter={filter} />
      {error !== null && <LoadProblem what="The tasks" error={error} onRetry={list.refresh} />}
      <div className="card task-list">
        {tasks.length === 0 ? (
          hasMore === null ? (
            <p className="empty">{isLoading ? "Loading…" : ""}</p>
          ) : (
            <Empty title="No tasks here">
              {filter.status || filter.type || filter.batchId ? (
                <a href={hrefOf("tasks")}>Show all tasks</a>
              ) : (
                <a href={hrefOf("")}>Run the first one in the playground</a>
              )}
            </Empty>
          )
        ) : (
          <WindowedTable
            label="Tasks"
            className="scroller"
            head={
              <TaskHead
                allPicked={allPicked}
                onPickAll={() => setPicked(allPicked ? new Set() : new Set(tasks.map(idOf)))}
              />
            }
            columns={TASK_COLUMNS}
            rows={tasks.length}
            rowHeight={ROW_HEIGHT}
            onEnd={list.more}
          >
            {(index) => {
              const task = tasks[index] as WireTask;
              const isPicked = picked.has(task.taskId);
              return {
                key: task.taskId,
                className: isPicked ? "picked" : "",
                cells: <TaskCells task={task} picked={isPicked} onPick={toggle} />,
              };
            }}
          </WindowedTable>
        )}
      </div>
      <p className="small-text muted" role="status">
        {tasks.length > 0 && `${tasks.length} loaded${hasMore ? ", more below" : ""}`}
      </p>
    </>
  );
}

function useTaskList(filter: ReturnType<typeof filterOf>): TaskList {
  const { client } = useSession();
  const { listen } = useLive();
  const [list, setList] = useState(() => new TaskList(client, filter));
  useEffect(() => {
    const opened = new TaskList(client, filter);
    setList(opened);
    opened.more();
    const unlisten = listen({ onEvent: opened.heard, onReset: opened.refresh });
    return () => {
      unlisten();
      opened.close();
    };
  }, [client, filter, listen]);
  return list;
}

function idOf({ taskId }: WireTask): string {
  return taskId;
}
