/** The realtime client as the published examples use it, against a whole gateway over Microsoft's SignalR client. */

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type ConduitClientOptions,
  ConduitRealtimeClient,
  type ProgressUpdate,
  RateLimitError,
  type TaskResult,
  TimeoutError,
} from "../../../src/client/index.ts";
import { hubLog } from "../../../src/client/realtime/hub-log.ts";
import { type HubServer, startHubServer } from "../../fixture/hub-server.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { pictures } from "../../fixture/scripted-provider.ts";

let server: HubServer;
const open: ConduitRealtimeClient[] = [];
beforeAll(async () => {
  server = await startHubServer();
});
afterEach(async () => {
  for (const client of open.splice(0)) await client.disconnect();
});
afterAll(() => server.close());

function made(options: Partial<ConduitClientOptions> = {}): ConduitRealtimeClient {
  const client = new ConduitRealtimeClient({
    virtualKey: server.key,
    baseUrl: server.url,
    ...options,
  } as ConduitClientOptions);
  open.push(client);
  return client;
}

const once = (client: ConduitRealtimeClient, name: "completed" | "failed" | "progress") =>
  new Promise<TaskResult & ProgressUpdate>((resolve) =>
    client.once(name, (payload) => resolve(payload as TaskResult & ProgressUpdate)),
  );
const IMAGE = { model: "local/canvas", prompt: "a red boat", size: "256x256", n: 1 };

describe.each([
  ["the hub", ["hub", "sse", "polling"]],
  ["event streams", ["sse", "polling"]],
  ["reading", ["polling"]],
] as const)("over %s", (_, transports) => {
  test("a picture is made as the published example makes one", async () => {
    const client = made({ transports });
    const events: string[] = [];
    const progress: number[] = [];
    for (const name of ["connected", "subscribed", "completed", "failed", "disconnected", "error"] as const)
      client.on(name, () => events.push(name));
    client.on("progress", (update) => progress.push(update.progress));
    void server.provider.next().then(async (call) => {
      while (!progress.includes(0)) await new Promise((resolve) => setTimeout(resolve, 5));
      call.io.progress(40, "painting");
      while (!progress.includes(40)) await new Promise((resolve) => setTimeout(resolve, 5));
      call.answer(pictures());
    });
    await client.connect("image");
    const taskId = await client.generateImage(IMAGE);
    const end = await once(client, "completed");
    expect(end).toEqual({
      taskId,
      status: "completed",
      imageUrl: expect.stringContaining("/v1/media/"),
      metadata: { provider: "local", model: "local/canvas" },
    });
    await client.disconnect();
    expect(events).toEqual(["connected", "subscribed", "completed", "disconnected"]);
    expect(progress).toEqual([0, 40]);
  });

  test("a film that was cancelled is told as failed", async () => {
    const client = made({ transports });
    await client.connect("video");
    void server.provider.next();
    const taskId = await client.generateVideo({ model: "local/scripted-video", prompt: "a sea" });
    const failed = once(client, "failed");
    await server.request("DELETE", `/v1/tasks/${taskId}`);
    expect(await failed).toEqual({ taskId, status: "cancelled", error: "Task was cancelled" });
  });

  test("a task that was over before it was subscribed is told once", async () => {
    const client = made({ transports });
    await client.connect("image");
    void server.provider.next().then((call) => call.answer(pictures()));
    const id = await server.submit();
    await server.request("GET", `/v1/tasks/${id}`, { headers: { prefer: "wait=10" } });
    await client.subscribeToTask(id, "image");
    expect(await once(client, "completed")).toMatchObject({ taskId: id });
  });
});

