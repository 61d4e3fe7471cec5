/** The way in: a key is checked by the gateway before anything else is shown. */

import { type FormEvent, useCallback, useEffect, useState } from "react";
import { AuthenticationError } from "../../client/index.ts";
import { FormField } from "../design/field.tsx";
import { Icon } from "../design/icon.tsx";
import { Notice } from "../design/notice.tsx";
import { clientOf, type OwnKey } from "./session.ts";

/** What a header can carry. */
const CARRIED = /^[\x21-\x7e]+$/;

export type SignInProps = {
  /** Tried at once; null: there is none. */
  first: string | null;
  /** Why one has to sign in again. */
  reason: string | null;
  onKey(virtualKey: string, key: OwnKey): void;
};

export function SignIn({ first, reason, onKey }: SignInProps) {
  const [text, setText] = useState(first ?? "");
  const [checking, setChecking] = useState(first !== null);
  const [problem, setProblem] = useState<string | null>(reason);

  const check = useCallback(
    async (virtualKey: string, signal?: AbortSignal) => {
      setChecking(true);
      setProblem(null);
      try {
        onKey(virtualKey, await clientOf(virtualKey).key.get({ signal }));
      } catch (error) {
        if (!signal?.aborted) setProblem(explained(error));
      }
      if (!signal?.aborted) setChecking(false);
    },
    [onKey],
  );
  // The key of an earlier visit is tried once: neither of these changes.
  useEffect(() => {
    if (first === null) return;
    const leaving = new AbortController();
    void check(first, leaving.signal);
    return () => leaving.abort();
  }, [first, check]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const virtualKey = text.trim();
    if (virtualKey === "") setProblem("Enter a key first.");
    else if (!CARRIED.test(virtualKey)) setProblem("This is no key: it holds characters that no key has.");
    else void check(virtualKey);
  };
  return (
    <main className="gate">
      <form className="card stack" onSubmit={submit}>
        <div className="brand">
          <Icon name="logo" />
          Conduit
        </div>
        <h1>Sign in with a key</h1>
        <p className="muted">
          A virtual key of this gateway (<code>condt_…</code>). The first start prints one. It stays in this
          tab and is forgotten with it.
        </p>
        {problem !== null && <Notice tone="bad">{problem}</Notice>}
        <FormField label="Key">
          {(control) => (
            <input
              {...control}
              className="input mono"
              type="password"
              autoComplete="off"
              spellCheck={false}
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </FormField>
        <button className="button main" type="submit" disabled={checking}>
          {checking ? "Checking…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}

function explained(error: unknown): string {
  if (error instanceof AuthenticationError) return `The gateway refused this key: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
