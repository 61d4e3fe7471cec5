/** The client of the HTTP API against a whole gateway. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConduitClient } from "../../../src/client/conduit-client.ts";
import { TaskFailedError } from "../../../src/client/transport/errors.ts";
import { type HubServer, startHubServer } from "../../fixture/hub-server.ts";
import { type ProviderCall, pictures } from "../../fixture/scripted-provider.ts";

const BODY = { model: "local/canvas", prompt: "a fox" };

let server: HubServer;
let conduit: ConduitClient;
beforeAll(async () => {
  server = await startHubServer();
  conduit = new ConduitClient({ virtualKey: server.key, baseUrl: server.url });
});
afterAll(() => server.close());

/** Answers the next call of the provider in this way. */
const next = (take: (call: ProviderCall) => void) => void server.provider.next().then(take);

describe("run", () => {
  test("resolves with the result, and tells progress on the way", async () => {
    const progress: number[] = [];
    let taskId = "";
    next(async (call) => {
      call.io.progress(50, "painting");
      while (!progress.includes(50)) await new Promise((resolve) => setTimeout(resolve, 5));
      call.answer(pictures());
    });
    const result = await conduit.run(BODY, {
      onAccepted: (id) => {
        taskId = id;
      },
      onProgress: (update) => progress.push(update.progress),
    });
    expect(result).toMatchObject({ taskId, provider: "local", images: [{ url: result.url }] });
    expect(progress).toEqual([...progress].sort((one, other) => one - other));
    expect(progress.at(-1)).toBe(100);
  });

  test("rejects with the task that failed", async () => {
    next((call) =>
      call.answer({
        kind: "failed",
        failure: { kind: "permanent", code: "content_policy_violation", message: "not this" },
      }),
    );
    const error = await conduit.run(BODY).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TaskFailedError);
    expect(error).toMatchObject({ message: "not this", code: "content_policy_violation" });
  });

  test("makes nothing for a caller that has left already", async () => {
    const before = (await conduit.tasks.list()).data.length;
    const left = { signal: AbortSignal.abort("left"), cancelOnAbort: true };
    await expect(conduit.run(BODY, left)).rejects.toBe("left");
    expect((await conduit.tasks.list()).data).toHaveLength(before);
  });

  test("cancels what is waited for no longer, where that is wanted", async () => {
    const leaving = new AbortController();
    let taskId = "";
    next(() => leaving.abort("left"));
    const running = conduit.run(BODY, {
      signal: leaving.signal,
      cancelOnAbort: true,
      onAccepted: (id) => {
        taskId = id;
      },
    });
    await expect(running).rejects.toBe("left");
    expect(await conduit.tasks.wait(taskId)).toMatchObject({ status: "cancelled" });
  });
});

test("tasks are made, followed, listed, cancelled and retried", async () => {
  next(() => {});
  const { taskId } = await conduit.images.generateAsync({ ...BODY, metadata: { order: "7" } });
  const events = conduit.tasks.events(taskId);
  expect((await events.next()).value).toMatchObject({ type: "snapshot", task: { taskId } });
  const listed: string[] = [];
  for await (const task of await conduit.tasks.list({ limit: 1 })) listed.push(task.taskId);
  expect(listed).toContain(taskId);
  expect(await conduit.tasks.cancel(taskId)).toMatchObject({ status: "cancelled" });
  let last: unknown;
  for await (const update of events) last = update;
  expect(last).toMatchObject({ type: "cancelled" });
  next((call) => call.answer(pictures()));
  const again = await conduit.tasks.retry(taskId);
  expect(await conduit.tasks.wait(again.taskId)).toMatchObject({ status: "completed", retryOf: taskId });
  expect(await conduit.tasks.purge(again.taskId)).toMatchObject({ purged: true });
});

test("what the key has and may do is read", async () => {
  expect((await conduit.models.list()).map(({ id }) => id)).toContain("local/canvas");
  expect(await conduit.models.get("local/canvas")).toMatchObject({ provider: "local" });
  expect(await conduit.estimate(BODY)).toMatchObject({ reserved: 0, currency: "USD" });
  expect(await conduit.usage.get({ groupBy: "model" })).toMatchObject({ groupBy: "model" });
  expect(await conduit.usage.csv()).toContain("requests");
  const { key } = await conduit.ephemeralKeys.create({ subject: "user-17" });
  const page = new ConduitClient({ tokenProvider: () => key, baseUrl: server.url });
  expect((await page.tasks.list()).data).toEqual([]);
});

test("batches are made, read, listed and cancelled", async () => {
  for (let made = 0; made < 2; made += 1) next(() => {});
  const { batchId, taskIds } = await conduit.batches.create({
    requests: [
      { type: "image", ...BODY },
      { type: "image", ...BODY },
    ],
  });
  expect(taskIds).toHaveLength(2);
  expect((await conduit.batches.list()).data.map((batch) => batch.batchId)).toEqual([batchId]);
  expect(await conduit.batches.cancel(batchId)).toMatchObject({ status: "cancelled" });
  expect(await conduit.batches.get(batchId)).toMatchObject({ counts: { cancelled: 2 } });
});

test("pictures come synchronously", async () => {
  next((call) => call.answer(pictures()));
  const { data } = await conduit.images.generate(BODY);
  expect(data[0]?.url).toContain("/v1/media/");
});

test("pictures come as a stream, and what they failed with as an error", async () => {
  next((call) => call.answer(pictures()));
  const stored = conduit.images.generate({ ...BODY, stream: true });
  // The pictures of this provider exist nowhere, which the stream says as it says every failure.
  await expect(stored.next()).rejects.toMatchObject({ name: "BadRequestError", code: "not_found" });
  next((call) =>
    call.answer({
      kind: "failed",
      failure: { kind: "permanent", code: "content_policy_violation", message: "not this" },
    }),
  );
  const failing = conduit.images.generate({ ...BODY, stream: true });
  await expect(failing.next()).rejects.toMatchObject({
    code: "content_policy_violation",
    message: "not this",
  });
});
