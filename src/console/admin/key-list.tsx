/** Every virtual key, newest first. */

import { useCallback, useState } from "react";
import type { WireKey } from "../../protocol/key.ts";
import { Dialog } from "../design/dialog.tsx";
import { dollarsText, momentText } from "../design/format.ts";
import { Empty, Notice } from "../design/notice.tsx";
import { SecretDialog } from "../design/secret-dialog.tsx";
import { Chip } from "../design/status-chip.tsx";
import { type Column, Table } from "../design/table.tsx";
import { hrefOf } from "../shell/route.ts";
import { useAdmin } from "./admin-gate.tsx";
import { KeyForm } from "./key-form.tsx";
import { usePages } from "./use-pages.ts";

const COLUMNS: readonly Column<WireKey>[] = [
  {
    title: "Name",
    cell: ({ id, name }) => <a href={hrefOf(`admin/keys/${encodeURIComponent(id)}`)}>{name}</a>,
  },
  { title: "Ends in", unbroken: true, cell: ({ last4 }) => <span className="mono">…{last4}</span> },
  { title: "State", cell: (key) => <KeyState {...key} /> },
  { title: "Budgets", cell: ({ budgets }) => budgets.map(budgetText).join(", ") || "none" },
  { title: "Models", cell: ({ allowedModels }) => allowedModels?.join(", ") ?? "all" },
  { title: "Made", unbroken: true, cell: ({ createdAt }) => momentText(createdAt) },
];

export function KeyList() {
  const { admin } = useAdmin();
  const { rows, hasMore, error, more, reload } = usePages(
    useCallback((after, signal) => admin.listKeys(after, signal), [admin]),
  );
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const made = (plain: string) => {
    setMaking(false);
    setSecret(plain);
    reload();
  };
  return (
    <>
      <div>
        <button className="button main" type="button" onClick={() => setMaking(true)}>
          Make a key
        </button>
      </div>
      {error !== null && <Notice tone="bad">The keys could not be loaded: {error.message}</Notice>}
      <div className="card">
        {rows.length > 0 ? (
          <Table label="Virtual keys" columns={COLUMNS} rows={rows} keyOf={({ id }) => id} />
        ) : (
          hasMore !== null && <Empty title="No keys">Make one and hand it to an application.</Empty>
        )}
      </div>
      {hasMore === true && (
        <div>
          <button className="button" type="button" onClick={more}>
            Show more
          </button>
        </div>
      )}
      {making && (
        <Dialog title="Make a key" onClose={() => setMaking(false)}>
          <KeyForm action="Make it" save={async (fields) => made((await admin.createKey(fields)).key)} />
        </Dialog>
      )}
      {secret !== null && (
        <SecretDialog title="The key, shown once" secret={secret} onClose={() => setSecret(null)}>
          Hand it to the application that shall use it. It cannot be shown again, only replaced.
        </SecretDialog>
      )}
    </>
  );
}

export function KeyState({ enabled, expiresAt }: Pick<WireKey, "enabled" | "expiresAt">) {
  if (!enabled) return <Chip tone="bad">disabled</Chip>;
  if (expiresAt !== null && Date.parse(expiresAt) <= Date.now()) return <Chip tone="bad">expired</Chip>;
  return <Chip tone="good">enabled</Chip>;
}

export function budgetText({ limit, period }: WireKey["budgets"][number]): string {
  return period === "total" ? dollarsText(limit) : `${dollarsText(limit)} ${period}`;
}
