/** The buttons that cancel and retry many tasks: those that are picked, or all of the filter. */

import { useState } from "react";
import type { TaskFilter } from "../../client/index.ts";
import { isTerminal, type WireTask } from "../../protocol/task.ts";
import { Confirm } from "../design/dialog.tsx";
import { useToast } from "../design/toasts.tsx";
import { useSession } from "../shell/session.ts";
import { cancelByFilter, forEach, hasUnfinished, isRetryable, MOST_RETRIED, retryableOf } from "./bulk.ts";

export type BulkBarProps = {
  filter: TaskFilter;
  picked: readonly WireTask[];
  onDone(): void;
};

type Asked = { title: string; text: string; action: string; run(): Promise<string> };

export function BulkBar({ filter, picked, onDone }: BulkBarProps) {
  const { client } = useSession();
  const toast = useToast();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [busy, setBusy] = useState(false);

  const perform = async (work: () => Promise<string>) => {
    setBusy(true);
    try {
      toast({ tone: "good", text: await work() });
      onDone();
    } catch (error) {
      toast({ tone: "bad", text: error instanceof Error ? error.message : String(error) });
    }
    setBusy(false);
  };
  const retry = async (ids: readonly string[]) => {
    const { done, refused, reason } = await forEach(ids, (id) => client.tasks.retry(id));
    return told(`${counted(done)} started again`, refused, reason);
  };
  const cancelPicked = async (ids: readonly string[]) => {
    const { done, refused, reason } = await forEach(ids, (id) => client.tasks.cancel(id));
    return told(`${counted(done)} cancelled`, refused, reason);
  };
  const askRetryAll = async () => {
    const ids = await retryableOf(client, filter);
    if (ids.length === 0) return "No task of this list failed or was cancelled.";
    const most = ids.length === MOST_RETRIED ? `The newest ${MOST_RETRIED} tasks` : counted(ids.length);
    setAsked({
      title: "Retry all",
      text: `${most} of this list that failed or were cancelled start again as new tasks, each at its price.`,
      action: `Retry ${ids.length}`,
      run: () => retry(ids),
    });
    return null;
  };

  const running = picked.filter(({ status }) => !isTerminal(status)).map(({ taskId }) => taskId);
  const ended = picked.filter(isRetryable).map(({ taskId }) => taskId);
  return (
    <div className="row">
      {picked.length > 0 ? (
        <>
          <button
            className="button small danger"
            type="button"
            disabled={busy || running.length === 0}
            onClick={() => void perform(() => cancelPicked(running))}
          >
            Cancel picked ({running.length})
          </button>
          <button
            className="button small"
            type="button"
            disabled={busy || ended.length === 0}
            onClick={() => void perform(() => retry(ended))}
          >
            Retry picked ({ended.length})
          </button>
        </>
      ) : (
        <>
          <button
            className="button small danger"
            type="button"
            disabled={busy || !hasUnfinished(filter)}
            onClick={() =>
              setAsked({
                title: "Cancel all",
                text: "Every unfinished task of this list is cancelled, also those that are not loaded.",
                action: "Cancel them",
                run: async () => `${counted(await cancelByFilter(client, filter))} cancelled`,
              })
            }
          >
            Cancel all…
          </button>
          <button
            className="button small"
            type="button"
            disabled={busy}
            onClick={() => {
              setBusy(true);
              askRetryAll()
                .then(
                  (text) => text !== null && toast({ tone: "good", text }),
                  (error: unknown) =>
                    toast({ tone: "bad", text: error instanceof Error ? error.message : String(error) }),
                )
                .finally(() => setBusy(false));
            }}
          >
            Retry all…
          </button>
        </>
      )}
      {asked !== null && (
        <Confirm {...asked} onConfirm={() => void perform(asked.run)} onClose={() => setAsked(null)} />
      )}
    </div>
  );
}

function counted(tasks: number): string {
  return tasks === 1 ? "1 task" : `${tasks} tasks`;
}

function told(text: string, refused: number, reason: string | null): string {
  return refused === 0 ? `${text}.` : `${text}; ${refused} not: ${reason}`;
}
