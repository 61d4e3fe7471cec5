/** `useConduitRealtime`: a realtime client for as long as a component is mounted. */

import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { ConduitRealtimeClient } from "../realtime/realtime-client.ts";
import type { ConduitClientOptions, HubType } from "../realtime/realtime-events.ts";
import { type RealtimeState, RealtimeStore } from "./realtime-store.ts";

export type UseConduitRealtimeOptions = ConduitClientOptions & {
  /** Connects when the component is mounted. Default false. */
  autoConnect?: boolean | undefined;
  /** Default `image`. */
  hubType?: HubType | undefined;
  /** What makes the client, for tests. */
  createClient?: ((options: ConduitClientOptions) => ConduitRealtimeClient) | undefined;
};

export type ConduitRealtime = RealtimeState &
  Pick<RealtimeStore, "connect" | "disconnect" | "generateImage" | "generateVideo" | "subscribeToTask">;

/**
 * The options may be written in place: only another key or address makes another client. It disconnects when the component goes; its
 * calls stay the same between renders.
 */
export function useConduitRealtime(options: UseConduitRealtimeOptions): ConduitRealtime {
  const { virtualKey, baseUrl, autoConnect = false, hubType = "image" } = options;
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const store = useMemo(
    () =>
      new RealtimeStore(() => {
        const { createClient, ...others } = latest.current;
        const made = { ...others, virtualKey, baseUrl } as ConduitClientOptions;
        return createClient?.(made) ?? new ConduitRealtimeClient(made);
      }),
    [virtualKey, baseUrl],
  );
  const state = useSyncExternalStore(store.listen, store.state, store.initialState);
  useEffect(() => {
    // Why it failed is in the state.
    if (autoConnect) store.connect(hubType).catch(() => {});
    return () => void store.disconnect();
  }, [store, autoConnect, hubType]);
  const { connect, disconnect, generateImage, generateVideo, subscribeToTask } = store;
  return { ...state, connect, disconnect, generateImage, generateVideo, subscribeToTask };
}
