/** What can be done with one task. */

import { useState } from "react";
import { isTerminal, type WireTask } from "../../protocol/task.ts";
import { useAction } from "../data/use-action.ts";
import { Confirm } from "../design/dialog.tsx";
import { useToast } from "../design/toasts.tsx";
import { CodeDialog } from "../playground/code-dialog.tsx";
import { goTo, hrefOf } from "../shell/route.ts";
import { useSession } from "../shell/session.ts";
import { isRetryable } from "./bulk.ts";
import { CancelButton } from "./cancel-button.tsx";

export function TaskActions({ task }: { task: WireTask }) {
  const { taskId, request, status, type } = task;
  const { client } = useSession();
  const toast = useToast();
  const [open, setOpen] = useState<"code" | "remove" | null>(null);
  const { busy, perform } = useAction();
  const retry = async () => goTo(hrefOf(`tasks/${(await client.tasks.retry(taskId)).taskId}`));
  const remove = async () => {
    await client.tasks.purge(taskId);
    toast({ tone: "good", text: "The task and its files were removed." });
    goTo(hrefOf("tasks"));
  };
  return (
    <div className="row">
      {!isTerminal(status) && (
        <>
          <CancelButton taskId={taskId} />
          <a className="button small" href={hrefOf("trace", { source: "tasks", task: taskId })}>
            Trace it
          </a>
        </>
      )}
      {isRetryable(task) && (
        <button className="button small" type="button" disabled={busy} onClick={() => perform(retry)}>
          Retry
        </button>
      )}
      {request !== undefined && (
        <>
          <a className="button small" href={hrefOf("", { from: taskId })}>
            Rerun with edits
          </a>
          <button className="button small" type="button" onClick={() => setOpen("code")}>
            Copy as code
          </button>
        </>
      )}
      {isTerminal(status) && (
        <button
          className="button small danger"
          type="button"
          disabled={busy}
          onClick={() => setOpen("remove")}
        >
          Remove…
        </button>
      )}
      {open === "code" && request !== undefined && (
        <CodeDialog request={{ type, body: request }} onClose={() => setOpen(null)} />
      )}
      {open === "remove" && (
        <Confirm
          title="Remove this task"
          text="The task, its pictures and films, and their links are gone for good."
          action="Remove it"
          onConfirm={() => perform(remove)}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}
