import { describe, expect, test } from "vitest";
import { filmsOf } from "../../../../src/client/ai/films.ts";
import { ConnectionError, TaskFailedError, TimeoutError } from "../../../../src/client/transport/errors.ts";
import type { WireTask } from "../../../../src/protocol/task.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";

const taskAt = (...urls: string[]) =>
  ({
    status: "completed",
    result: {
      videos: urls.map((url) => ({
        url,
        mimeType: "video/webm",
        metadata: { provider: "p", model: "m", index: 0 },
      })),
    },
  }) as unknown as WireTask;
const answering = (status: number) => async () => new Response(new Uint8Array([7]), { status });
const never = () => Promise.reject(new Error("nothing is to be fetched"));

describe("the films of a task", () => {
  test("are addresses where the SDK fetches from", async () => {
    const url = "https://media.example.com/v1/media/a.webm";
    expect(await filmsOf(taskAt(url), never, undefined)).toEqual([
      { type: "url", url, mediaType: "video/webm" },
    ]);
  });

  test.each([
    "http://localhost:8787/a.webm",
    "http://gateway.localhost/a.webm",
    "http://gateway.internal/a.webm",
    "http://127.0.0.1:8787/a.webm",
    "http://192.168.1.7/a.webm",
    "http://[::1]:8787/a.webm",
  ])("are bytes where the SDK refuses to fetch from: %s", async (url) => {
    expect(await filmsOf(taskAt(url), answering(200), undefined)).toEqual([
      { type: "binary", data: new Uint8Array([7]), mediaType: "video/webm" },
    ]);
  });

  test("that cannot be had are a connection that failed, which may be tried again", async () => {
    const task = taskAt("http://localhost/a.webm");
    await expect(filmsOf(task, answering(404), undefined)).rejects.toBeInstanceOf(ConnectionError);
    await expect(filmsOf(task, never, undefined)).rejects.toBeInstanceOf(ConnectionError);
  });

  test("are no longer fetched for a caller that has left", async () => {
    const reason = new Error("left");
    const fetching = filmsOf(taskAt("http://localhost/a.webm"), never, AbortSignal.abort(reason));
    await expect(fetching).rejects.toBe(reason);
  });

  test("are waited for no longer than five minutes", async () => {
    const clock = new ManualClock();
    const hanging = (_: string, { signal }: RequestInit) =>
      new Promise<Response>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    const fetching = filmsOf(taskAt("http://localhost/a.webm"), hanging, undefined, clock);
    const outcome = expect(fetching).rejects.toBeInstanceOf(TimeoutError);
    await clock.advance(300_000);
    await outcome;
    await filmsOf(taskAt("http://localhost/a.webm"), answering(200), undefined, clock);
    expect(clock.pendingTimers).toBe(0);
  });

  test("of a task without any are none", async () => {
    const task = { status: "cancelled", taskId: "t" } as unknown as WireTask;
    await expect((async () => filmsOf(task, never, undefined))()).rejects.toBeInstanceOf(TaskFailedError);
  });
});
