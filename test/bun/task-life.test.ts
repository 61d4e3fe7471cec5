/** What a client reads of a task from its creation until it is forgotten, where the clock decides. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import { type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { PNG } from "../fixture/media-samples.ts";
import type { ProviderCall } from "../fixture/scripted-provider.ts";

const ASYNC = "/v1/images/generations/async";
const FOX = { prompt: "a red fox", model: "dall-e-3" };

let world: GatewayWorld;
beforeEach(async () => {
  world = await gatewayWorld();
});
afterEach(() => world.close());

const json = async <T>(response: Response) => (await response.json()) as T;

async function create(): Promise<string> {
  return (await json<WireAccepted>(await world.send("POST", ASYNC, { body: FOX }))).taskId;
}

async function started(): Promise<{ id: string; call: ProviderCall }> {
  const id = await create();
  const call = await world.provider.next();
  await settled();
  return { id, call };
}

/** Ends a call with one picture and answers the picture's path below the server. */
async function paint({ io, answer }: ProviderCall): Promise<string> {
  const media = await io.putMedia(PNG, "image/png");
  answer({ kind: "done", items: [{ index: 0, media }] });
  await settled();
  return `/v1/media/${media.path}`;
}

async function read(id: string) {
  const response = await world.send("GET", `/v1/tasks/${id}`);
  return { task: await json<WireTask>(response), retryAfter: response.headers.get("retry-after") };
}

async function listed(query: string): Promise<string[]> {
  const page = await json<{ data: WireTask[] }>(await world.send("GET", `/v1/tasks?${query}`));
  return page.data.map(({ taskId }) => taskId);
}

async function codeOf(response: Response) {
  return { status: response.status, code: (await json<WireError>(response)).error.code };
}

describe("an unfinished task", () => {
  test("that waits its turn is queued, with its place in the queue and nothing about an end", async () => {
    for (let taken = 0; taken < 3; taken += 1) await started();
    const id = await create();
    const { task, retryAfter } = await read(id);
    expect(task).toEqual({
      taskId: id,
      task_id: id,
      type: "image",
      status: "queued",
      created: "2026-11-21T10:30:00.000Z",
      updated: "2026-11-21T10:30:00.000Z",
      progress: 0,
      message: null,
      queuePosition: 1,
      estimatedSecondsRemaining: null,
      attempt: 0,
      maxAttempts: 3,
      nextAttemptAt: null,
      model: "dall-e-3",
      priority: "normal",
      metadata: {},
      attempts: [],
      request: { model: "dall-e-3", prompt: "a red fox", n: 1 },
    });
    expect(retryAfter).toBe("1");
  });

  test("that works tells its progress and an estimate, and has left the queue", async () => {
    const { id, call } = await started();
    await world.clock.advance(5_000);
    call.io.progress(25, "painting");
    await settled();
    const { task, retryAfter } = await read(id);
    expect(task).toMatchObject({
      status: "running",
      progress: 25,
      message: "painting",
      queuePosition: null,
      estimatedSecondsRemaining: 15,
      attempt: 1,
    });
    expect(retryAfter).toBe("1");
  });

  test("that waits for its next attempt is queued, and says when that is", async () => {
    const { id, call } = await started();
    const failure = {
      kind: "transient",
      code: "provider_unavailable",
      message: "Down for a moment",
    } as const;
    call.answer({ kind: "failed", failure });
    await settled();
    const { task, retryAfter } = await read(id);
    expect(task).toMatchObject({ status: "queued", queuePosition: null, attempt: 1 });
    expect(task.message).toBe("Down for a moment");
    expect(Date.parse(task.nextAttemptAt ?? "")).toBeGreaterThan(world.clock.now());
    expect(retryAfter).toBe("1");
  });

  test("is found under both spellings of where it stands", async () => {
    const running: string[] = [];
    for (let taken = 0; taken < 3; taken += 1) running.unshift((await started()).id);
    const queued = await create();
    expect(await listed("status=pending")).toEqual([queued]);
    expect(await listed("status=queued")).toEqual([queued]);
    expect(await listed("status=processing")).toEqual(running);
    expect(await listed("status=running")).toEqual(running);
    expect(await listed("status=pending,processing&type=image")).toEqual([queued, ...running]);
  });

  test("cannot be purged or retried", async () => {
    const { id } = await started();
    for (const [method, path] of [
      ["DELETE", `/v1/tasks/${id}?purge=true`],
      ["DELETE", `/v1/images/generations/${id}?purge=true`],
      ["POST", `/v1/tasks/${id}/retry`],
    ] as const) {
      expect(await codeOf(await world.send(method, path))).toEqual({
        status: 400,
        code: "invalid_parameter",
      });
    }
    expect((await read(id)).task.status).toBe("running");
  });
});

