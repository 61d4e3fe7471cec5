/** Makes ephemeral keys: each has what its parent has or less, and lives shorter. */

import { ApiError } from "../../protocol/error.ts";
import type { Permissions } from "../../protocol/key.ts";
import { type Json, PRIORITIES, type Priority } from "../../protocol/task.ts";
import { cryptoRandom, type RandomFill, randomToken } from "../../tasks/ids.ts";
import { hashKey, isEphemeralPlainKey, makeEphemeralPlainKey } from "../keys/plain-key.ts";
import { coversPattern } from "../model-patterns.ts";
import { requireVirtualKey } from "../permissions.ts";
import type { Principal } from "../principal.ts";
import type {
  EphemeralKey,
  EphemeralKeyDraft,
  EphemeralKeyPlace,
  EphemeralKeyStore,
} from "./ephemeral-key-store.ts";

/** Bounds of the time a key may be asked for, seconds. */
export const MIN_TTL_SECONDS = 10;
export const MAX_TTL_SECONDS = 7_200;
/** What a key lives when nothing else is asked for, seconds: OpenAI's default. */
export const DEFAULT_TTL_SECONDS = 600;

/**
 * Keys of one parent that have not expired, each at most a few kB, or 32 kB with a session. Keys that come with a task are not
 * counted: there are no more of them than of tasks, which are bounded themselves.
 */
const MAX_LIVE_PER_KEY = 100_000;
const FULL_RETRY_SECONDS = 60;
/** Of a subject that nobody named: 16 letters and digits are 95 bits. */
const SUBJECT_CHARACTERS = 16;
/** The id of a key is its hash. */
const ID = /^[0-9a-f]{64}$/;
const NO_PERMISSIONS: Permissions = {
  canGenerateImages: false,
  canGenerateVideos: false,
  canUseRealtimeAudio: false,
};

/** Who makes a key: the parent as it was authenticated, and the plain key it presented. */
export type EphemeralKeyMaker = { readonly principal: Principal; readonly presented: string };

/** What is asked for; bounds of the values are the caller's to check. */
export type EphemeralKeyOrder = {
  readonly ttlSeconds: number;
  /** Default: a random one. */
  readonly subject?: string | undefined;
  /** Default: all of the parent's; where some are named, the others are not granted. */
  readonly permissions?: { readonly [K in keyof Permissions]?: boolean | undefined } | undefined;
  /** Default: those of the parent. */
  readonly allowedModels?: readonly string[] | undefined;
  /** Default: the parent's. */
  readonly maxPriority?: Priority | undefined;
  /** Ids of tasks, lower case. */
  readonly tasks?: readonly string[] | undefined;
  readonly session?: Json | undefined;
};

/** A key with its plain form, which is shown this once. */
export type MadeEphemeralKey = { readonly key: EphemeralKey; readonly plain: string };

export type EphemeralKeyDependencies = {
  readonly store: EphemeralKeyStore;
  /** A key of this parent was taken back: caches forget what they know of it. */
  readonly changed: (keyId: string) => void;
  readonly random?: RandomFill;
};

export class EphemeralKeys {
  readonly #store: EphemeralKeyStore;
  readonly #changed: (keyId: string) => void;
  readonly #random: RandomFill;

  constructor({ store, changed, random = cryptoRandom }: EphemeralKeyDependencies) {
    this.#store = store;
    this.#changed = changed;
    this.#random = random;
  }

