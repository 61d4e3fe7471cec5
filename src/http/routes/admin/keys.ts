/** `/admin/v1/keys`: virtual keys made, listed, read, changed, rotated and deleted by an administrator. */

import type { Hono } from "hono";
import type { KeyChange, KeyDraft, KeyService } from "../../../accounts/keys.ts";
import { ApiError } from "../../../protocol/error.ts";
import type { WireKeyDeleted, WireKeyPage, WireNewKey } from "../../../protocol/key.ts";
import type { TaskService } from "../../../tasks/service.ts";
import type { HttpEnv, HttpMiddleware } from "../../exchange.ts";
import { jsonBody, validBody } from "../../request/body.ts";
import { pageLimit } from "../../request/page.ts";
import { mountCancelKey } from "../cancel-tasks.ts";
import { changeSchema, draftSchema, LIFTABLE } from "./key-schema.ts";
import { wireKey } from "./wire-key.ts";

const LIST = "/admin/v1/keys";
const ONE = "/admin/v1/keys/:id";
/** An id as listed; bounds what is asked of the store. */
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;

export type AdminKeyDependencies = {
  keys: KeyService;
  tasks: Pick<TaskService, "cancelMany">;
  maxBodyBytes: number;
};

/** Mounts the key routes; `admin` authenticates. */
export function mountAdminKeys(
  app: Hono<HttpEnv>,
  admin: HttpMiddleware,
  { keys, tasks, maxBodyBytes }: AdminKeyDependencies,
): void {
  const body = jsonBody(maxBodyBytes);

  app.post(LIST, admin, body, validBody(draftSchema, LIFTABLE), async (c) => {
    const draft: KeyDraft = c.req.valid("json");
    const { key, plain } = await keys.create(draft);
    c.header("cache-control", "no-store");
    return c.json({ ...wireKey(key), key: plain } satisfies WireNewKey);
  });

  app.get(LIST, admin, async (c) => {
    const after = c.req.query("after");
    const page = await keys.list(pageLimit(c.req.query("limit")), after ? keyId(after, "after") : null);
    const answer: WireKeyPage = {
      data: page.keys.map(wireKey),
      hasMore: page.hasMore,
      after: page.keys.at(-1)?.id ?? null,
    };
    return c.json(answer);
  });

  app.get(ONE, admin, async (c) => c.json(wireKey(await keys.read(keyId(c.req.param("id"), "id")))));

  app.patch(ONE, admin, body, validBody(changeSchema, LIFTABLE), async (c) => {
    const change: KeyChange = c.req.valid("json");
    return c.json(wireKey(await keys.change(keyId(c.req.param("id"), "id"), change)));
  });

  app.post(`${ONE}/rotate`, admin, async (c) => {
    const { key, plain } = await keys.rotate(keyId(c.req.param("id"), "id"));
    c.header("cache-control", "no-store");
    return c.json({ ...wireKey(key), key: plain } satisfies WireNewKey);
  });

  mountCancelKey(app, admin, { tasks, keys, keyIdOf: (text) => keyId(text, "id") });

  app.delete(ONE, admin, async (c) => {
    const id = keyId(c.req.param("id"), "id");
    await keys.remove(id);
    return c.json({ id, deleted: true } satisfies WireKeyDeleted);
  });
}

function keyId(text: string, param: string): string {
  if (KEY_ID.test(text)) return text;
  if (param === "id")
    throw new ApiError("not_found", "There is no key with that id. GET /admin/v1/keys lists the keys.");
  throw new ApiError(
    "invalid_parameter",
    `${param} must be the id of a key, as the page before answered it.`,
    { param },
  );
}