describe("a finished task", () => {
  test("that completed has its result, its end, what it cost and where the time went", async () => {
    const { id, call } = await started();
    await world.clock.advance(2_000);
    const path = await paint(call);
    const { task, retryAfter } = await read(id);
    expect(task).toMatchObject({
      status: "completed",
      progress: 100,
      message: null,
      queuePosition: null,
      estimatedSecondsRemaining: null,
      nextAttemptAt: null,
      finished: "2026-11-21T10:30:02.000Z",
      expiresAt: "2026-12-21T10:30:02.000Z",
      cost: 0,
      settled: true,
      metrics: { queueMs: 0, providerMs: 2_000, storeMs: 0 },
    });
    expect(task.result).toEqual({
      images: [
        {
          url: `http://gateway.test:8787${path}`,
          metadata: { provider: "local", model: "canvas", index: 0 },
        },
      ],
      duration: 2,
      cost: 0,
      provider: "local",
      model: "dall-e-3",
    });
    for (const field of ["error", "errorCode", "cancellation"]) expect(task).not.toHaveProperty(field);
    expect(retryAfter).toBeNull();
  });

  test("that was cancelled tells what became of the provider's job as soon as that is known", async () => {
    const { id, call } = await started();
    call.answer({ kind: "pending", state: { job: "upstream-1" }, pollAfterMs: 5_000 });
    await settled();
    let told: (() => void) | undefined;
    const waiting = new Promise<void>((resolve) => {
      told = resolve;
    });
    const cancel = world.provider.cancel.bind(world.provider);
    world.provider.cancel = async (...job) => {
      await waiting;
      return cancel(...job);
    };
    const answer = await json<WireTask>(await world.send("DELETE", `/v1/tasks/${id}`));
    expect(answer).toMatchObject({ status: "cancelled", cancellation: "requested", settled: false, cost: 0 });
    for (const field of ["result", "error", "errorCode"]) expect(answer).not.toHaveProperty(field);
    told?.();
    await settled();
    expect((await read(id)).task).toMatchObject({ cancellation: "immediate", settled: true, cost: 0 });
    expect(world.provider.cancels.map(({ state }) => state)).toEqual([{ job: "upstream-1" }]);
  });

  test("that never started is cancelled for nothing, at once", async () => {
    for (let taken = 0; taken < 3; taken += 1) await started();
    const id = await create();
    await world.send("DELETE", `/v1/tasks/${id}`);
    expect((await read(id)).task).toMatchObject({ cancellation: "immediate", settled: true, cost: 0 });
    expect(world.provider.cancels).toEqual([]);
  });

  test("is purged by the address of its kind as well", async () => {
    const { id, call } = await started();
    const media = await paint(call);
    const purged = await world.send("DELETE", `/v1/images/generations/${id}?purge=true`);
    expect(await json(purged)).toEqual({ taskId: id, task_id: id, purged: true });
    expect((await world.send("GET", media, { key: null })).status).toBe(404);
    expect((await world.send("GET", `/v1/tasks/${id}`)).status).toBe(404);
  });
});

describe("what has been kept long enough", () => {
  test("goes: first the events, which are announced as lost, then the picture, then the task", async () => {
    await world.close();
    // Minutes for the days and hours of the defaults: a clock that is moved fires every timer on its way.
    world = await gatewayWorld({
      env: {
        CONDUITLLM__RETENTION__EVENTSHOURS: "0.02",
        CONDUITLLM__RETENTION__MEDIADAYS: "0.002",
        CONDUITLLM__RETENTION__TASKSDAYS: "0.003",
        CONDUITLLM__RETENTION__SWEEPINTERVALMS: "1000",
      },
    });
    const { id, call } = await started();
    const media = await paint(call);
    const events = async (after: string) => {
      const headers = { "last-event-id": after };
      return (await world.send("GET", `/v1/tasks/${id}/events`, { headers })).text();
    };
    const snapshot = await (await world.send("GET", `/v1/tasks/${id}/events`)).text();
    const end = /^id: (\S+)$/m.exec(snapshot)?.[1] ?? "";
    const first = end.replace(/\d+$/, "1");
    expect(await events(first)).toMatch(/^event: completed$/m);

    await world.clock.advance(74_000);
    const lost = await events(first);
    expect(lost.match(/^event: .+$/gm)).toEqual(["event: reset", "event: snapshot"]);
    expect((await world.send("GET", media, { key: null })).status).toBe(200);

    await world.clock.advance(100_000);
    const gone = await world.send("GET", media, { key: null });
    expect(await codeOf(gone)).toEqual({ status: 404, code: "not_found" });
    const { task } = await read(id);
    expect(task.result?.images?.[0]?.url).toContain(media);

    await world.clock.advance(Date.parse(task.expiresAt ?? "") - world.clock.now() + 1_000);
    for (const path of [`/v1/tasks/${id}`, `/v1/tasks/${id}/events`]) {
      expect(await codeOf(await world.send("GET", path))).toEqual({ status: 404, code: "task_not_found" });
    }
    expect(await listed("limit=1")).toEqual([]);
  });
});
