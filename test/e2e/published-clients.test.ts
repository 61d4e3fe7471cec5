/**
 * The way of the published example clients, for pictures and for films, on the started program with its built-in models: with a client
 * of their surface, and again with ours, for programs that change their import and nothing else.
 */

import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConduitClient, ConduitRealtimeClient as OurClient } from "../../src/client/index.ts";
import {
  type ProgressUpdate,
  ConduitRealtimeClient as PublishedClient,
  type TaskResult,
} from "../fixture/published-client.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
beforeAll(async () => {
  folder = await temporaryFolder();
  server = await ServerProcess.start({ dataDir: folder.path });
});
afterAll(async () => {
  await server.kill();
  await folder.remove();
});

const FILM = { model: "minimax-video", prompt: "a sailboat at sunset", duration: 1, size: "128x72" };

/** What a program that copied the examples does, and what it heard. */
async function seen(
  ConduitRealtimeClient: typeof PublishedClient,
  hubType: "image" | "video",
  generate: (client: PublishedClient) => Promise<string>,
): Promise<{ taskId: string; end: TaskResult; events: string[]; progress: number[] }> {
  const client = new ConduitRealtimeClient({ virtualKey: BOOTSTRAP_KEY, baseUrl: server.url });
  const events: string[] = [];
  const progress: number[] = [];
  for (const name of ["connected", "subscribed", "completed", "failed", "disconnected", "error"])
    client.on(name, () => events.push(name));
  client.on("progress", (update: ProgressUpdate) => progress.push(update.progress));
  try {
    await client.connect(hubType);
    const ended = Promise.race([once(client, "completed"), once(client, "failed")]);
    const taskId = await generate(client);
    const [end] = (await ended) as [TaskResult];
    return { taskId, end, events, progress };
  } finally {
    await client.disconnect();
  }
}

describe.each([
  { who: "a published client", ConduitRealtimeClient: PublishedClient, cancelled: "failed" },
  // Not Node's emitter, though it has the members that the examples and `once` use.
  {
    who: "our client in its place",
    ConduitRealtimeClient: OurClient as unknown as typeof PublishedClient,
    cancelled: "cancelled",
  },
])("$who", ({ ConduitRealtimeClient, cancelled: statusOfCancelled }) => {
  test("gets a film over the video hub, by the name its example asks for", async () => {
    const { taskId, end, events, progress } = await seen(ConduitRealtimeClient, "video", (client) =>
      client.generateVideo(FILM),
    );
    expect(end).toEqual({
      taskId,
      status: "completed",
      videoUrl: expect.stringMatching(/\/v1\/media\/.+\.webm$/),
      metadata: { provider: "local", model: "minimax-video" },
    });
    expect(events).toEqual(["connected", "subscribed", "completed", "disconnected"]);
    expect(progress).toEqual([...progress].sort((one, other) => one - other));
    const film = await fetch(end.videoUrl ?? "");
    expect(film.headers.get("content-type")).toBe("video/webm");
  });

  test("gets a picture over the image hub", async () => {
    const { taskId, end } = await seen(ConduitRealtimeClient, "image", (client) =>
      client.generateImage({ model: "dall-e-3", prompt: "a red boat", size: "256x256", n: 1 }),
    );
    expect(end).toMatchObject({
      taskId,
      status: "completed",
      imageUrl: expect.stringContaining("/v1/media/"),
    });
    expect(end).not.toHaveProperty("videoUrl");
  });

  test("is told progress of a film that takes its time, and that it was cancelled", async () => {
    const client = new ConduitRealtimeClient({ virtualKey: BOOTSTRAP_KEY, baseUrl: server.url });
    await client.connect("video");
    try {
      const slow = { ...FILM, provider_options: { steps: 20, step_ms: 60_000 } };
      const told = once(client, "progress");
      const failed = once(client, "failed");
      const taskId = await client.generateVideo(slow);
      expect(await told).toEqual([expect.objectContaining({ taskId, progress: expect.any(Number) })]);
      const cancelled = await server.request(`/v1/videos/generations/${taskId}`, { method: "DELETE" });
      expect(cancelled.status).toBe(200);
      expect(await failed).toEqual([{ taskId, status: statusOfCancelled, error: "Task was cancelled" }]);
    } finally {
      await client.disconnect();
    }
  });

  test("hears nothing more of a film it has unsubscribed from", async () => {
    const client = new ConduitRealtimeClient({ virtualKey: BOOTSTRAP_KEY, baseUrl: server.url });
    await client.connect("video");
    try {
      const slow = { ...FILM, provider_options: { steps: 20, step_ms: 60_000 } };
      const left = await client.generateVideo(slow);
      await client.unsubscribeFromTask(left);
      const heard: string[] = [];
      client.on("failed", ({ taskId }: TaskResult) => heard.push(taskId));
      await server.request(`/v1/videos/generations/${left}`, { method: "DELETE" });
      const last = once(client, "completed");
      await client.generateVideo(FILM);
      await last;
      expect(heard).toEqual([]);
    } finally {
      await client.disconnect();
    }
  });

  test("is refused a film in words, before any task is made", async () => {
    const client = new ConduitRealtimeClient({ virtualKey: BOOTSTRAP_KEY, baseUrl: server.url });
    await expect(client.generateVideo({ ...FILM, duration: 11 })).rejects.toThrow("duration");
    await expect(client.generateVideo({ ...FILM, model: "nobody/nothing" })).rejects.toThrow(
      "nobody/nothing",
    );
    await expect(client.subscribeToTask("019a0000-0000-7000-8000-000000000000", "video")).rejects.toThrow(
      "Not connected to hub",
    );
  });

  test("polls a film to its end where it has no hub", async () => {
    const accepted = (await (await server.postJson("/v1/videos/generations/async", FILM)).json()) as {
      request_id: string;
    };
    for (;;) {
      const answer = await server.request(`/v1/videos/generations/${accepted.request_id}/status`);
      const task = (await answer.json()) as { status: string; result: { videos: { url: string }[] } };
      if (task.status === "queued" || task.status === "running") continue;
      expect(task.status).toBe("completed");
      expect(task.result.videos[0]?.url).toContain("/v1/media/");
      return;
    }
  });
});

test("our client gets pictures as a stream of the started program", async () => {
  const conduit = new ConduitClient({ virtualKey: BOOTSTRAP_KEY, baseUrl: server.url });
  const request = { model: "local/canvas", prompt: "a red boat", size: "64x64", n: 2, stream: true } as const;
  const pictures: string[] = [];
  for await (const { type, b64_json } of conduit.images.generate(request)) {
    expect(type).toBe("image_generation.completed");
    pictures.push(b64_json);
  }
  expect(pictures).toHaveLength(2);
  for (const picture of pictures) expect(atob(picture)).toMatch(/^.PNG/);
});
