/** How providers are described to operators: `GET /admin/v1/providers`. Shared by the server and the SDK. */

import type { TaskErrorCode, TaskType } from "./task.ts";

/** An account with a provider, as the calls of the answering process found it. */
export type WireAccount = {
  /** As configured; null where the provider has only one. */
  name: string | null;
  /** Its share of new jobs against the others; null where there is only one. */
  weight: number | null;
  /**
   * `refused`: the provider refused its key or its credit. `away`: calls in a row found the provider away. `limited`: for one
   * kind of work or another. Null: this host's calls are made elsewhere.
   */
  status: "ok" | "limited" | "refused" | "away" | null;
  errorCode: TaskErrorCode | null;
  /** When it is tried again, by kind of work; only kinds for which it rests now. */
  retryAfterSeconds: Partial<Record<TaskType, number>>;
};

export type WireProvider = {
  name: string;
  /** Names of its models, as `GET /v1/models` has them. */
  models: string[];
  accounts: WireAccount[];
};

/** The answer of `GET /admin/v1/providers`. */
export type WireProviderList = { object: "list"; data: WireProvider[] };