describe("a published client", () => {
  test("is refused what it may not, in the server's words", async () => {
    const client = made();
    await expect(client.subscribeToTask("019a0000-0000-7000-8000-000000000000", "image")).rejects.toThrow(
      "Not connected to hub",
    );
    await expect(client.generateImage({ ...IMAGE, model: "nobody/nothing" })).rejects.toThrow(
      "nobody/nothing",
    );
    await client.connect("image");
    await expect(client.subscribeToTask("019a0000-0000-7000-8000-000000000000", "image")).rejects.toThrow(
      "Task not found",
    );
    await expect(made({ virtualKey: "condt_wrong" }).connect("image")).rejects.toThrow("key");
    await expect(made({ baseUrl: "http://127.0.0.1:1", maxRetries: 0 }).connect("image")).rejects.toThrow(
      "connection",
    );
  });

  test("hears nothing more of what it has unsubscribed from, and may connect again", async () => {
    const client = made();
    const heard: string[] = [];
    client.on("failed", ({ taskId }) => heard.push(taskId));
    await client.connect("image");
    void server.provider.next();
    const left = await client.generateImage(IMAGE);
    await client.unsubscribeFromTask(left);
    await server.request("DELETE", `/v1/tasks/${left}`);
    await client.disconnect();
    await client.connect("video");
    void server.provider.next().then((call) => call.answer(pictures()));
    const taskId = await client.generateImage(IMAGE);
    expect(await once(client, "completed")).toMatchObject({ taskId });
    expect(heard).toEqual([]);
  });
});

test("a hub that refuses is told by its status, and followed around where that is allowed", async () => {
  const narrow = await startHubServer({ env: { CONDUITLLM__HUBS__MAXCONNECTIONSPERKEY: "1" } });
  try {
    const options = { virtualKey: narrow.key, baseUrl: narrow.url };
    const [first, second, third] = [made(options), made({ ...options, transports: ["hub"] }), made(options)];
    await first.connect("image");
    const refused = await second.connect("image").catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RateLimitError);
    expect(refused).toMatchObject({ code: "too_many_connections" });
    await third.connect("image");
    expect([first.transport, third.transport]).toEqual(["hub", "sse"]);
  } finally {
    for (const client of open.splice(0)) await client.disconnect();
    await narrow.close();
  }
});

test("several clients follow the same task side by side, over hubs of two gateways", async () => {
  const other = await startHubServer();
  try {
    const elsewhere = { virtualKey: other.key, baseUrl: other.url };
    const clients = [made(), made(), made(elsewhere)];
    for (const client of clients) await client.connect("image");
    const ends: [number, string][] = [];
    for (const [index, client] of clients.entries())
      client.on("completed", ({ taskId }) => ends.push([index, taskId]));
    const [one, two, three] = clients as [
      ConduitRealtimeClient,
      ConduitRealtimeClient,
      ConduitRealtimeClient,
    ];
    const calls = [server.provider.next(), other.provider.next()];
    const shared = await one.generateImage(IMAGE);
    await two.subscribeToTask(shared, "image");
    const lone = await three.generateImage(IMAGE);
    const told = clients.map((client) => once(client, "completed"));
    for (const call of calls) void call.then(({ answer }) => answer(pictures()));
    await Promise.all(told);
    expect(ends.sort()).toEqual([
      [0, shared],
      [1, shared],
      [2, lone],
    ]);
  } finally {
    for (const client of open.splice(0)) await client.disconnect();
    await other.close();
  }
});

test("a gateway that takes connections and never answers is given up", async () => {
  const open = new Set<{ end(): void }>();
  const silent = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: (socket) => void open.add(socket), data() {} },
  });
  try {
    const clock = new ManualClock();
    const client = made({ baseUrl: `http://127.0.0.1:${silent.port}`, clock, maxRetries: 0 });
    const outcome = client.connect("image").catch((error: unknown) => error);
    // SignalR is loaded, and asks, before the clock may move.
    while (open.size < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    await clock.advance(20_000);
    while (open.size < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await clock.advance(60_000);
    expect(await outcome).toBeInstanceOf(TimeoutError);
    expect(clock.pendingTimers).toBe(0);
  } finally {
    for (const socket of open) socket.end();
    silent.stop(true);
  }
});

test("the log has what SignalR says of the connection, without its token and without the key", async () => {
  const said = vi.spyOn(console, "info").mockImplementation(() => {});
  try {
    await made({ transports: ["hub"], enableLogging: true }).connect("image");
    // As a browser connects, which cannot set headers.
    hubLog.log(
      2,
      `WebSocket connected to wss://gateway.test/hubs/tasks?id=token-1&access_token=${server.key}.`,
    );
    const lines = said.mock.calls
      .map(([line]) => String(line))
      .filter((line) => line.includes("connected to"));
    expect(lines).toEqual([
      `[conduit] hub: WebSocket connected to ${server.url.replace("http", "ws")}/hubs/tasks?id=…`,
      "[conduit] hub: WebSocket connected to wss://gateway.test/hubs/tasks?id=…&access_token=…",
    ]);
  } finally {
    said.mockRestore();
  }
});
