/** Asks for the admin key before what needs it. It is kept as the virtual key is: in the session's storage of the tab alone. */

import { createContext, type FormEvent, type ReactNode, useContext, useMemo, useState } from "react";
import { FormField } from "../design/field.tsx";
import { Notice } from "../design/notice.tsx";
import { useSession } from "../shell/session.ts";
import { storeAdminKey, storedAdminKey } from "../shell/stored-key.ts";
import { AdminClient } from "./admin-client.ts";

export type Administration = { admin: AdminClient; leave(): void };

const AdminContext = createContext<Administration | null>(null);

/** Only within an `AdminGate`. */
export function useAdmin(): Administration {
  const administration = useContext(AdminContext);
  if (administration === null) throw new Error("A page for administrators was shown without the admin key.");
  return administration;
}

export function AdminGate({ children }: { children: ReactNode }) {
  const { baseUrl } = useSession();
  const [adminKey, setAdminKey] = useState(storedAdminKey);
  const [problem, setProblem] = useState<string | null>(null);
  const administration = useMemo<Administration | null>(() => {
    const leave = (why: string | null = null) => {
      storeAdminKey(null);
      setProblem(why);
      setAdminKey(null);
    };
    return adminKey === null
      ? null
      : { admin: new AdminClient(adminKey, baseUrl, leave), leave: () => leave() };
  }, [adminKey, baseUrl]);
  const enter = (key: string) => {
    storeAdminKey(key);
    setProblem(null);
    setAdminKey(key);
  };
  if (administration === null) return <AdminKeyForm problem={problem} onKey={enter} />;
  return <AdminContext value={administration}>{children}</AdminContext>;
}

function AdminKeyForm({ problem, onKey }: { problem: string | null; onKey(key: string): void }) {
  const [typed, setTyped] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed.trim() !== "") onKey(typed.trim());
  };
  return (
    <>
      <h1>Administration</h1>
      <form className="card padded stack admin-key" onSubmit={submit}>
        {problem !== null && <Notice tone="bad">{problem}</Notice>}
        <FormField label="Admin key" hint="CONDUIT_ADMIN_KEY of the gateway. It stays in this tab.">
          {(control) => (
            <input
              {...control}
              className="input mono"
              type="password"
              autoComplete="off"
              required
              value={typed}
              onChange={({ target }) => setTyped(target.value)}
            />
          )}
        </FormField>
        <div>
          <button className="button main" type="submit">
            Go on
          </button>
        </div>
      </form>
    </>
  );
}
