/** What the HTTP API promises of batches; part of its contract, so it runs against every host. */

import { describe, expect, test } from "vitest";
import type { WireAcceptedBatch, WireBatch, WireBatchPage } from "../../src/protocol/batch.ts";
import type { WireTask, WireTaskPage, WireTasksCancelled } from "../../src/protocol/task.ts";

export type BatchApi = {
  /** Sends a request with the key of the suite. */
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Asserts status, code and param. */
  expectError(
    response: Response,
    status: number,
    code: string,
    param?: string | null,
  ): Promise<{ message: string }>;
};

const BATCHES = "/v1/batches";
const UNKNOWN = "01900000-0000-7000-8000-000000000000";
/** The smallest picture. */
const PICTURE = {
  type: "image",
  prompt: "a red fox",
  model: "dall-e-3",
  size: "64x64",
  provider_options: { steps: 1 },
};
/** One that would take most of a minute. */
const SLOW = { ...PICTURE, provider_options: { steps: 50, step_ms: 1_000 } };

export function batchApiContract({ send, expectError }: BatchApi): void {
  describe("a batch", () => {
    const read = async <T>(response: Response) => (await response.json()) as T;
    const create = async (requests: unknown[], more: object = {}, headers: Record<string, string> = {}) => {
      const response = await send("POST", BATCHES, { requests, ...more }, headers);
      expect(response.status).toBe(200);
      return { response, batch: await read<WireAcceptedBatch>(response) };
    };
    const get = async (id: string) => read<WireBatch>(await send("GET", `${BATCHES}/${id}`));
    const newest = async () =>
      (await read<WireTaskPage>(await send("GET", "/v1/tasks?limit=5"))).data.map(({ taskId }) => taskId);
    /** Asks until the batch is as wanted. */
    const until = async (id: string, wanted: (batch: WireBatch) => boolean): Promise<WireBatch> => {
      for (const from = performance.now(); performance.now() - from < 60_000; ) {
        const batch = await get(id);
        if (wanted(batch)) return batch;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error("The batch did not become as wanted");
    };

    test("makes a task of each request, and is completed when all have ended", async () => {
      const { batch } = await create([PICTURE, { ...PICTURE, prompt: "a blue fox" }, PICTURE], {
        metadata: { order: "7" },
      });
      expect(batch).toMatchObject({
        status: "queued",
        counts: { queued: 3, running: 0, completed: 0, failed: 0, cancelled: 0, total: 3 },
        metadata: { order: "7" },
        finishedAt: null,
      });
      expect(batch.taskIds).toHaveLength(3);
      expect(new URL(batch.statusUrl).pathname).toBe(`${BATCHES}/${batch.batchId}`);
      const done = await until(batch.batchId, ({ finishedAt }) => finishedAt !== null);
      expect(done).toEqual({
        batchId: batch.batchId,
        status: "completed",
        counts: { queued: 0, running: 0, completed: 3, failed: 0, cancelled: 0, total: 3 },
        taskIds: batch.taskIds,
        metadata: { order: "7" },
        created: batch.created,
        finishedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      });
      const { pathname, search } = new URL(batch.tasksUrl);
      const { data } = await read<WireTaskPage>(await send("GET", `${pathname}${search}`));
      expect(data.map(({ taskId }) => taskId).sort()).toEqual([...batch.taskIds].sort());
      const second = await read<WireTask>(await send("GET", `/v1/tasks/${batch.taskIds[1]}`));
      expect(second).toMatchObject({ status: "completed", type: "image" });
    });

    test("names the request that is wrong, and makes none of them", async () => {
      const before = await newest();
      const cases: [requests: unknown, status: number, code: string, param: string][] = [
        [[PICTURE, { ...PICTURE, prompt: undefined }], 400, "missing_parameter", "requests.1.prompt"],
        [[PICTURE, PICTURE, { ...PICTURE, n: 99 }], 400, "invalid_parameter", "requests.2.n"],
        [[{ ...PICTURE, model: "no-such-model" }], 404, "model_not_found", "requests.0.model"],
        [[PICTURE, { ...PICTURE, type: "audio" }], 400, "invalid_parameter", "requests.1.type"],
        [[PICTURE, "a fox"], 400, "invalid_parameter", "requests.1"],
        [[{ ...PICTURE, stream: true }], 400, "invalid_parameter", "requests.0.stream"],
        [[{ ...PICTURE, access_token: {} }], 400, "invalid_parameter", "requests.0.access_token"],
        [
          [PICTURE, { ...PICTURE, image: "https://a.example/x.png" }],
          400,
          "invalid_parameter",
          "requests.1.image",
        ],
        [[], 400, "invalid_parameter", "requests"],
        [Array.from({ length: 101 }, () => PICTURE), 400, "invalid_parameter", "requests"],
        [undefined, 400, "missing_parameter", "requests"],
      ];
      for (const [requests, status, code, param] of cases) {
        const { message } = await expectError(await send("POST", BATCHES, { requests }), status, code, param);
        expect(message).toContain(/requests(\.\d+)?/.exec(param)?.[0]);
      }
      await expectError(
        await send("POST", BATCHES, { requests: [PICTURE], metadata: { a: 1 } }),
        400,
        "invalid_parameter",
        "metadata",
      );
      await expectError(
        await send("POST", BATCHES, { requests: [PICTURE], colour: 1 }),
        400,
        "invalid_parameter",
        "colour",
      );
      expect(await newest()).toEqual(before);
    });

    test("sent again under its Idempotency-Key is the same batch", async () => {
      const headers = { "idempotency-key": `batch-${crypto.randomUUID()}` };
      const { batch } = await create([PICTURE, PICTURE], {}, headers);
      const again = await create([{ ...PICTURE, seed: null }, PICTURE], {}, headers);
      expect(again.batch.batchId).toBe(batch.batchId);
      expect(again.batch.taskIds).toEqual(batch.taskIds);
      expect(again.response.headers.get("idempotent-replayed")).toBe("true");
      const other = await send("POST", BATCHES, { requests: [PICTURE] }, headers);
      await expectError(other, 422, "idempotency_key_reused");
    });

    test("is cancelled as a whole, again without harm, and not after its end", async () => {
      const { batch } = await create([SLOW, SLOW, SLOW]);
      const address = `${BATCHES}/${batch.batchId.toUpperCase()}`;
      const cancelled = await read<WireBatch>(await send("DELETE", address));
      expect(cancelled).toMatchObject({
        batchId: batch.batchId,
        status: "cancelled",
        counts: { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 3, total: 3 },
      });
      const again = await send("DELETE", address);
      expect(again.status).toBe(200);
      expect(await read(again)).toEqual(cancelled);
      expect(await get(batch.batchId)).toEqual(cancelled);

      const { batch: quick } = await create([PICTURE]);
      await until(quick.batchId, ({ finishedAt }) => finishedAt !== null);
      const late = await send("DELETE", `${BATCHES}/${quick.batchId}`);
      expect(late.headers.get("x-should-retry")).toBe("false");
      await expectError(late, 409, "task_already_finished");
    });

    test("is a filter of the list and of a bulk cancel", async () => {
      const { batch } = await create([SLOW, SLOW]);
      const { data } = await read<WireTaskPage>(
        await send("GET", `/v1/tasks?batchId=${batch.batchId.toUpperCase()}&status=queued,running`),
      );
      expect(data.map(({ taskId }) => taskId).sort()).toEqual([...batch.taskIds].sort());
      const ended = await read<WireTasksCancelled>(
        await send("POST", "/v1/tasks/cancel", { batchId: batch.batchId }),
      );
      expect([...ended.taskIds].sort()).toEqual([...batch.taskIds].sort());
      expect(await get(batch.batchId)).toMatchObject({ status: "completed", counts: { cancelled: 2 } });
    });

    test("stands in the list of batches, newest first", async () => {
      const first = (await create([PICTURE])).batch.batchId;
      const second = (await create([PICTURE])).batch.batchId;
      const page = await read<WireBatchPage>(await send("GET", `${BATCHES}?limit=1`));
      expect(page).toMatchObject({ hasMore: true, after: second });
      expect(page.data.map(({ batchId }) => batchId)).toEqual([second]);
      const next = await read<WireBatchPage>(await send("GET", `${BATCHES}?limit=1&after=${second}`));
      expect(next.data.map(({ batchId }) => batchId)).toEqual([first]);
      await expectError(await send("GET", `${BATCHES}?limit=0`), 400, "invalid_parameter", "limit");
      await expectError(await send("GET", `${BATCHES}?after=x`), 400, "invalid_parameter", "after");
    });

    test("that does not exist is 404", async () => {
      for (const id of [UNKNOWN, "nonsense"]) {
        await expectError(await send("GET", `${BATCHES}/${id}`), 404, "not_found");
        await expectError(await send("DELETE", `${BATCHES}/${id}`), 404, "not_found");
      }
    });
  });
}
