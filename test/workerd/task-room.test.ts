/** Rooms as Durable Objects, followed through the Worker: what clients see on their sockets and streams. */

import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EdgeWorld } from "../fixture/edge-world.ts";

let world: EdgeWorld;

beforeEach(async () => {
  world = new EdgeWorld();
  await world.open();
});
afterEach(() => reset());

describe("a task followed over a WebSocket", () => {
  test("is told from the queue to its end, and the socket is closed then", async () => {
    const id = await world.create();
    const socket = await world.connect(`/v1/tasks/${id}/events`);
    await world.commit(id, "started");
    await world.commit(id, "progress", 40);
    await world.commit(id, "completed");
    expect(await socket.closed()).toBe(1000);
    expect(socket.types).toEqual(["snapshot", "started", "progress", "completed"]);
  });
});
