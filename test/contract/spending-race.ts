/**
 * What a key may spend and ask for holds over HTTP, whatever gateways and store stand behind it: a thousand requests of
 * every kind at once, and batches that do not fit. Pictures and films cost the same, so "room for so many" is exact.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireBatchPage } from "../../src/protocol/batch.ts";
import type { WireKey, WireOwnKey } from "../../src/protocol/key.ts";
import type { WireTaskPage } from "../../src/protocol/task.ts";
import type { WireMovementPage, WireUsagePage } from "../../src/protocol/usage.ts";
import type { ProviderControl } from "../fixture/provider-control.ts";
import { REMOTE_VIDEO_MODEL } from "../fixture/remote-provider.ts";
import { pictures } from "../fixture/scripted-provider.ts";
import { createSeededRandom } from "../fixture/seeded-random.ts";
import { type BurstRequest, sendBurst } from "../fixture/spending/burst.ts";

export type SpendingGateways = {
  /** Requests go to each in turn: one gateway, or several on one store. */
  urls: readonly string[];
  adminKey: string;
  /** Steers the provider of all of them. */
  control: ProviderControl;
  close(): Promise<void>;
};

const PRICE_MICROS = 40_000;
const PRICE_USD = PRICE_MICROS / 1e6;
const FILM = `local/${REMOTE_VIDEO_MODEL}`;
const MOST_QUEUED = 60;
/** What the gateways need in their environment beside the control server's address. */
export const SPENDING_ENV = {
  CONDUITLLM__PRICES: JSON.stringify({
    "local/canvas": { unit: "image", usd: PRICE_USD },
    [FILM]: { unit: "video", usd: PRICE_USD },
  }),
  CONDUITLLM__QUEUE__MAXQUEUEDPERKEY: String(MOST_QUEUED),
};

const REQUESTS = 1_000;
const ROOM = 41;
const BATCH_OF = 3;
const TASKS_OF_A_PAGE = 100;
const POLL_MS = 50;
const LONG_TEST_MS = 120_000;
const FOX = { prompt: "a red fox", model: "local/canvas" };
const WAVES = { prompt: "waves", model: FILM };

/** How each kind is asked for, and how many items one request has. */
const KINDS = [
  { path: "/v1/images/generations", items: 1, body: FOX },
  { path: "/v1/images/generations/async", items: 1, body: FOX },
  { path: "/v1/videos/generations/async", items: 1, body: WAVES },
  { path: "/v1/batches", items: BATCH_OF, body: batchOf(BATCH_OF) },
] as const;

