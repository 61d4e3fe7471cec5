/** Tasks through a proxy that cuts, delays and repeats: each is made once, ends once, and its progress never goes down. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConduitClient, type ConduitClientOptions, ConduitRealtimeClient } from "../../src/client/index.ts";
import { type ChaosProxy, startChaosProxy } from "../fixture/chaos-proxy.ts";
import { type HubServer, startHubServer } from "../fixture/hub-server.ts";
import { type ProviderCall, pictures } from "../fixture/scripted-provider.ts";
import { createSeededRandom } from "../fixture/seeded-random.ts";

export type ClientChaosOptions = {
  seed: number;
  /** Made and followed over the hub, over streams and by reading, and by `run`. */
  tasks: { hub: number; streams: number; run: number };
  /** So long nobody comes through while they are on their way, ms. */
  blackoutMs: number;
  limitMs: number;
};

const BODY = { model: "local/canvas", prompt: "a fox" };
const STEPS = [10, 30, 50, 70, 90];
/** Waits of the client are five times shorter. */
const HASTE = 5;
const hasty = {
  now: () => Date.now() * HASTE,
  after(ms: number, callback: () => void) {
    const timer = setTimeout(callback, ms / HASTE);
    return { cancel: () => clearTimeout(timer) };
  },
};
const passed = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

type Story = { progress: number[]; ends: string[] };

export function clientChaos({ seed, tasks, blackoutMs, limitMs }: ClientChaosOptions): void {
  describe("through a proxy that cuts, delays and repeats", () => {
    let server: HubServer;
    let proxy: ChaosProxy;
    beforeAll(async () => {
      server = await startHubServer();
      proxy = await startChaosProxy(server.url, { seed, cutOneOf: 15, delayMs: 20, repeatOneOf: 5 });
    });
    afterAll(async () => {
      await proxy.close();
      await server.close();
    });

    async function paint(call: ProviderCall, stepMs: number): Promise<void> {
      for (const percent of STEPS) {
        await passed(stepMs);
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
      const all = new Promise<void>((resolve, reject) => {
        for (const name of ["completed", "failed"] as const)
          client.on(name, ({ taskId, status }) => {
            story(taskId).ends.push(status);
            ended += 1;
            if (ended === count) resolve();
          });
        client.on("error", ({ type, error }) => reject(new Error(`${type}: ${error.message}`)));
        client.on("disconnected", ({ error }) => error && reject(error));
      });
      client.on("progress", ({ taskId, progress }) => story(taskId).progress.push(progress));
      await client.connect("image");
      await Promise.all([all, ...Array.from({ length: count }, () => client.generateImage(BODY))]);
      await client.disconnect();
    }

    test(
      "every task is made once and ends once, and its progress never goes down",
      async () => {
        const random = createSeededRandom(seed);
        server.provider.each((call) => void paint(call, 100 + random.below(200)));
        const options = { virtualKey: server.key, baseUrl: proxy.url, clock: hasty, maxRetries: 50 };
        const rest = new ConduitClient(options);
        const stories = new Map<string, Story>();
        const run = async () => {
          const progress: number[] = [];
          const { taskId } = await rest.run(BODY, { onProgress: (update) => progress.push(update.progress) });
          stories.set(taskId, { progress, ends: ["completed"] });
        };
        const night = async () => {
          if (blackoutMs === 0) return;
          await passed(1_000);
          proxy.blackout(true);
          await passed(blackoutMs);
          proxy.blackout(false);
        };
        await Promise.all([
          live(tasks.hub, { ...options, maxReconnectAttempts: 50 }, stories),
          live(tasks.streams, { ...options, transports: ["sse", "polling"] }, stories),
          ...Array.from({ length: tasks.run }, run),
          night(),
        ]);
        const count = tasks.hub + tasks.streams + tasks.run;
        expect(stories.size).toBe(count);
        for (const { progress, ends } of stories.values()) {
          expect(ends).toEqual(["completed"]);
          expect(progress).toEqual([...progress].sort((one, other) => one - other));
        }
        const made = new Set<string>();
        const direct = new ConduitClient({ virtualKey: server.key, baseUrl: server.url });
        for await (const { taskId } of await direct.tasks.list({ limit: 100 })) made.add(taskId);
        expect(made).toEqual(new Set(stories.keys()));
        expect(server.provider.calls).toHaveLength(count);
        for (const mischief of ["cuts", "repeatedEvents", "repeatedCreates"] as const)
          expect(proxy[mischief], mischief).toBeGreaterThan(0);
      },
      limitMs,
    );
  });
}
