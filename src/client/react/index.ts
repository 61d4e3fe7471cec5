/** The package's entry `react`. */

export { ConduitProvider, type ConduitProviderProps, useConduitClient } from "./conduit-context.ts";
export type { RealtimeState, RealtimeTask } from "./realtime-store.ts";
export {
  type ConduitRealtime,
  type UseConduitRealtimeOptions,
  useConduitRealtime,
} from "./use-conduit-realtime.ts";
export { type RunStart, type UseRun, useRun } from "./use-run.ts";
export { type TaskState, useTask } from "./use-task.ts";
