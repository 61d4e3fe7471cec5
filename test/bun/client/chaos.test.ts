/** Fifty tasks through a proxy that cuts and holds back: each is made once, ends once, and its progress never goes down. */

import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ConduitClient,
  type ConduitClientOptions,
  ConduitRealtimeClient,
} from "../../../src/client/index.ts";
import { type ChaosProxy, startChaosProxy } from "../../fixture/chaos-proxy.ts";
import { type HubServer, startHubServer } from "../../fixture/hub-server.ts";
import { type ProviderCall, pictures } from "../../fixture/scripted-provider.ts";
import { createSeededRandom } from "../../fixture/seeded-random.ts";

const SEED = 20_261_130;
const TASKS = 50;
const BODY = { model: "local/canvas", prompt: "a fox" };
/** Waits of the client are five times shorter. */
const HASTE = 5;
const hasty = {
  now: () => Date.now() * HASTE,
  after(ms: number, callback: () => void) {
    const timer = setTimeout(callback, ms / HASTE);
    return { cancel: () => clearTimeout(timer) };
  },
};

type Story = { progress: number[]; ends: string[] };

let server: HubServer;
let proxy: ChaosProxy;
beforeAll(async () => {
  server = await startHubServer();
  proxy = await startChaosProxy(server.url, { seed: SEED, cutOneOf: 20, delayMs: 20 });
});
afterAll(async () => {
  await proxy.close();
  await server.close();
});

async function paint(call: ProviderCall, stepMs: number): Promise<void> {
  for (const percent of [10, 30, 50, 70, 90]) {
    await new Promise((resolve) => setTimeout(resolve, stepMs));
    call.io.progress(percent, "painting");
  }
  call.answer(pictures());
}

/** Makes `count` tasks with a realtime client and listens until each has ended. */
async function live(
  count: number,
  options: ConduitClientOptions,
  stories: Map<string, Story>,
): Promise<void> {
  const client = new ConduitRealtimeClient(options);
  const story = (taskId: string) => {
    const told = stories.get(taskId) ?? { progress: [], ends: [] };
    stories.set(taskId, told);
    return told;
  };
  let ended = 0;
  const all = new Promise<void>((resolve) => {
    for (const name of ["completed", "failed"] as const)
      client.on(name, ({ taskId, status }) => {
        story(taskId).ends.push(status);
        ended += 1;
        if (ended === count) resolve();
      });
  });
  client.on("progress", ({ taskId, progress }) => story(taskId).progress.push(progress));
  client.on("error", ({ type, error }) => {
    throw new Error(`${type}: ${error.message}`);
  });
  await client.connect("image");
  await Promise.all(Array.from({ length: count }, () => client.generateImage(BODY)));
  await all;
  await client.disconnect();
}

test("every task is made once and ends once, however it is followed", async () => {
  const random = createSeededRandom(SEED);
  server.provider.each((call) => void paint(call, 100 + random.below(200)));
  const options = { virtualKey: server.key, baseUrl: proxy.url, clock: hasty, maxRetries: 50 };
  const rest = new ConduitClient(options);
  const stories = new Map<string, Story>();
  const run = async () => {
    const progress: number[] = [];
    const { taskId } = await rest.run(BODY, { onProgress: (update) => progress.push(update.progress) });
    stories.set(taskId, { progress, ends: ["completed"] });
  };
  await Promise.all([
    live(20, { ...options, maxReconnectAttempts: 50 }, stories),
    live(15, { ...options, transports: ["sse", "polling"] }, stories),
    ...Array.from({ length: 15 }, run),
  ]);
  expect(proxy.cuts).toBeGreaterThan(10);
  expect(stories.size).toBe(TASKS);
  for (const { progress, ends } of stories.values()) {
    expect(ends).toEqual(["completed"]);
    expect(progress).toEqual([...progress].sort((one, other) => one - other));
  }
  const listed = await server.request("GET", "/v1/tasks?limit=100");
  expect(((await listed.json()) as { data: unknown[] }).data).toHaveLength(TASKS);
}, 120_000);
