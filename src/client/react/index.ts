/** The package's entry `react`. */

export type { RealtimeState, RealtimeTask } from "./realtime-store.ts";
export {
  type ConduitRealtime,
  type UseConduitRealtimeOptions,
  useConduitRealtime,
} from "./use-conduit-realtime.ts";
export { type RunStart, type TaskState, type UseRun, useRun, useTask } from "./use-task.ts";
