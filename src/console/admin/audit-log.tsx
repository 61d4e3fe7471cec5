/** Who changed what, newest first. */

import { useCallback } from "react";
import type { WireAuditEntry } from "../../protocol/audit.ts";
import { momentText } from "../design/format.ts";
import { Notice } from "../design/notice.tsx";
import { type Column, Table } from "../design/table.tsx";
import { useAdmin } from "./admin-gate.tsx";
import { usePages } from "./use-pages.ts";

/** More fields than this are shown when they are asked for: those of a whole key, where an edit has a few. */
const MOST_AT_ONCE = 4;

const COLUMNS: readonly Column<WireAuditEntry>[] = [
  { title: "When", unbroken: true, cell: ({ at }) => momentText(at) },
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
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  const shown = <code className="mono audit-fields">{lines.join("\n")}</code>;
  if (lines.length <= MOST_AT_ONCE) return shown;
  return (
    <details>
      <summary>{lines.length} fields</summary>
      {shown}
    </details>
  );
}
