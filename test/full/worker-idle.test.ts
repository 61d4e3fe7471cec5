/** Microsoft's client on Workers, idle for longer than a shard stays in memory and than either side waits for the other. */

import { expect, test } from "vitest";
import { buildClient, Calls, WIRES } from "../fixture/signalr-client.ts";
import { openWorkerWorld } from "../fixture/worker-world.ts";

/** The platform takes an idle object out of memory after 10 s; clients give up a silent server after 30 s. */
const IDLE_MS = 45_000;
/** A poll that hangs keeps its shard in memory, and with it everybody else's connection. */
const SLEEPY = WIRES.filter(([transport]) => transport !== "LongPolling");

test(
  "connections that nothing happens on stay, and are told the end of their task",
  async () => {
    const world = await openWorkerWorld();
    try {
      const id = await world.submit("image");
      const lost: string[] = [];
      const clients = [];
      for (const wire of SLEEPY) {
        const connection = buildClient(`${world.url}/hubs/image-generation`, { key: world.key, wire });
        const calls = new Calls(connection, "TaskProgress", "TaskCompleted");
        connection.onclose((error) => lost.push(`${wire.join(" ")}: ${error}`));
        await connection.start();
        await connection.invoke("SubscribeToTask", id);
        await calls.next("TaskProgress");
        clients.push({ connection, calls });
      }
      // The client pings by timers of its own: nothing but time shows what they do.
      await Bun.sleep(IDLE_MS);
      expect(lost).toEqual([]);
      await world.progress(id, 50);
      for (const { calls } of clients) await calls.until((_, [, percent]) => percent === 50);
      await world.complete(id);
      for (const { connection, calls } of clients) {
        await calls.next("TaskCompleted");
        expect(calls.targets).toEqual(["TaskProgress", "TaskProgress", "TaskCompleted"]);
        await connection.stop();
      }
    } finally {
      await world.close();
    }
  },
  IDLE_MS + 30_000,
);
