/** Something that has to be asked for, as state. */

import { useCallback, useEffect, useState } from "react";
import { AuthenticationError } from "../../client/index.ts";
import { useSession } from "../shell/session.ts";

export type Loaded<T> = {
  /** The last answer; null until there is one. */
  data: T | null;
  /** Why there is none, or no newer one. */
  error: Error | null;
  /** Asks again; what there is stays until the answer comes. */
  reload(): void;
};

/** Asks when the component is mounted, and when `load` is another function. A key that is refused signs out. */
export function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const { signOut } = useSession();
  const [state, setState] = useState<{ by: unknown; data: T | null; error: Error | null }>({
    by: load,
    data: null,
    error: null,
  });
  const [asked, setAsked] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `asked` counts the calls of `reload`.
  useEffect(() => {
    const leaving = new AbortController();
    load(leaving.signal).then(
      (data) => {
        if (!leaving.signal.aborted) setState({ by: load, data, error: null });
      },
      (error: unknown) => {
        if (leaving.signal.aborted) return;
        if (error instanceof AuthenticationError) signOut(`You were signed out: ${error.message}`);
        const known = error instanceof Error ? error : new Error(String(error));
        setState((before) => ({ by: load, data: before.by === load ? before.data : null, error: known }));
      },
    );
    return () => leaving.abort();
  }, [load, asked, signOut]);
  const reload = useCallback(() => setAsked((before) => before + 1), []);
  // What was answered to another question is not shown as the answer to this one.
  return state.by === load ? { ...state, reload } : { data: null, error: null, reload };
}
