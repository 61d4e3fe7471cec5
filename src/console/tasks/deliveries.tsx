/** What webhooks were told about a task. */

import { useCallback } from "react";
import type { WireDelivery } from "../../protocol/webhook.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { momentText } from "../design/format.ts";
import { Notice } from "../design/notice.tsx";
import { Chip, type Tone } from "../design/status-chip.tsx";
import { type Column, Table } from "../design/table.tsx";
import { useSession } from "../shell/session.ts";

const TONES: Readonly<Record<WireDelivery["status"], Tone>> = {
  pending: "busy",
  delivered: "good",
  dead: "bad",
};

const COLUMNS: readonly Column<WireDelivery>[] = [
  { title: "Message", cell: ({ type }) => type },
  { title: "To", cell: ({ url }) => <span className="mono">{url}</span> },
  { title: "State", cell: ({ status }) => <Chip tone={TONES[status]}>{status}</Chip> },
  { title: "Tries", cell: ({ attempts }) => attempts.length },
  { title: "Last answer", cell: lastAnswer },
  {
    title: "Next try",
    cell: ({ nextAttemptAt }) => (nextAttemptAt === null ? "" : momentText(nextAttemptAt)),
  },
];

/** `version` changes when there may be others. */
export function Deliveries({ taskId, version }: { taskId: string; version: string }) {
  const { client } = useSession();
  const load = useCallback(
    (signal: AbortSignal) => client.tasks.deliveries(taskId, { signal }),
    [client, taskId],
  );
  const { data, error, reload } = useLoaded(load, version);
  if (error !== null) return <Notice tone="bad">The deliveries could not be loaded: {error.message}</Notice>;
  if (data === null) return <p className="muted">Loading…</p>;
  if (data.length === 0) return <p className="muted">No webhook was told about this task.</p>;
  return (
    <div className="stack tight">
      <Table label="Webhook deliveries" columns={COLUMNS} rows={data} keyOf={({ id }) => id} />
      {data.some(({ status }) => status === "pending") && (
        <div>
          <button className="button small" type="button" onClick={reload}>
            Look again
          </button>
        </div>
      )}
    </div>
  );
}

function lastAnswer({ attempts }: WireDelivery): string {
  const last = attempts.at(-1);
  if (last === undefined) return "";
  return `${last.httpStatus ?? last.error ?? "none"} after ${last.ms} ms`;
}
