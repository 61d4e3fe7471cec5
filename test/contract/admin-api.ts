/** What administrators do with keys, on every host: requests that come again, edits of a version, rotation, the audit log. */

import { describe, expect, test } from "vitest";
import type { WireAuditPage } from "../../src/protocol/audit.ts";
import type { WireDeletedKey, WireNewKey } from "../../src/protocol/key.ts";
import type { HttpApi } from "./http-api.ts";

/** Tests for a suite that has opened an API by then. */
export function adminApiTests(api: () => HttpApi): void {
  const admin = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    api().fetch(path, {
      method,
      headers: {
        authorization: `Bearer ${api().adminKey}`,
        ...(body && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  const statusOf = async ({ key }: WireNewKey) =>
    (await api().fetch("/v1/key", { headers: { authorization: `Bearer ${key}` } })).status;
  const json = async <T>(response: Response) => (await response.json()) as T;

  describe("keys for administrators", () => {
    test("are made once, edited by version, rotated with an overlap, and leave their name and history", async () => {
      const once = { "idempotency-key": crypto.randomUUID() };
      const first = await admin("POST", "/admin/v1/keys", { name: "One" }, once);
      const etag = first.headers.get("etag") ?? "";
      const key = await json<WireNewKey>(first);
      const again = await admin("POST", "/admin/v1/keys", { name: "One" }, once);
      expect(again.headers.get("idempotent-replayed")).toBe("true");
      expect(await json(again)).toEqual(key);
      expect((await admin("POST", "/admin/v1/keys", { name: "Two" }, once)).status).toBe(422);

      const path = `/admin/v1/keys/${key.id}`;
      const edits = await Promise.all(
        ["a", "b"].map((name) => admin("PATCH", path, { name }, { "if-match": etag })),
      );
      expect(edits.map(({ status }) => status).sort()).toEqual([200, 412]);

      const rotated = await json<WireNewKey>(await admin("POST", `${path}/rotate`, { overlapSeconds: 600 }));
      expect(await Promise.all([key, rotated].map(statusOf))).toEqual([200, 200]);
      const last = await json<WireNewKey>(await admin("POST", `${path}/rotate`));
      expect(await statusOf(last)).toBe(200);

      expect((await admin("DELETE", path)).status).toBe(200);
      expect((await admin("GET", path)).status).toBe(404);
      const left = await json<WireDeletedKey>(await admin("GET", `${path}?deleted=true`));
      expect([left.id, left.last4]).toEqual([key.id, last.last4]);
      const { data } = await json<WireAuditPage>(await admin("GET", `/admin/v1/audit?target=${key.id}`));
      expect(data.map(({ action }) => action)).toEqual([
        "key.deleted",
        "key.rotated",
        "key.rotated",
        "key.changed",
        "key.created",
      ]);
      expect(JSON.stringify(data)).not.toContain(last.key);
    });
  });
}
