/** `/admin/v1/keys`: virtual keys made, listed, read, changed, rotated and deleted by an administrator. */

import type { Hono } from "hono";
import { z } from "zod";
import type { DeletedKey, KeyVersion } from "../../../accounts/keys/account-store.ts";
import type { KeptAnswer, KeyOrder, MadeKey, OnceOrder } from "../../../accounts/keys/key-changes.ts";
import type { KeyChange, KeyDraft, KeyService } from "../../../accounts/keys/keys.ts";
import type { VirtualKey } from "../../../accounts/keys/virtual-key.ts";
import { wireKey } from "../../../accounts/keys/wire-key.ts";
import type {
  RotateKeyRequest,
  WireDeletedKey,
  WireDeletedKeyPage,
  WireKeyDeleted,
  WireKeyPage,
  WireNewKey,
} from "../../../protocol/key.ts";
import type { WireWebhookSecret } from "../../../protocol/webhook.ts";
import type { TaskService } from "../../../tasks/service.ts";
import { isoTime } from "../../../tasks/wire.ts";
import type { KeySecrets } from "../../../webhooks/secrets.ts";
import { auditActor, type HttpContext, type HttpEnv, type HttpMiddleware } from "../../exchange.ts";
import { jsonBody, readJson, validBody, validFields } from "../../request/body.ts";
import { ifMatch } from "../../request/if-match.ts";
import { pageLimit } from "../../request/page.ts";
import { mountCancelKey } from "../cancel-tasks.ts";
import { rotationBody, validRotation } from "../webhooks/rotation.ts";
import { keyFilter, keyId, wantsDeleted } from "./key-query.ts";
import { changeSchema, draftSchema, LIFTABLE } from "./key-schema.ts";
import { answerSecret, type KeptBody, Once } from "./once.ts";

const LIST = "/admin/v1/keys";
const ONE = "/admin/v1/keys/:id";
const SECOND_MS = 1_000;
const MAX_OVERLAP_SECONDS = 86_400;

const overlap = `a whole number of seconds from 0 to ${MAX_OVERLAP_SECONDS}`;
/** The body of `POST /admin/v1/keys/{id}/rotate`. */
export const keyRotationSchema = z.strictObject({
  overlapSeconds: z.int({ error: overlap }).min(0, overlap).max(MAX_OVERLAP_SECONDS, overlap).default(0),
}) satisfies z.ZodType<{ overlapSeconds: number }, RotateKeyRequest>;

export type AdminKeyDependencies = {
  keys: KeyService;
  /** Of the keys' webhooks. */
  secrets: Pick<KeySecrets, "current" | "rotate">;
  tasks: Pick<TaskService, "cancelMany">;
  maxBodyBytes: number;
  /** How long the answer to a request with an `Idempotency-Key` is kept. */
  keepAnswersMs: number;
};