  /**
   * Makes a key for a browser. Rejects with `permission_denied` or `model_not_allowed`, naming the field, when it asks for
   * more than its parent has, and with `rate_limit_exceeded` when the parent has too many.
   */
  async make(maker: EphemeralKeyMaker, order: EphemeralKeyOrder): Promise<MadeEphemeralKey> {
    const { principal } = maker;
    requireVirtualKey(principal, "Making ephemeral keys");
    const { permissions, allowedModels, maxPriority = principal.maxPriority } = order;
    requireFewerPermissions(principal, permissions);
    requireFewerModels(principal, allowedModels ?? []);
    requireLowerPriority(principal, maxPriority);
    const made = await this.#create(maker, order.ttlSeconds, MAX_LIVE_PER_KEY, {
      subject: order.subject,
      granted: [...new Set(order.tasks ?? [])],
      permissions: permissions === undefined ? principal.permissions : grantedOf(permissions),
      allowedModels: allowedModels ?? null,
      maxPriority,
      session: order.session ?? null,
    });
    if (made !== null) return made;
    throw new ApiError(
      "rate_limit_exceeded",
      `This key has ${MAX_LIVE_PER_KEY} ephemeral keys that have not expired, which is as many as it may. Make them shorter-lived, or one per user instead of one per page.`,
      { retryAfterSeconds: FULL_RETRY_SECONDS },
    );
  }

  /**
   * Makes a key that may read, follow and cancel this task, and nothing else. The task need not be there yet. Rejects with
   * `permission_denied` for an ephemeral key.
   */
  async makeForTask(maker: EphemeralKeyMaker, taskId: string, ttlSeconds: number): Promise<MadeEphemeralKey> {
    requireVirtualKey(maker.principal, "An access token", "access_token");
    const made = await this.#create(maker, ttlSeconds, null, {
      granted: [taskId],
      permissions: NO_PERMISSIONS,
      allowedModels: [],
      maxPriority: "low",
      session: null,
    });
    if (made === null) throw new Error("The store applied a bound that was not asked for");
    return made;
  }

  /**
   * The caller's own that have not expired, but for those that came with tasks; the one that ends last first. Rejects with
   * `permission_denied` for an ephemeral key.
   */
  list(
    principal: Principal,
    page: { limit: number; after: EphemeralKeyPlace | null },
  ): Promise<{ keys: EphemeralKey[]; hasMore: boolean }> {
    requireVirtualKey(principal, "Listing ephemeral keys");
    return this.#store.listEphemeralKeys(principal.keyId, page);
  }

  /**
   * Takes back a key of the caller's, whichever kind it is: it is refused from here on, in other processes as soon as they read it
   * anew. Rejects with `not_found`, also for keys of others, and with `permission_denied` for an ephemeral key.
   */
  async takeBack(principal: Principal, id: string): Promise<void> {
    requireVirtualKey(principal, "Taking ephemeral keys back");
    const { keyId } = principal;
    if (!ID.test(id) || !(await this.#store.deleteEphemeralKey(keyId, id))) throw keyNotFound();
    this.#changed(keyId);
  }

  /** The configuration of realtime sessions that a plain key was made with; null for one without, and for virtual keys. */
  async sessionOf(presented: string): Promise<Json> {
    if (!isEphemeralPlainKey(presented)) return null;
    return (await this.#store.findEphemeralKey(await hashKey(presented)))?.session ?? null;
  }

  async #create(
    { principal, presented }: EphemeralKeyMaker,
    ttlSeconds: number,
    maxLive: number | null,
    {
      subject = `anon-${randomToken(SUBJECT_CHARACTERS, this.#random)}`,
      ...fields
    }: Omit<EphemeralKeyDraft, "hash" | "keyId" | "parentHash" | "subject" | "ttlMs"> & {
      subject?: string | undefined;
    },
  ): Promise<MadeEphemeralKey | null> {
    const plain = makeEphemeralPlainKey(this.#random);
    const key = await this.#store.createEphemeralKey(
      {
        hash: await hashKey(plain),
        keyId: principal.keyId,
        parentHash: await hashKey(presented),
        subject,
        ...fields,
        ttlMs: ttlSeconds * 1_000,
      },
      maxLive,
    );
    return key === null ? null : { key, plain };
  }
}

function keyNotFound(): ApiError {
  return new ApiError(
    "not_found",
    "This key has no ephemeral key of that id: it was taken back, or has expired long ago. The id is the `id` of its creation, and the SHA-256 of the plain key.",
  );
}

function grantedOf(permissions: NonNullable<EphemeralKeyOrder["permissions"]>): Permissions {
  return {
    canGenerateImages: permissions.canGenerateImages === true,
    canGenerateVideos: permissions.canGenerateVideos === true,
    canUseRealtimeAudio: permissions.canUseRealtimeAudio === true,
  };
}

function requireFewerPermissions(parent: Principal, asked: EphemeralKeyOrder["permissions"] = {}): void {
  for (const name of Object.keys(asked) as (keyof Permissions)[]) {
    if (asked[name] !== true || parent.permissions[name]) continue;
    throw new ApiError(
      "permission_denied",
      `An ephemeral key has the permissions of its parent or fewer, and this key lacks ${name}. Leave it out, or use a key that has it.`,
      { param: `permissions.${name}` },
    );
  }
}

function requireFewerModels({ allowedModels }: Principal, asked: readonly string[]): void {
  if (allowedModels === null) return;
  const index = asked.findIndex((pattern) => !allowedModels.some((wide) => coversPattern(wide, pattern)));
  const pattern = asked[index];
  if (pattern === undefined) return;
  throw new ApiError(
    "model_not_allowed",
    `An ephemeral key may use the models of its parent or fewer, and this key may not use ${JSON.stringify(pattern)}. GET /v1/models lists the ones it may use.`,
    { param: `allowed_models.${index}` },
  );
}

function requireLowerPriority({ maxPriority }: Principal, asked: Priority): void {
  if (PRIORITIES.indexOf(asked) <= PRIORITIES.indexOf(maxPriority)) return;
  throw new ApiError(
    "permission_denied",
    `An ephemeral key has the priority of its parent or a lower one: ${JSON.stringify(maxPriority)} at most, not ${JSON.stringify(asked)}.`,
    { param: "max_priority" },
  );
}
