/** The page of one task: what was asked for, what happened when, what came of it, and who was told. */

import { NotFoundError } from "../../client/index.ts";
import { isTerminal, type WireTask } from "../../protocol/task.ts";
import { dollarsText, durationWords, momentText, shortId } from "../design/format.ts";
import { Empty, LoadProblem, Notice } from "../design/notice.tsx";
import { Progress, StatusChip } from "../design/status-chip.tsx";
import type { PageProps } from "../shell/page.ts";
import { hrefOf } from "../shell/route.ts";
import { Deliveries } from "./deliveries.tsx";
import { hrefOfFilter } from "./filters.tsx";
import { Results } from "./results.tsx";
import { TaskActions } from "./task-actions.tsx";
import { useTaskDetail } from "./use-task-detail.ts";
import { Waterfall } from "./waterfall.tsx";

export function TaskDetailPage({ route }: PageProps) {
  const taskId = route.parameters.id ?? "";
  return <Detail key={taskId} taskId={taskId} />;
}

function Detail({ taskId }: { taskId: string }) {
  const { task, error, startedAt, reload } = useTaskDetail(taskId);
  if (task === null) {
    if (error instanceof NotFoundError)
      return (
        <Empty alone title="There is no such task">
          It was removed, or belongs to another key. <a href={hrefOf("tasks")}>All tasks</a>
        </Empty>
      );
    if (error === null) return <p className="muted">Loading…</p>;
    return <LoadProblem what="The task" error={error} onRetry={reload} />;
  }
  return (
    <>
      <div className="row apart">
        <div className="row">
          <h1>{`Task ${shortId(taskId)}`}</h1>
          <StatusChip status={task.status} />
        </div>
        <TaskActions key={task.status} task={task} />
      </div>
      <div className="task-columns">
        <div className="stack">
          <Outcome task={task} />
          <section className="card padded stack" aria-label="Timeline">
            <h2>Timeline</h2>
            <Waterfall task={task} startedAt={startedAt} />
          </section>
          <section className="card padded stack" aria-label="Deliveries">
            <h2>Webhook deliveries</h2>
            <Deliveries taskId={taskId} version={task.status} />
          </section>
        </div>
        <div className="stack">
          <Facts task={task} />
          <Input task={task} />
        </div>
      </div>
    </>
  );
}

function Outcome({ task }: { task: WireTask }) {
  const {
    result,
    request,
    status,
    error,
    errorCode,
    progress,
    message,
    estimatedSecondsRemaining: left,
  } = task;
  if (!isTerminal(status))
    return (
      <section className="card padded stack tight" aria-label="Progress">
        <Progress percent={progress} label="Progress" />
        <p className="small-text muted">
          {`${progress} %`}
          {message !== null && ` · ${message}`}
          {left !== null && ` · about ${durationWords(left * 1_000)} left`}
        </p>
      </section>
    );
  return (
    <section className="card" style={{ overflow: "hidden" }} aria-label="Result">
      {result !== undefined ? (
        <Results result={result} prompt={request?.prompt ?? ""} />
      ) : (
        <Notice tone={status === "failed" ? "bad" : "warn"}>
          {errorCode === undefined ? (error ?? "It was cancelled.") : `${errorCode}: ${error}`}
        </Notice>
      )}
    </section>
  );
}

function Facts({ task }: { task: WireTask }) {
  const { taskId, type, model, result, created, finished, metrics, cost, settled, priority } = task;
  const { attempt, maxAttempts, batchId, retryOf, expiresAt, metadata, cancellation, nextAttemptAt } = task;
  const facts: [string, React.ReactNode][] = [
    [
      "Id",
      <span key="id" className="mono">
        {taskId}
      </span>,
    ],
    ["Kind", type === "image" ? "picture" : "film"],
    ["Model", model],
    ["Provider", result?.provider],
    [
      "Cost",
      cost === undefined ? undefined : `${dollarsText(cost)}${settled === false ? ", not final yet" : ""}`,
    ],
    ["Created", momentText(created)],
    ["Finished", finished && momentText(finished)],
    ["Queued for", metrics && durationWords(metrics.queueMs)],
    ["Provider took", metrics && durationWords(metrics.providerMs)],
    ["Storing took", metrics && durationWords(metrics.storeMs)],
    ["Attempts", `${attempt} of ${maxAttempts}`],
    ["Next attempt", nextAttemptAt && momentText(nextAttemptAt)],
    ["Priority", priority],
    ["At the provider", cancellation?.replaceAll("_", " ")],
    [
      "Repeats",
      retryOf && (
        <a key="r" href={hrefOf(`tasks/${retryOf}`)}>
          {shortId(retryOf)}
        </a>
      ),
    ],
    [
      "Batch",
      batchId && (
        <a key="b" href={hrefOfFilter({ batchId })}>
          {shortId(batchId)}
        </a>
      ),
    ],
    ["Kept until", expiresAt && momentText(expiresAt)],
    ...Object.entries(metadata).map(([name, text]): [string, string] => [name, text]),
  ];
  return (
    <section className="card padded stack" aria-label="Facts">
      <h2>Facts</h2>
      <dl className="facts">
        {facts
          .filter(([, fact]) => fact)
          .map(([name, fact]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{fact}</dd>
            </div>
          ))}
      </dl>
    </section>
  );
}

function Input({ task: { request } }: { task: WireTask }) {
  if (request === undefined) return null;
  const { prompt, model: _, metadata: __, ...fields } = request;
  return (
    <section className="card padded stack" aria-label="Input">
      <h2>Input</h2>
      <p style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{prompt}</p>
      {Object.keys(fields).length > 0 && <pre>{JSON.stringify(fields, null, 2)}</pre>}
    </section>
  );
}