export function spendingRaceContract({
  name,
  open,
}: {
  name: string;
  open: () => Promise<SpendingGateways>;
}): void {
  describe(`limits of a key over HTTP (${name})`, () => {
    let gateways: SpendingGateways;
    beforeAll(async () => {
      gateways = await open();
    });
    afterAll(() => gateways?.close());

    let turn = 0;
    const nextUrl = () => gateways.urls[turn++ % gateways.urls.length] ?? "";
    const ask = async <T>(key: string, path: string, method = "GET", body?: object) => {
      const response = await fetch(nextUrl() + path, {
        method,
        headers: { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }) },
        ...(body && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as T };
    };
    const admin = async <T>(path: string, method = "GET", body?: object) =>
      (await ask<T>(gateways.adminKey, `/admin/v1${path}`, method, body)).body;
    const makeKey = (limits: object) =>
      admin<WireKey & { key: string }>("/keys", "POST", { name: "app", ...limits });
    const unfinished = async (key: string) =>
      (await ask<WireTaskPage>(key, "/v1/tasks?status=queued,running&limit=1")).body.data.length > 0;
    const untilAllEnded = async (key: string) => {
      while (await unfinished(key)) await Bun.sleep(POLL_MS);
    };
    const paint = () => {
      gateways.control.always = () => pictures(1, PRICE_MICROS);
    };

    /** Sends all at once with the key; how many items were taken. Whatever is refused is refused with this. */
    const race = async (key: string, seed: number, refusal: { status: number; code: string }) => {
      const random = createSeededRandom(seed);
      const kinds = Array.from({ length: REQUESTS }, () => random.pick(KINDS));
      const requests = kinds.map(
        ({ path, body }, index): BurstRequest => ({
          url: nextUrl() + path,
          method: "POST",
          headers: {
            authorization: `Bearer ${key}`,
            "content-type": "application/json",
            // Equal requests without a key of their own would be repeats.
            "idempotency-key": `request ${index}`,
          },
          body: JSON.stringify(body),
        }),
      );
      const answers = await sendBurst(requests);
      expect(answers).toHaveLength(REQUESTS);
      const refused = answers.filter(({ status }) => status !== 200);
      expect(
        refused.filter(({ status, code }) => status !== refusal.status || code !== refusal.code),
      ).toEqual([]);
      return kinds.reduce((sum, { items }, index) => sum + (answers[index]?.status === 200 ? items : 0), 0);
    };

    /** Everything that was taken has ended: it was made once, charged once, and nothing is held any more. */
    const expectSpent = async ({ id, key }: { id: string; key: string }) => {
      await untilAllEnded(key);
      const { data: tasks, hasMore } = (await ask<WireTaskPage>(key, `/v1/tasks?limit=${TASKS_OF_A_PAGE}`))
        .body;
      expect(hasMore).toBe(false);
      expect(tasks.filter(({ status, cost }) => status !== "completed" || cost !== PRICE_USD)).toEqual([]);
      const ids = tasks.map(({ taskId }) => taskId).sort();
      expect(ids).toHaveLength(ROOM);
      const own = new Set(ids);
      const submitted = gateways.control.calls
        .map(({ job }) => job.taskId)
        .filter((taskId) => own.has(taskId));
      expect(submitted.sort()).toEqual(ids);
      const { data: movements } = await admin<WireMovementPage>(`/keys/${id}/ledger?limit=100`);
      expect(movements.map((movement) => movement.id).sort()).toEqual(ids);
      expect(movements.filter(({ charged }) => charged !== PRICE_USD)).toEqual([]);
      const { totals } = await admin<WireUsagePage>(`/keys/${id}/usage`);
      expect(totals).toMatchObject({ requests: ROOM, completed: ROOM });
    };

    test(
      `${REQUESTS} requests at once, of every kind, get exactly what a budget has room for`,
      async () => {
        paint();
        const limit = (ROOM * PRICE_MICROS) / 1e6;
        const made = await makeKey({ budgets: [{ limit, period: "total" }] });
        expect(await race(made.key, 1, { status: 402, code: "budget_exceeded" })).toBe(ROOM);
        await expectSpent(made);
        const { budgets } = (await ask<WireOwnKey>(made.key, "/v1/key")).body;
        expect(budgets).toMatchObject([{ limit, charged: limit, reserved: 0, left: 0 }]);
      },
      LONG_TEST_MS,
    );

    test(
      `${REQUESTS} requests at once, of every kind, get exactly as many as a day may have`,
      async () => {
        paint();
        const made = await makeKey({ requestsPerDay: ROOM });
        expect(await race(made.key, 2, { status: 429, code: "rate_limit_exceeded" })).toBe(ROOM);
        await expectSpent(made);
        const { requestRates } = (await ask<WireOwnKey>(made.key, "/v1/key")).body;
        expect(requestRates).toMatchObject([{ per: "day", limit: ROOM, remaining: 0 }]);
      },
      LONG_TEST_MS,
    );

    describe("a batch of 50 on a key with room for 30 is refused as a whole and leaves nothing", () => {
      const send = (key: string, size: number) => ask<WireRefusal>(key, "/v1/batches", "POST", batchOf(size));
      const standing = async (key: string) => {
        const { budgets, requestRates } = (await ask<WireOwnKey>(key, "/v1/key")).body;
        const tasks = (await ask<WireTaskPage>(key, `/v1/tasks?limit=${TASKS_OF_A_PAGE}`)).body;
        const batches = (await ask<WireBatchPage>(key, "/v1/batches")).body;
        return {
          tasks: tasks.data.map(({ taskId }) => taskId),
          batches: batches.data.map(({ batchId }) => batchId),
          budgets,
          remaining: requestRates.map(({ remaining }) => remaining),
        };
      };
      const expectAllOrNone = async (key: string, status: number, code: string) => {
        const before = await standing(key);
        const refused = await send(key, 50);
        expect([refused.status, refused.body.error?.code]).toEqual([status, code]);
        expect(await standing(key)).toEqual(before);
        expect((await send(key, 30)).status).toBe(200);
        expect((await send(key, 1)).status).toBe(status);
        return refused.body.error?.message ?? "";
      };

      test("of money", async () => {
        paint();
        const { key } = await makeKey({ budgets: [{ limit: 30 * PRICE_USD, period: "total" }] });
        expect(await expectAllOrNone(key, 402, "budget_exceeded")).toContain("may cost $2, and $1.2 is left");
        await untilAllEnded(key);
      });

      test("of requests", async () => {
        paint();
        const { key } = await makeKey({ requestsPerDay: MOST_QUEUED });
        expect((await send(key, 30)).status).toBe(200);
        await untilAllEnded(key);
        await expectAllOrNone(key, 429, "rate_limit_exceeded");
        await untilAllEnded(key);
      });

      test("of places in the queue", async () => {
        gateways.control.always = null;
        const { key } = await makeKey({ maxConcurrentTasks: 1 });
        const { body } = await ask<{ taskId: string }>(key, "/v1/images/generations/async", "POST", FOX);
        // One is at work, and by the key's own limit all others wait.
        await gateways.control.callOf(body.taskId);
        expect((await send(key, 30)).status).toBe(200);
        const message = await expectAllOrNone(key, 429, "queue_full");
        expect(message).toContain("30 tasks of this key are waiting");
        await ask(key, "/v1/tasks/cancel", "POST", { all: true });
        expect(await unfinished(key)).toBe(false);
      });
    });
  });
}

type WireRefusal = { error?: { code: string; message: string } };

/** Pictures and films in turn. */
function batchOf(size: number): { requests: object[] } {
  return {
    requests: Array.from({ length: size }, (_, index) =>
      index % 2 === 0 ? { ...FOX, type: "image" } : { ...WAVES, type: "video" },
    ),
  };
}
