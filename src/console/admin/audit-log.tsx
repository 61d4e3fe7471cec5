/** Who changed what, newest first. */

import { useCallback } from "react";
import type { WireAuditEntry } from "../../protocol/audit.ts";
import { momentText } from "../design/format.ts";
import { Notice } from "../design/notice.tsx";
import { type Column, Table } from "../design/table.tsx";
import { useAdmin } from "./admin-gate.tsx";
import { usePages } from "./use-pages.ts";

const COLUMNS: readonly Column<WireAuditEntry>[] = [
  { title: "When", cell: ({ at }) => momentText(at) },
  {
    title: "Who",
    cell: ({ actor }) => (actor.by === "start" ? "a start" : `admin ${actor.fingerprint ?? ""}`),
  },
  { title: "Did", cell: ({ action }) => <span className="mono">{action}</span> },
  {
    title: "To",
    cell: ({ target, part }) => (
      <span className="mono">{part === null ? target : `${target} / ${part}`}</span>
    ),
  },
  { title: "Before", cell: ({ before }) => <Fields fields={before} /> },
  { title: "After", cell: ({ after }) => <Fields fields={after} /> },
];

export function AuditLog() {
  const { admin } = useAdmin();
  const { rows, hasMore, error, more } = usePages(
    useCallback((after, signal) => admin.audit(after, signal), [admin]),
  );
  return (
    <>
      {error !== null && <Notice tone="bad">The changes could not be loaded: {error.message}</Notice>}
      <div className="card">
        <Table label="Changes by administrators" columns={COLUMNS} rows={rows} keyOf={({ id }) => id} />
      </div>
      {hasMore === true && (
        <div>
          <button className="button" type="button" onClick={more}>
            Show more
          </button>
        </div>
      )}
    </>
  );
}

function Fields({ fields }: { fields: WireAuditEntry["before"] }) {
  if (fields === null) return null;
  return <code className="mono audit-fields">{JSON.stringify(fields)}</code>;
}
