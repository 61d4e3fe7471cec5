/** A list that comes in pages, of which more are asked for. */

import { useCallback, useEffect, useState } from "react";

export type Paged<Row> = {
  rows: readonly Row[];
  /** Null until the first page is there. */
  hasMore: boolean | null;
  error: Error | null;
  more(): void;
  /** Begins anew. */
  reload(): void;
};

type PageOf<Row> = { data: readonly Row[]; hasMore: boolean; after: string | null };

/** Asks for the first page when the component is mounted; `load` is to stay the same function. */
export function usePages<Row>(
  load: (after: string | null, signal: AbortSignal) => Promise<PageOf<Row>>,
): Paged<Row> {
  const [asked, setAsked] = useState<{ after: string | null; time: number }>({ after: null, time: 0 });
  const [pages, setPages] = useState<readonly PageOf<Row>[]>([]);
  const [error, setError] = useState<Error | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    load(asked.after, leaving.signal).then(
      (page) => {
        if (leaving.signal.aborted) return;
        setError(null);
        setPages((before) => (asked.after === null ? [page] : [...before, page]));
      },
      (reason: unknown) => {
        if (!leaving.signal.aborted) setError(reason instanceof Error ? reason : new Error(String(reason)));
      },
    );
    return () => leaving.abort();
  }, [load, asked]);
  const last = pages.at(-1);
  const after = last?.after ?? null;
  const more = useCallback(() => setAsked((before) => ({ after, time: before.time + 1 })), [after]);
  const reload = useCallback(() => setAsked((before) => ({ after: null, time: before.time + 1 })), []);
  return { rows: pages.flatMap(({ data }) => data), hasMore: last?.hasMore ?? null, error, more, reload };
}
