/** The admin API over HTTP: requests that come again, concurrent edits, rotation, deleted keys, the audit log. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireAuditPage } from "../../src/protocol/audit.ts";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireDeletedKeyPage, WireKey, WireKeyPage, WireNewKey } from "../../src/protocol/key.ts";
import type { WireAdminModelList } from "../../src/protocol/model.ts";
import type { WireTasksCancelled } from "../../src/protocol/task.ts";
import { ADMIN_KEY, type GatewayWorld, gatewayWorld, type SendOptions } from "../fixture/gateway-world.ts";

const KEYS = "/admin/v1/keys";
const FINGERPRINT = new Bun.CryptoHasher("sha256").update(ADMIN_KEY).digest("hex").slice(0, 8);

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld();
});
afterEach(() => world.close());

const json = async <T>(response: Response) => (await response.json()) as T;
const admin = (method: string, path: string, options: SendOptions = {}) =>
  world.send(method, path, { key: ADMIN_KEY, ...options });
const create = (body: object, headers: Record<string, string> = {}) => admin("POST", KEYS, { body, headers });
const rotate = (id: string, body?: object, headers: Record<string, string> = {}) =>
  admin("POST", `${KEYS}/${id}/rotate`, { headers, ...(body && { body }) });
const statusOf = async (plain: string) => (await world.send("GET", "/v1/key", { key: plain })).status;
const errorOf = async (response: Response) => {
  const { code, param } = (await json<WireError>(response)).error;
  return [response.status, code, param];
};
const made = async (draft: object = { name: "App" }) => {
  const response = await create(draft);
  return { ...(await json<WireNewKey>(response)), etag: response.headers.get("etag") ?? "" };
};
const audit = async (query = "") => json<WireAuditPage>(await admin("GET", `/admin/v1/audit${query}`));
/** Everything that the store holds, as text. */
const stored = () => {
  const pages = [
    world.store.listKeys(100, null),
    world.store.listAudit({ limit: 100, after: null, target: null, action: null }),
  ];
  return Promise.all(pages).then((all) => JSON.stringify(all));
};

describe("a creation with an Idempotency-Key", () => {
  const HEADERS = { "idempotency-key": "5a1c3fd0-made-once" };

  test("that comes again gets the same answer and makes no second key", async () => {
    const first = await create({ name: "App", maxConcurrentTasks: 2 }, HEADERS);
    const again = await create({ maxConcurrentTasks: 2, name: "App" }, HEADERS);
    expect([first.headers.get("idempotent-replayed"), again.headers.get("idempotent-replayed")]).toEqual([
      null,
      "true",
    ]);
    expect(again.headers.get("etag")).toBe(first.headers.get("etag"));
    expect(again.headers.get("cache-control")).toBe("no-store");
    const key = await json<WireNewKey>(first);
    expect(await json(again)).toEqual(key);
    expect(await statusOf(key.key)).toBe(200);
    expect((await json<WireKeyPage>(await admin("GET", `${KEYS}?name=app`))).data).toHaveLength(1);
  });

  test("gets its answer also after the key was changed or deleted", async () => {
    const key = await json<WireNewKey>(await create({ name: "App" }, HEADERS));
    await admin("DELETE", `${KEYS}/${key.id}`);
    expect(await json(await create({ name: "App" }, HEADERS))).toEqual(key);
    expect(await statusOf(key.key)).toBe(401);
  });

  test("with another body is refused", async () => {
    await create({ name: "App" }, HEADERS);
    const refused = await create({ name: "Other" }, HEADERS);
    expect(refused.headers.get("x-should-retry")).toBe("false");
    expect(await errorOf(refused)).toEqual([422, "idempotency_key_reused", "Idempotency-Key"]);
  });

  test("is forgotten after a day", async () => {
    const first = await json<WireNewKey>(await create({ name: "App" }, HEADERS));
    world.clock.sleep(24 * 3_600_000);
    const later = await create({ name: "App" }, HEADERS);
    expect(later.headers.get("idempotent-replayed")).toBeNull();
    expect((await json<WireNewKey>(later)).id).not.toBe(first.id);
  });

  test("that comes ten times at once makes one key", async () => {
    const responses = await Promise.all(Array.from({ length: 10 }, () => create({ name: "App" }, HEADERS)));
    const answers = await Promise.all(responses.map((response) => json<WireNewKey>(response)));
    expect(new Set(answers.map(({ key }) => key)).size).toBe(1);
    expect((await json<WireKeyPage>(await admin("GET", `${KEYS}?name=app`))).data).toHaveLength(1);
  });

  test("that cannot be one is refused", async () => {
    const refused = await create({ name: "App" }, { "idempotency-key": " " });
    expect(await errorOf(refused)).toEqual([400, "invalid_parameter", "Idempotency-Key"]);
  });

  test("leaves neither the plain key nor the Idempotency-Key in the store", async () => {
    const kept: unknown[] = [];
    const { createKey } = world.store;
    world.store.createKey = (key, step) => {
      kept.push(key, step);
      return createKey(key, step);
    };
    const { key } = await json<WireNewKey>(await create({ name: "App" }, HEADERS));
    expect(kept).toHaveLength(2);
    expect(JSON.stringify(kept)).not.toContain(key.slice(6));
    expect(JSON.stringify(kept)).not.toContain(HEADERS["idempotency-key"]);
    expect(await stored()).not.toContain(key.slice(6));
  });
});

