/** What `useConduitRealtime` shows: one realtime client, and its tasks as values that are never changed in place. */

import type { ConduitRealtimeClient } from "../realtime/realtime-client.ts";
import type { HubType, RealtimeTaskResult } from "../realtime/realtime-events.ts";

export type RealtimeTask = {
  readonly id: string;
  readonly progress: number;
  /** A cancelled one is `failed`. */
  readonly status: "pending" | "completed" | "failed";
  /** What is being done, as the provider tells it. */
  readonly message?: string;
  readonly estimatedSecondsRemaining?: number;
  readonly result?: RealtimeTaskResult;
  readonly error?: string;
};

export type RealtimeState = {
  readonly isConnected: boolean;
  readonly isConnecting: boolean;
  /** Why it is not connected, or what went wrong last. */
  readonly error: Error | null;
  readonly tasks: ReadonlyMap<string, RealtimeTask>;
};

const NOTHING: RealtimeState = { isConnected: false, isConnecting: false, error: null, tasks: new Map() };

/** Tasks that have ended are shown until so many others have. */
const MOST_ENDED = 1_000;

export class RealtimeStore {
  readonly #make: () => ConduitRealtimeClient;
  readonly #listeners = new Set<() => void>();
  #client: ConduitRealtimeClient | null = null;
  #state = NOTHING;
  #connections = 0;
  /** Those that have ended, in that order. */
  readonly #ended = new Set<string>();

  /** Makes nothing yet: a page that is rendered on a server has no client. */
  constructor(make: () => ConduitRealtimeClient) {
    this.#make = make;
  }

  readonly state = (): RealtimeState => this.#state;
  readonly initialState = (): RealtimeState => NOTHING;

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly connect = async (hubType: HubType): Promise<void> => {
    this.#connections += 1;
    const connection = this.#connections;
    this.#set({ isConnecting: true, error: null });
    try {
      await this.#open().connect(hubType);
      if (connection === this.#connections) this.#set({ isConnecting: false, isConnected: true });
    } catch (error) {
      if (connection === this.#connections)
        this.#set({ isConnecting: false, isConnected: false, error: error as Error });
      throw error;
    }
  };

  readonly disconnect = async (): Promise<void> => {
    this.#connections += 1;
    this.#set({ isConnecting: false, isConnected: false });
    await this.#client?.disconnect();
  };

  readonly generateImage = async (
    params: Parameters<ConduitRealtimeClient["generateImage"]>[0],
  ): Promise<string> => this.#entered(await this.#open().generateImage(params));

  readonly generateVideo = async (
    params: Parameters<ConduitRealtimeClient["generateVideo"]>[0],
  ): Promise<string> => this.#entered(await this.#open().generateVideo(params));

  readonly subscribeToTask = async (taskId: string, type: HubType): Promise<void> => {
    await this.#open().subscribeToTask(taskId, type);
  };

  #entered(taskId: string): string {
    this.#change(taskId, {});
    return taskId;
  }

  #open(): ConduitRealtimeClient {
    if (this.#client !== null) return this.#client;
    const client = this.#make();
    this.#client = client;
    // Said before anything of the task comes.
    client.on("subscribed", ({ taskId }) => this.#change(taskId, {}));
    client.on("progress", ({ taskId, ...news }) => this.#change(taskId, news));
    client.on("completed", (result) =>
      this.#change(result.taskId, { progress: 100, status: "completed", result }),
    );
    client.on("failed", (result) =>
      this.#change(result.taskId, { status: "failed", result, error: result.error ?? "Task failed" }),
    );
    client.on("reconnecting", () => this.#set({ isConnecting: true, isConnected: false }));
    client.on("reconnected", () => this.#set({ isConnecting: false, isConnected: true }));
    client.on("disconnected", ({ error }) => {
      // Without an error it was asked for, perhaps by a connection that another one has replaced.
      if (error) this.#set({ isConnecting: false, isConnected: false, error });
    });
    client.on("error", ({ error }) => this.#set({ error }));
    return client;
  }

  #change(id: string, change: Partial<RealtimeTask>): void {
    const before = this.#state.tasks.get(id) ?? { id, progress: 0, status: "pending" };
    const tasks = new Map(this.#state.tasks).set(id, { ...before, ...change });
    if (change.status !== undefined) this.#ended.add(id);
    const [oldest] = this.#ended.size > MOST_ENDED ? this.#ended : [];
    if (oldest !== undefined) {
      this.#ended.delete(oldest);
      tasks.delete(oldest);
    }
    this.#set({ tasks });
  }

  #set(change: Partial<RealtimeState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}
