/** Something that has to be asked for, as state. */

import { useCallback, useEffect, useRef, useState } from "react";
import { AuthenticationError } from "../../client/index.ts";
import { useSession } from "../shell/session.ts";

export type Loaded<T> = {
  /** The last answer; null until there is one. */
  data: T | null;
  /** Why there is none, or no newer one. */
  error: Error | null;
  /** Asks again, where a question is on its way behind its answer; what there is stays until the answer comes. */
  reload(): void;
};

/**
 * Asks when the component is mounted, and when `load` is another function; as `reload` does, when `version` has changed. A key that
 * is refused signs out.
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  version: string | number = "",
): Loaded<T> {
  const { signOut } = useSession();
  const [state, setState] = useState<{ by: unknown; data: T | null; error: Error | null }>({
    by: load,
    data: null,
    error: null,
  });
  const asker = useRef(() => {});
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    let isAsking = false;
    let isDue = false;
    // One question at a time: calls of `reload` that come faster than answers would keep each from its answer.
    const ask = async () => {
      isDue = true;
      if (isAsking) return;
      isAsking = true;
      while (isDue && !signal.aborted) {
        isDue = false;
        try {
          const data = await load(signal);
          if (!signal.aborted) setState({ by: load, data, error: null });
        } catch (thrown) {
          if (signal.aborted) return;
          if (thrown instanceof AuthenticationError) signOut(`You were signed out: ${thrown.message}`);
          const error = thrown instanceof Error ? thrown : new Error(String(thrown));
          setState((before) => ({ by: load, data: before.by === load ? before.data : null, error }));
        }
      }
      isAsking = false;
    };
    asker.current = () => void ask();
    void ask();
    return () => leaving.abort();
  }, [load, signOut]);
  const reload = useCallback(() => asker.current(), []);
  const asked = useRef(version);
  useEffect(() => {
    if (asked.current === version) return;
    asked.current = version;
    reload();
  }, [version, reload]);
  // What was answered to another question is not shown as the answer to this one.
  return state.by === load ? { ...state, reload } : { data: null, error: null, reload };
}