describe("an edit", () => {
  test("of the version that If-Match names is made, of an older one it is not", async () => {
    const key = await made();
    const read = await admin("GET", `${KEYS}/${key.id}`);
    expect(read.headers.get("etag")).toBe(key.etag);
    const headers = { "if-match": key.etag };
    const first = await admin("PATCH", `${KEYS}/${key.id}`, { body: { name: "One" }, headers });
    expect(first.status).toBe(200);
    expect(first.headers.get("etag")).not.toBe(key.etag);
    for (const stale of [
      await admin("PATCH", `${KEYS}/${key.id}`, { body: { name: "Two" }, headers }),
      await rotate(key.id, {}, headers),
      await admin("DELETE", `${KEYS}/${key.id}`, { headers }),
    ])
      expect(await errorOf(stale)).toEqual([412, "precondition_failed", "If-Match"]);
    expect((await json<WireKey>(await admin("GET", `${KEYS}/${key.id}`))).name).toBe("One");
    expect(await statusOf(key.key)).toBe(200);
    const current = { "if-match": `"other", ${first.headers.get("etag")}` };
    expect((await admin("DELETE", `${KEYS}/${key.id}`, { headers: current })).status).toBe(200);
  });

  test("under If-Match: * is made of whatever version there is", async () => {
    const key = await made();
    const headers = { "if-match": "*" };
    expect((await admin("PATCH", `${KEYS}/${key.id}`, { body: { name: "x" }, headers })).status).toBe(200);
  });

  test("of two at once under one version, one is made", async () => {
    const key = await made();
    const headers = { "if-match": key.etag };
    const edits = await Promise.all(
      ["a", "b"].map((name) => admin("PATCH", `${KEYS}/${key.id}`, { body: { name }, headers })),
    );
    expect(edits.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  test("without a condition loses nothing of others that are made at once", async () => {
    const key = await made();
    await Promise.all(
      [
        { permissions: { canGenerateVideos: false } },
        { permissions: { canUseRealtimeAudio: false } },
        { maxPriority: "low" },
        { metadata: { team: "ops" } },
      ].map((body) => admin("PATCH", `${KEYS}/${key.id}`, { body })),
    );
    expect(await json<WireKey>(await admin("GET", `${KEYS}/${key.id}`))).toMatchObject({
      permissions: { canGenerateImages: true, canGenerateVideos: false, canUseRealtimeAudio: false },
      maxPriority: "low",
      metadata: { team: "ops" },
    });
  });
});

describe("a rotation", () => {
  test("without an overlap refuses the old plain key at once", async () => {
    const key = await made();
    expect(await statusOf(key.key)).toBe(200);
    const rotated = await json<WireNewKey>(await rotate(key.id));
    expect([await statusOf(key.key), await statusOf(rotated.key)]).toEqual([401, 200]);
    expect(rotated.previous).toBeNull();
  });

  test("with an overlap lets both work until its end, to the millisecond", async () => {
    const key = await made();
    const rotated = await json<WireNewKey>(await rotate(key.id, { overlapSeconds: 60 }));
    expect(rotated.previous).toEqual({
      last4: key.last4,
      validUntil: new Date(world.clock.now() + 60_000).toISOString(),
    });
    expect([await statusOf(key.key), await statusOf(rotated.key)]).toEqual([200, 200]);
    await world.clock.advance(59_999);
    expect(await statusOf(key.key)).toBe(200);
    await world.clock.advance(1);
    expect([await statusOf(key.key), await statusOf(rotated.key)]).toEqual([401, 200]);
  });

  test("that follows another one refuses the oldest form at once", async () => {
    const key = await made();
    const second = await json<WireNewKey>(await rotate(key.id, { overlapSeconds: 60 }));
    const third = await json<WireNewKey>(await rotate(key.id, { overlapSeconds: 60 }));
    expect(await Promise.all([key, second, third].map((form) => statusOf(form.key)))).toEqual([
      401, 200, 200,
    ]);
    await rotate(key.id);
    expect(await Promise.all([second, third].map((form) => statusOf(form.key)))).toEqual([401, 401]);
  });

  test("that comes again gets the same plain key, whatever If-Match says by then", async () => {
    const key = await made();
    const headers = { "idempotency-key": "rotate-1", "if-match": key.etag };
    const first = await rotate(key.id, { overlapSeconds: 10 }, headers);
    const again = await rotate(key.id, { overlapSeconds: 10 }, headers);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await json(again)).toEqual(await json(first));
    expect(await errorOf(await rotate(key.id, {}, headers))).toEqual([
      422,
      "idempotency_key_reused",
      "Idempotency-Key",
    ]);
  });

  test.each([-1, 86_401, 0.5, "60", 1e12])("refuses an overlap of %j", async (overlapSeconds) => {
    const key = await made();
    expect(await errorOf(await rotate(key.id, { overlapSeconds }))).toEqual([
      400,
      "invalid_parameter",
      "overlapSeconds",
    ]);
    expect(await statusOf(key.key)).toBe(200);
  });
});

describe("a deleted key", () => {
  test("is listed and read as deleted, and no longer as a key", async () => {
    const key = await made({ name: "Gone" });
    await admin("DELETE", `${KEYS}/${key.id}`);
    expect((await admin("GET", `${KEYS}/${key.id}`)).status).toBe(404);
    const left = {
      id: key.id,
      name: "Gone",
      last4: key.last4,
      createdAt: key.createdAt,
      deletedAt: new Date(world.clock.now()).toISOString(),
    };
    expect(await json(await admin("GET", `${KEYS}/${key.id}?deleted=true`))).toEqual(left);
    expect(await json<WireDeletedKeyPage>(await admin("GET", `${KEYS}?deleted=true`))).toEqual({
      data: [left],
      hasMore: false,
      after: key.id,
    });
    expect((await json<WireKeyPage>(await admin("GET", `${KEYS}?name=gone`))).data).toEqual([]);
  });
});

describe("the list of keys", () => {
  test("takes a part of the name and whether keys are enabled, in pages", async () => {
    for (const [name, enabled] of [
      ["Team one", true],
      ["Team two", false],
      ["other", false],
      ["TEAM three", false],
    ] as const)
      await made({ name, enabled });
    const names = async (query: string) =>
      (await json<WireKeyPage>(await admin("GET", `${KEYS}?${query}`))).data.map(({ name }) => name);
    expect(await names("name=team")).toEqual(["TEAM three", "Team two", "Team one"]);
    expect(await names("name=team&enabled=false")).toEqual(["TEAM three", "Team two"]);
    expect(await names("enabled=false")).toEqual(["TEAM three", "other", "Team two"]);
    const first = await json<WireKeyPage>(await admin("GET", `${KEYS}?name=team&limit=2`));
    expect(first.hasMore).toBe(true);
    expect(await names(`name=team&limit=2&after=${first.after}`)).toEqual(["Team one"]);
  });

  test.each(["enabled=yes", "deleted=1", "limit=0", `name=${"x".repeat(101)}`, "after=%20"])(
    "refuses %s",
    async (query) => {
      const param = query.slice(0, query.indexOf("="));
      expect(await errorOf(await admin("GET", `${KEYS}?${query}`))).toEqual([
        400,
        "invalid_parameter",
        param,
      ]);
    },
  );
});

describe("the audit log", () => {
  test("tells who changed what of a key, with what was there before and after", async () => {
    const headers = { "x-request-id": "req-of-the-test" };
    const key = await json<WireNewKey>(await create({ name: "App" }, headers));
    await admin("PATCH", `${KEYS}/${key.id}`, { body: { name: "New", enabled: true } });
    await rotate(key.id, { overlapSeconds: 60 });
    await admin("DELETE", `${KEYS}/${key.id}`);
    const { data, hasMore } = await audit(`?target=${key.id}`);
    expect(hasMore).toBe(false);
    expect(data.map(({ action }) => action)).toEqual([
      "key.deleted",
      "key.rotated",
      "key.changed",
      "key.created",
    ]);
    const [deleted, rotated, changed, created] = data;
    expect(created).toMatchObject({
      actor: { by: "admin", fingerprint: FINGERPRINT, requestId: "req-of-the-test" },
      at: new Date(world.clock.now()).toISOString(),
      target: key.id,
      part: null,
      before: null,
      after: { id: key.id, name: "App", last4: key.last4, enabled: true },
    });
    expect(changed).toMatchObject({ before: { name: "App" }, after: { name: "New" } });
    expect(Object.keys(changed?.after ?? {})).toEqual(["name"]);
    expect(rotated?.before).toEqual({ last4: key.last4, previous: null });
    expect(deleted).toMatchObject({ before: { name: "New" }, after: null });
  });

  test("holds no secret and no hash", async () => {
    const key = await made();
    const rotated = await json<WireNewKey>(await rotate(key.id));
    const text = JSON.stringify(await audit());
    for (const { key: plain } of [key, rotated]) {
      expect(text).not.toContain(plain);
      expect(text).not.toContain(new Bun.CryptoHasher("sha256").update(plain).digest("hex"));
    }
    expect(text).not.toContain(ADMIN_KEY);
  });

  test("tells nothing of what was refused, came again, or changed nothing", async () => {
    const headers = { "idempotency-key": "once" };
    const key = await json<WireNewKey>(await create({ name: "App" }, headers));
    await create({ name: "App" }, headers);
    await admin("PATCH", `${KEYS}/${key.id}`, { body: { name: "App" } });
    await admin("PATCH", `${KEYS}/${key.id}`, { body: { name: "x" }, headers: { "if-match": '"old"' } });
    await admin("PATCH", `${KEYS}/${key.id}`, { body: { name: "" } });
    expect((await audit(`?target=${key.id}`)).data).toHaveLength(1);
  });

  test("tells of a long field by its length", async () => {
    const allowedModels = Array.from({ length: 200 }, (_, index) => `${index}`.padEnd(100, "m"));
    const key = await made({ name: "App", allowedModels });
    const [created] = (await audit(`?target=${key.id}`)).data;
    expect(created?.after?.allowedModels).toMatch(/^\(\d{5} characters\)$/);
  });

  test("tells of work that was ended for a key", async () => {
    const key = await made();
    await world.send("POST", "/v1/images/generations/async", {
      key: key.key,
      body: { prompt: "a fox", model: "local/canvas" },
    });
    const ended = await json<WireTasksCancelled>(await admin("POST", `${KEYS}/${key.id}/cancel`));
    expect(ended.cancelled).toBe(1);
    const [entry] = (await audit("?action=key.cancelled")).data;
    expect(entry).toMatchObject({ target: key.id, before: null, after: { cancelled: 1 } });
  });

  test("tells of the key that the configuration names as of the gateway's own doing", async () => {
    const [entry] = (await audit("?target=key_bootstrap")).data;
    expect(entry).toMatchObject({
      action: "key.created",
      actor: { by: "start", fingerprint: null, requestId: null },
    });
  });

  test("is read in pages, newest first", async () => {
    for (const name of ["one", "two", "three"]) await made({ name });
    const first = await audit("?limit=2&action=key.created");
    const rest = await audit(`?limit=2&action=key.created&after=${first.after}`);
    expect([...first.data, ...rest.data].map(({ after }) => after?.name)).toEqual([
      "three",
      "two",
      "one",
      "Bootstrap key",
    ]);
    expect([first.hasMore, rest.hasMore]).toEqual([true, false]);
  });

  test.each(["action=key.hacked", "after=key_1", "target=a%20b", "limit=101"])(
    "refuses %s",
    async (query) => {
      const param = query.slice(0, query.indexOf("="));
      expect(await errorOf(await admin("GET", `/admin/v1/audit?${query}`))).toEqual([
        400,
        "invalid_parameter",
        param,
      ]);
    },
  );

  test("answers to the admin key only", async () => {
    expect((await world.send("GET", "/admin/v1/audit")).status).toBe(403);
    expect((await world.send("GET", "/admin/v1/audit", { key: null })).status).toBe(401);
  });
});

describe("the models", () => {
  test("are listed for administrators with what is known and not offered, and why", async () => {
    const { data, notOffered } = await json<WireAdminModelList>(await admin("GET", "/admin/v1/models"));
    expect(data.map(({ id }) => id)).toContain("local/canvas");
    const film = notOffered.find(({ id }) => id === "sora-2");
    expect(film?.reason).toBe(
      "it leads to gemini/gemini-omni-1.1-flash, which is not offered: that needs its provider's key.",
    );
  });
});
