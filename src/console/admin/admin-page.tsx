/** What administrators see: keys, what all of them spent, providers, and who changed what. */

import { Tabs } from "../design/tabs.tsx";
import type { PageProps } from "../shell/page.ts";
import { goTo, hrefOf } from "../shell/route.ts";
import { AdminGate, useAdmin } from "./admin-gate.tsx";
import { AdminSpend } from "./admin-spend.tsx";
import { AuditLog } from "./audit-log.tsx";
import { KeyList } from "./key-list.tsx";
import { Providers } from "./providers.tsx";

const VIEWS = ["keys", "spend", "providers", "changes"] as const;
type View = (typeof VIEWS)[number];

export function AdminPage({ route }: PageProps) {
  const view = VIEWS.find((one) => one === route.query.get("view")) ?? "keys";
  return (
    <AdminGate>
      <Views view={view} />
    </AdminGate>
  );
}

function Views({ view }: { view: View }) {
  const { leave } = useAdmin();
  return (
    <>
      <div className="row apart">
        <h1>Administration</h1>
        <button className="button small" type="button" onClick={leave}>
          Forget the admin key
        </button>
      </div>
      <Tabs
        label="Views"
        choices={VIEWS}
        chosen={view}
        onChoose={(chosen) => goTo(hrefOf("admin", { view: chosen }))}
      >
        <div className="stack">
          {view === "keys" && <KeyList />}
          {view === "spend" && <AdminSpend />}
          {view === "providers" && <Providers />}
          {view === "changes" && <AuditLog />}
        </div>
      </Tabs>
    </>
  );
}
