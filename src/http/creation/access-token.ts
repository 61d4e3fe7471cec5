/** The key that comes with a new task, for a browser that follows it: made before the task, so that no task is without its answer. */

import type { EphemeralKeys } from "../../accounts/ephemeral/ephemeral-keys.ts";
import { requireVirtualKey } from "../../accounts/permissions.ts";
import type { AccessTokenField } from "../../protocol/create-request.ts";
import { ApiError } from "../../protocol/error.ts";
import type { WireAccepted } from "../../protocol/task.ts";
import { isoTime } from "../../tasks/wire.ts";
import type { HttpContext } from "../exchange.ts";
import { keyMaker } from "../middleware/credentials.ts";

/** What the answer to a create says of the key. */
export type AccessToken = Pick<WireAccepted, "accessToken" | "accessTokenExpiresAt">;

/** Answers the key of a task, made at the first call for it; nothing where none was asked for. */
export type AccessTokenMaker = (taskId: string) => Promise<AccessToken>;

/** Longer than most tasks take, and shorter than a key that opens more. */
const DEFAULT_SECONDS = 3_600;
const NONE: AccessToken = {};

/**
 * A maker for a request that asks for `asked`. Throws `permission_denied` when an ephemeral key does: it can follow what it
 * makes.
 */
export function accessTokenMaker(
  c: HttpContext,
  asked: AccessTokenField | undefined,
  ephemeralKeys: Pick<EphemeralKeys, "makeForTask">,
): AccessTokenMaker {
  if (asked === undefined) return () => Promise.resolve(NONE);
  const maker = keyMaker(c);
  requireVirtualKey(maker.principal, "An access token", "access_token");
  const made = new Map<string, AccessToken>();
  return async (taskId) => {
    const known = made.get(taskId);
    if (known !== undefined) return known;
    const { key, plain } = await ephemeralKeys.makeForTask(
      maker,
      taskId,
      asked.ttl_seconds ?? DEFAULT_SECONDS,
    );
    c.header("cache-control", "no-store");
    const token = { accessToken: plain, accessTokenExpiresAt: isoTime(key.expiresAt) };
    made.set(taskId, token);
    return token;
  };
}

/** Throws `invalid_parameter` on routes whose answer has no place for the key. */
export function refuseAccessToken({ access_token }: { access_token?: AccessTokenField | undefined }): void {
  if (access_token === undefined) return;
  throw new ApiError(
    "invalid_parameter",
    "access_token belongs to POST /v1/images/generations/async and /v1/videos/generations/async. POST /v1/auth/ephemeral-keys makes a key for any task.",
    { param: "access_token" },
  );
}
