/** One task of a run: how far it is, then what it made. */

import { useCallback, useEffect, useState } from "react";
import type { RealtimeTask } from "../../client/react/index.ts";
import { isTerminal, type TaskStatus, type WireTask } from "../../protocol/task.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { useNow } from "../data/use-now.ts";
import { dollarsText, durationWords } from "../design/format.ts";
import { Notice } from "../design/notice.tsx";
import { Progress, StatusChip } from "../design/status-chip.tsx";
import { useLive } from "../shell/live.tsx";
import { hrefOf } from "../shell/route.ts";
import { useSession } from "../shell/session.ts";
import { CancelButton } from "../tasks/cancel-button.tsx";
import { Results } from "../tasks/results.tsx";
import { CodeDialog } from "./code-dialog.tsx";
import type { RunTask } from "./playground-store.ts";

export function RunCard({ task, startedAt }: { task: RunTask; startedAt: string }) {
  const { realtime } = useLive();
  const { request, taskId, refused } = task;
  const [showsCode, setShowsCode] = useState(false);
  const { isConnected, subscribeToTask } = realtime;
  const live = taskId === null ? undefined : realtime.tasks.get(taskId);
  const over = live !== undefined && live.status !== "pending";
  useEffect(() => {
    // What cannot be followed says so in the state of the connection.
    if (taskId !== null && !over && isConnected) subscribeToTask(taskId, request.type).catch(() => {});
  }, [taskId, over, isConnected, subscribeToTask, request.type]);
  return (
    <article className="card run-task" aria-label={`${request.body.model}: ${request.body.prompt}`}>
      <header>
        <div className="row apart">
          <strong className="clip" title={request.body.model}>
            {request.body.model}
          </strong>
          {refused === null ? <StatusChip status={statusOf(live)} /> : <StatusChip status="failed" />}
        </div>
      </header>
      <div className="stage">
        {refused !== null ? (
          <Notice tone="bad">{refused}</Notice>
        ) : over && taskId !== null ? (
          <Ended taskId={taskId} />
        ) : (
          <Waiting live={live} startedAt={startedAt} />
        )}
      </div>
      <footer>
        <div className="row">
          {taskId !== null && (
            <a className="button small" href={hrefOf(`tasks/${taskId}`)}>
              Details
            </a>
          )}
          {taskId !== null && !over && <CancelButton taskId={taskId} />}
          <button className="button small" type="button" onClick={() => setShowsCode(true)}>
            Copy as code
          </button>
        </div>
      </footer>
      {showsCode && <CodeDialog request={request} onClose={() => setShowsCode(false)} />}
    </article>
  );
}

function Waiting({ live, startedAt }: { live: RealtimeTask | undefined; startedAt: string }) {
  const now = useNow(true);
  const { progress = 0, message, estimatedSecondsRemaining: left } = live ?? {};
  return (
    <div className="waiting">
      <Progress percent={progress} label="Progress" />
      <span>
        {progress} % · {durationWords(now - Date.parse(startedAt))}
        {left !== undefined && ` · ${durationWords(left * 1_000)} left`}
      </span>
      <span>{message ?? "waiting"}</span>
    </div>
  );
}

/** A task that is over, read as a whole. */
function Ended({ taskId }: { taskId: string }) {
  const { client } = useSession();
  const load = useCallback((signal: AbortSignal) => client.tasks.get(taskId, { signal }), [client, taskId]);
  const { data, error, reload } = useLoaded(load);
  if (data !== null) return <Outcome task={data} />;
  if (error === null) return <p className="muted">Loading…</p>;
  return (
    <Notice tone="bad" action={<RetryLoading onClick={reload} />}>
      {error.message}
    </Notice>
  );
}

function Outcome({ task }: { task: WireTask }) {
  const { result, request, error, status, cost, metrics } = task;
  if (result === undefined)
    return <Notice tone={status === "failed" ? "bad" : "warn"}>{error ?? "It was cancelled."}</Notice>;
  return (
    <div className="stack tight">
      <Results result={result} prompt={request?.prompt ?? ""} />
      <p className="small-text muted" style={{ padding: "0 12px 8px" }}>
        {metrics && `${durationWords(metrics.providerMs)} · `}
        {dollarsText(cost ?? 0)}
      </p>
    </div>
  );
}

function RetryLoading({ onClick }: { onClick(): void }) {
  return (
    <button className="button small" type="button" onClick={onClick}>
      Try again
    </button>
  );
}

function statusOf(live: RealtimeTask | undefined): TaskStatus {
  if (live === undefined) return "queued";
  const ended = live.result?.status;
  if (ended !== undefined && isTerminal(ended)) return ended;
  return live.progress > 0 || live.message !== undefined ? "running" : "queued";
}
