/** What is entered in the playground and what was run there: kept while other pages are shown, and forgotten with the tab. */

import type { ConduitClient, ImageRequest, VideoRequest, WireAccepted } from "../../client/index.ts";
import type { Entered, GivenPicture, Request } from "./request-body.ts";

export type RunTask = {
  /** Of the card, from before there is a task. */
  key: string;
  request: Request;
  /** Null until the gateway has accepted it. */
  taskId: string | null;
  /** Why there is no task. */
  refused: string | null;
};
export type Run = { id: number; at: string; tasks: readonly RunTask[] };
export type PlaygroundState = Entered & {
  /** Null until some were chosen. */
  models: readonly string[] | null;
  runs: readonly Run[];
};

/** Older runs are on the page of tasks. */
const MOST_RUNS = 20;
const stores = new WeakMap<ConduitClient, PlaygroundStore>();

/** The store of this session. */
export function playgroundOf(client: ConduitClient): PlaygroundStore {
  const store = stores.get(client) ?? new PlaygroundStore(client);
  stores.set(client, store);
  return store;
}

export class PlaygroundStore {
  readonly #client: ConduitClient;
  readonly #listeners = new Set<() => void>();
  #state: PlaygroundState = { models: null, prompt: "", values: {}, pictures: {}, runs: [] };
  #runs = 0;

  constructor(client: ConduitClient) {
    this.#client = client;
  }

  readonly state = (): PlaygroundState => this.#state;
  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  change(change: Partial<Omit<PlaygroundState, "runs">>): void {
    this.#set(change);
  }

  setValue(name: string, value: string): void {
    this.#set({ values: { ...this.#state.values, [name]: value } });
  }

  setPictures(name: string, pictures: readonly GivenPicture[]): void {
    this.#set({ pictures: { ...this.#state.pictures, [name]: pictures } });
  }

  /** Starts a task for each request, all at once. */
  run(requests: readonly Request[]): void {
    this.#runs += 1;
    const id = this.#runs;
    const tasks = requests.map((request, index): RunTask => {
      return { key: `${id}-${index}`, request, taskId: null, refused: null };
    });
    const run: Run = { id, at: new Date().toISOString(), tasks };
    this.#set({ runs: [run, ...this.#state.runs].slice(0, MOST_RUNS) });
    for (const { key, request } of tasks)
      this.#create(request).then(
        ({ taskId }) => this.#changeTask(key, { taskId }),
        (error: unknown) => this.#changeTask(key, { refused: messageOf(error) }),
      );
  }

  #create({ type, body }: Request): Promise<WireAccepted> {
    const { images, videos } = this.#client;
    return type === "image"
      ? images.generateAsync(body as ImageRequest)
      : videos.generateAsync(body as VideoRequest);
  }

  #changeTask(key: string, change: Partial<RunTask>): void {
    const runs = this.#state.runs.map((run) => {
      const tasks = run.tasks.map((task) => (task.key === key ? { ...task, ...change } : task));
      return { ...run, tasks };
    });
    this.#set({ runs });
  }

  #set(change: Partial<PlaygroundState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