/** Mounts the key routes; `admin` authenticates. */
export function mountAdminKeys(
  app: Hono<HttpEnv>,
  admin: HttpMiddleware,
  { keys, secrets, tasks, maxBodyBytes, keepAnswersMs }: AdminKeyDependencies,
): void {
  const body = jsonBody(maxBodyBytes);

  /** Makes a plain form, or answers what the same request was answered before. */
  const answerMade = async (
    c: HttpContext,
    once: Once | null,
    make: Make,
    more: (made: MadeKey) => Promise<object> = async () => ({}),
  ): Promise<Response> => {
    const order = orderOf(c);
    const answerOf = async (made: MadeKey) => secretOf(made, await more(made));
    if (once === null) return answerSecret(c, await answerOf(await make(order)));
    const kept = await keys.recallAnswer(once.id);
    if (kept !== null) return once.replay(c, kept);
    const { id, fingerprint } = once;
    const seal = async (made: MadeKey) => once.seal(await answerOf(made));
    const made = await make({ ...order, once: { id, fingerprint, ttlMs: keepAnswersMs, seal } });
    return "answer" in made ? once.replay(c, made.answer) : answerSecret(c, await answerOf(made));
  };

  app.post(LIST, admin, body, validBody(draftSchema, LIFTABLE), async (c) => {
    const draft: KeyDraft = c.req.valid("json");
    const secretToo = async ({ key }: MadeKey) => ({ webhookSecret: await secrets.current(key.id) });
    return answerMade(c, await Once.of(c, LIST, draft), (order) => keys.create(draft, order), secretToo);
  });

  app.get(LIST, admin, async (c) => {
    const query = (name: string) => c.req.query(name);
    const after = query("after") ? keyId(query("after") ?? "", "after") : null;
    const limit = pageLimit(query("limit"));
    if (wantsDeleted(query)) {
      const page = await keys.listDeleted(limit, after);
      const data = page.keys.map(wireDeleted);
      return c.json({
        data,
        hasMore: page.hasMore,
        after: data.at(-1)?.id ?? null,
      } satisfies WireDeletedKeyPage);
    }
    const found = await keys.search({ limit, after, ...keyFilter(query) });
    return c.json({
      data: found.keys.map(wireKey),
      hasMore: found.hasMore,
      after: found.after,
    } satisfies WireKeyPage);
  });

  app.get(ONE, admin, async (c) => {
    const id = keyId(c.req.param("id"));
    if (wantsDeleted((name) => c.req.query(name))) return c.json(wireDeleted(await keys.readDeleted(id)));
    return answerKey(c, await keys.read(id));
  });

  app.patch(ONE, admin, body, validBody(changeSchema, LIFTABLE), async (c) => {
    const change: KeyChange = c.req.valid("json");
    return answerKey(c, await keys.change(keyId(c.req.param("id")), change, orderOf(c)));
  });

  app.post(`${ONE}/rotate`, admin, async (c) => {
    const id = keyId(c.req.param("id"));
    const { overlapSeconds } = validFields(keyRotationSchema, await optionalBody(c, maxBodyBytes));
    const once = await Once.of(c, `${LIST}/${id}/rotate`, { overlapSeconds });
    return answerMade(c, once, (order) => keys.rotate(id, overlapSeconds * SECOND_MS, order));
  });

  app.post(`${ONE}/webhook-secret/rotate`, admin, rotationBody(maxBodyBytes), validRotation, async (c) => {
    const { id } = await keys.read(keyId(c.req.param("id")));
    const secret = await secrets.rotate(id, c.req.valid("json").overlapSeconds * SECOND_MS);
    await keys.noteSecretRotated(id, { actor: auditActor(c) });
    c.header("cache-control", "no-store");
    return c.json({ secret } satisfies WireWebhookSecret);
  });

  mountCancelKey(app, admin, { tasks, keys, keyIdOf: keyId });

  app.delete(ONE, admin, async (c) => {
    const id = keyId(c.req.param("id"));
    await keys.remove(id, orderOf(c));
    return c.json({ id, deleted: true } satisfies WireKeyDeleted);
  });
}

type Make = {
  (order: KeyOrder): Promise<MadeKey>;
  (order: OnceOrder): Promise<MadeKey | KeptAnswer>;
};

/** Who asks for a change, and of which version. */
function orderOf(c: HttpContext): KeyOrder {
  const matches = ifMatch(c.req.raw.headers);
  return { actor: auditActor(c), ...(matches && { matches: (key) => matches(etagOf(key)) }) };
}

/** Names the version of a key: both parts, because earlier releases count no revision. */
function etagOf({ revision, updatedAt }: KeyVersion): string {
  return `"${revision}-${updatedAt.toString(36)}"`;
}

function answerKey(c: HttpContext, key: VirtualKey): Response {
  c.header("etag", etagOf(key));
  return c.json(wireKey(key));
}

function secretOf({ key, plain }: MadeKey, more: object): KeptBody {
  return { etag: etagOf(key), body: { ...wireKey(key), key: plain, ...more } satisfies WireNewKey };
}

/** A request without a body says as much as one with an empty object. */
function optionalBody(c: HttpContext, maxBytes: number): Promise<unknown> | object {
  const { body, headers } = c.req.raw;
  return body === null || headers.get("content-length") === "0" ? {} : readJson(c.req.raw, maxBytes);
}

function wireDeleted({ id, name, last4, createdAt, deletedAt }: DeletedKey): WireDeletedKey {
  return { id, name, last4, createdAt: isoTime(createdAt), deletedAt: isoTime(deletedAt) };
}
