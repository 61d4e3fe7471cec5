/** What comes by itself: the events of every task of the key, and a connection to follow single ones. */

import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { StatusError } from "../../client/index.ts";
import { type ConduitRealtime, useConduitRealtime } from "../../client/react/index.ts";
import type { WireEvent } from "../../protocol/task.ts";
import { useSession } from "./session.ts";

export type FeedListener = {
  onEvent(event: WireEvent): void;
  /** Events may have been missed: what is shown has to be read again. */
  onReset(): void;
};

export type Live = {
  /** Whether news arrive. */
  isLive: boolean;
  realtime: ConduitRealtime;
  /** Hears of every task of the key; the answer ends it. Always the same function. */
  readonly listen: (listener: FeedListener) => () => void;
};

const LiveContext = createContext<Live | null>(null);

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error("A page was shown outside of the console.");
  return live;
}

export function LiveProvider({ children }: { children: ReactNode }) {
  const { client, virtualKey, baseUrl, signOut } = useSession();
  const [isLive, setLive] = useState(false);
  const [listeners] = useState(() => new Set<FeedListener>());
  const realtime = useConduitRealtime({ virtualKey, baseUrl, autoConnect: true });

  useEffect(() => {
    const leaving = new AbortController();
    client.tasks
      .watch({
        signal: leaving.signal,
        onEvent: (event) => listeners.forEach((listener) => void listener.onEvent(event)),
        onReset: () => listeners.forEach((listener) => void listener.onReset()),
        onConnection: setLive,
      })
      .catch((error: unknown) => {
        if (leaving.signal.aborted) return;
        // Nothing but a key that is refused ends it.
        const why = error instanceof StatusError ? error.message : String(error);
        signOut(`You were signed out: ${why}`);
      });
    return () => leaving.abort();
  }, [client, listeners, signOut]);

  // A gateway that was away for long is not tried any more by the realtime client; the stream of all tasks never gives up.
  const { isConnected, isConnecting, connect } = realtime;
  useEffect(() => {
    if (isLive && !isConnected && !isConnecting) connect("image").catch(() => {});
  }, [isLive, isConnected, isConnecting, connect]);

  const listen = useCallback(
    (listener: FeedListener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    [listeners],
  );
  const live = useMemo<Live>(() => ({ isLive, realtime, listen }), [isLive, realtime, listen]);
  return <LiveContext value={live}>{children}</LiveContext>;
}
