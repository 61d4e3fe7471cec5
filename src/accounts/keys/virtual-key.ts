/** A virtual key: what an app authenticates with, and what it may do. */

import type { Permissions } from "../../protocol/key.ts";
import type { Json, Priority } from "../../protocol/task.ts";
import type { Budget, Grant } from "../money/budgets.ts";

export type VirtualKey = {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the plain key, lower-case hex; the plain key is kept nowhere. */
  readonly hash: string;
  /** The plain key's last four characters, so that people can tell keys apart. */
  readonly last4: string;
  readonly enabled: boolean;
  readonly expiresAt: number | null;
  /** Model names, `*` as last character matches any rest; null allows every model. */
  readonly allowedModels: readonly string[] | null;
  readonly permissions: Permissions;
  readonly maxPriority: Priority;
  /** How many of its tasks may be started and unfinished at once; null = no limit of its own. */
  readonly maxConcurrentTasks: number | null;
  /** All of them hold; none: no limit. */
  readonly budgets: readonly Budget[];
  /** Each raises every budget of the key, not those of its customers. */
  readonly grants: readonly Grant[];
  /** What each customer may spend that has no budget of its own; null: no limit. */
  readonly customerBudget: Budget | null;
  /** Null: no limit. */
  readonly requestsPerMinute: number | null;
  readonly requestsPerDay: number | null;
  readonly metadata: Record<string, Json>;
  /** The plain form before the last rotation; null: it was refused at once, or there was none. */
  readonly previous: PreviousForm | null;
  /** Rises with every change; 0 until the first one by a release that counts. */
  readonly revision: number;
  readonly createdAt: number;
  readonly updatedAt: number;
};

/** A plain form that was rotated away and works for a while. */
export type PreviousForm = {
  readonly hash: string;
  readonly last4: string;
  /** Milliseconds since the epoch. */
  readonly validUntil: number;
  /** The hash of the form that took its place. Beside another one it is void: an earlier release rotated the key again. */
  readonly successor: string;
};

/** What may be changed about a key after it was made. */
export type KeyPatch = Partial<
  Pick<
    VirtualKey,
    | "name"
    | "enabled"
    | "expiresAt"
    | "allowedModels"
    | "permissions"
    | "maxPriority"
    | "maxConcurrentTasks"
    | "budgets"
    | "grants"
    | "customerBudget"
    | "requestsPerMinute"
    | "requestsPerDay"
    | "metadata"
    | "hash"
    | "last4"
    | "previous"
  >
>;
