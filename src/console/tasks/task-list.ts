/** The tasks of a filter, newest first: pages of the gateway's list, kept up to date by the events of all tasks. */

import type { ConduitClient, ResultPage, TaskFilter } from "../../client/index.ts";
import { isTerminal, type WireEvent, type WireTask } from "../../protocol/task.ts";

export type TaskListState = {
  /** Newest first. */
  tasks: readonly WireTask[];
  /** Null until the first page has come. */
  hasMore: boolean | null;
  isLoading: boolean;
  /** Why the last page did not come. */
  error: Error | null;
};

/** The largest page there is. */
const PAGE = 100;
/** Events are shown together, at most so often. */
const SHOW_MS = 100;
/** Of tasks that appear at once, more than this are read by a page. */
const MOST_READ_ALONE = 5;
/** After a gap in the news so many tasks are read again; those before are as they were. */
const READ_AGAIN = 500;

export class TaskList {
  readonly #client: ConduitClient;
  readonly #filter: TaskFilter;
  readonly #leaving = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #events: WireEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #last: ResultPage<WireTask> | null = null;
  #state: TaskListState = { tasks: [], hasMore: null, isLoading: false, error: null };

  constructor(client: ConduitClient, filter: TaskFilter) {
    this.#client = client;
    this.#filter = filter;
  }

  readonly state = (): TaskListState => this.#state;
  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Loads the next page, if there is one and none is on its way. */
  readonly more = (): void => {
    const { isLoading, hasMore } = this.#state;
    if (isLoading || hasMore === false) return;
    void this.#load(async () => {
      const page = this.#last === null ? await this.#page() : await this.#last.next();
      if (page === null) return this.#set({ hasMore: false });
      this.#last = page;
      this.#set({ tasks: merged(this.#state.tasks, page.data), hasMore: page.hasMore });
    });
  };

  /** Events may have been missed: reads what is shown again. */
  readonly refresh = (): void => {
    void this.#load(async () => {
      const wanted = Math.min(READ_AGAIN, Math.max(PAGE, this.#state.tasks.length));
      let page: ResultPage<WireTask> | null = await this.#page();
      const fresh = [...page.data];
      while (fresh.length < wanted && page !== null) {
        page = await page.next();
        fresh.push(...(page?.data ?? []));
      }
      const oldest = fresh.at(-1)?.taskId ?? "";
      const older = page?.hasMore ? this.#state.tasks.filter(({ taskId }) => taskId < oldest) : [];
      if (older.length === 0) this.#last = page ?? this.#last;
      this.#set({ tasks: [...fresh, ...older], hasMore: page?.hasMore ?? false });
    });
  };

  /** Something happened to a task. */
  readonly heard = (event: WireEvent): void => {
    this.#events.push(event);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#show(this.#events.splice(0));
    }, SHOW_MS);
  };

  /** Takes tasks out that were removed. */
  forget(ids: ReadonlySet<string>): void {
    this.#set({ tasks: this.#state.tasks.filter(({ taskId }) => !ids.has(taskId)) });
  }

  close(): void {
    this.#leaving.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #page(): Promise<ResultPage<WireTask>> {
    return this.#client.tasks.list({ ...this.#filter, limit: PAGE }, { signal: this.#leaving.signal });
  }

  async #load(work: () => Promise<void>): Promise<void> {
    this.#set({ isLoading: true, error: null });
    try {
      await work();
      this.#set({ isLoading: false });
    } catch (error) {
      if (this.#leaving.signal.aborted) return;
      this.#set({ isLoading: false, error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  #show(events: readonly WireEvent[]): void {
    const news = new Map<string, WireEvent>();
    const unknown = new Set<string>();
    const known = new Set(this.#state.tasks.map(({ taskId }) => taskId));
    for (const event of events) {
      if (known.has(event.taskId)) news.set(event.taskId, event);
      // Progress alone makes no task a new one: it is further down the list than was loaded.
      else if (event.type === "progress") continue;
      else if (this.#wantsStatus(event)) unknown.add(event.taskId);
      else unknown.delete(event.taskId);
    }
    if (news.size > 0) {
      const changed = this.#state.tasks.map((task) => withEvent(task, news.get(task.taskId)));
      this.#set({ tasks: changed.filter((task) => this.#wants(task)) });
    }
    if (unknown.size > 0 && this.#state.hasMore !== null) void this.#add([...unknown]);
  }

  /** Tasks that the list does not have: read alone, or with the first page where they are many. */
  async #add(ids: readonly string[]): Promise<void> {
    try {
      const signal = this.#leaving.signal;
      const found =
        ids.length > MOST_READ_ALONE
          ? (await this.#page()).data
          : await Promise.all(ids.map((id) => this.#client.tasks.get(id, { signal })));
      const { tasks, hasMore } = this.#state;
      const oldest = tasks.at(-1)?.taskId ?? "";
      const within = found.filter((task) => this.#wants(task) && (!hasMore || task.taskId > oldest));
      this.#set({ tasks: merged(tasks, within) });
    } catch {
      // The key no longer sees it, or the gateway is away: a gap in the news then reads all again.
    }
  }

  #wants(task: WireTask): boolean {
    const { type, batchId } = this.#filter;
    if (!this.#wantsStatus(task)) return false;
    return (type === undefined || task.type === type) && (batchId === undefined || task.batchId === batchId);
  }

  #wantsStatus({ status }: Pick<WireTask, "status">): boolean {
    const wanted = this.#filter.status;
    return wanted === undefined || [wanted].flat().includes(status);
  }

  #set(change: Partial<TaskListState>): void {
    if (this.#leaving.signal.aborted) return;
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Both lists as one, newest first, with the second's word where both have a task. */
function merged(before: readonly WireTask[], added: readonly WireTask[]): WireTask[] {
  const byId = new Map([...before, ...added].map((task) => [task.taskId, task]));
  // Ids begin with the moment they were made.
  return [...byId.values()].sort((one, other) => (one.taskId < other.taskId ? 1 : -1));
}

/** The task after the event. What only a read tells stays as it was. */
export function withEvent(task: WireTask, event: WireEvent | undefined): WireTask {
  if (event === undefined || isTerminal(task.status)) return task;
  const { status, progress, message, at, result, error, errorCode } = event;
  return {
    ...task,
    status,
    message,
    updated: at,
    progress: Math.max(task.progress, progress),
    ...(result && { result, cost: result.cost }),
    ...(error !== undefined && { error }),
    ...(errorCode && { errorCode }),
    ...(isTerminal(status) && { finished: at, queuePosition: null }),
  };
}
