/** Ephemeral keys on the wire: short-lived keys for browsers, in our words and in OpenAI's. */

import type { Permissions } from "./key.ts";
import type { Json, Priority } from "./task.ts";

/** The body of `POST /v1/auth/ephemeral-keys`: what is left out is as the parent has it. */
export type CreateEphemeralKeyRequest = {
  /** 10 to 7,200; default 600. */
  ttl_seconds?: number | undefined;
  /** The tenant it is within its parent, such as the id of a user; default a random one. */
  subject?: string | undefined;
  /** Where some are named, the others are not granted. */
  permissions?: { [K in keyof Permissions]?: boolean | undefined } | undefined;
  /** Model names, `*` as last character matches any rest. */
  allowed_models?: string[] | undefined;
  max_priority?: Priority | undefined;
  /** Ids of tasks that it may read, follow and cancel besides those of its subject. */
  tasks?: string[] | undefined;
};

/** The answer: the only one that holds the plain key. */
export type WireEphemeralKey = Omit<WireListedEphemeralKey, "created"> & { key: string };

/** What `GET /v1/auth/ephemeral-keys` tells of a key. */
export type WireListedEphemeralKey = {
  /** Takes it back: the SHA-256 of the plain key in lower-case hex. */
  id: string;
  /** ISO 8601. */
  created: string;
  /** ISO 8601. */
  expiresAt: string;
  subject: string;
  permissions: Permissions;
  /** Null: those of the parent. */
  allowedModels: readonly string[] | null;
  maxPriority: Priority;
  tasks: readonly string[];
};

/** Those that have not expired, the one that ends last first; `after` asks for the next page. */
export type WireEphemeralKeyPage = {
  data: WireListedEphemeralKey[];
  hasMore: boolean;
  after: string | null;
};

export type WireEphemeralKeyDeleted = { id: string; deleted: true };

/** The answer of `GET /v1/key` to an ephemeral key. */
export type WireOwnEphemeralKey = {
  ephemeral: true;
  subject: string;
  tasks: readonly string[];
  expiresAt: string | null;
  allowedModels: readonly string[] | null;
  maxPriority: Priority;
  permissions: Readonly<Permissions>;
};

/** The body of `POST /v1/realtime/client_secrets`. */
export type CreateClientSecretRequest = {
  expires_after?: { anchor?: "created_at" | undefined; seconds?: number | undefined } | undefined;
  /** The configuration of sessions opened with it; its `type` is `realtime` where none is said. */
  session?: { [field: string]: Json | undefined } | undefined;
  /** Not OpenAI's: as that of `POST /v1/auth/ephemeral-keys`. */
  subject?: string | undefined;
};

/** OpenAI's answer to it. */
export type WireClientSecret = {
  value: string;
  /** Seconds since the epoch. */
  expires_at: number;
  session: { [field: string]: Json | undefined };
};
