/** What is told of a Redis server that gives no connection. */

import { createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { redisRefusal } from "../../src/runtime/bun/redis-refusal.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisServer } from "../fixture/redis-server.ts";

const LIMIT_MS = 5_000;
/** Nothing answers by then that never answers. */
const SHORT_LIMIT_MS = 50;
const PASSWORD = "p@ss:w/rd%é";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A server that is none of Redis: `meet` decides what becomes of a connection. */
async function impostor(meet: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    meet(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const { port } = address;
  return { host: "127.0.0.1", port, username: null, password: null, database: 0, tls: false };
}

describeWithRedis("a Redis server with a password", () => {
  test("says whether it is missing or wrong, and has nothing against the right one", async () => {
    const server = await RedisServer.start({ password: PASSWORD });
    cleanups.push(() => server.stop());
    const { connection } = server;
    const refusal = (change: object) => redisRefusal({ ...connection, ...change }, LIMIT_MS);
    expect(await refusal({ password: null })).toBe("NOAUTH Authentication required");
    expect(await refusal({ password: "wrong" })).toMatch(/^WRONGPASS /);
    expect(await refusal({ username: "nobody" })).toMatch(/^WRONGPASS /);
    expect(await refusal({})).toBeNull();
    expect(await refusal({ username: "default" })).toBeNull();
  });
});

test("a port where nobody listens is refused", async () => {
  const server = await impostor(() => {});
  await cleanups.pop()?.();
  expect(await redisRefusal(server, LIMIT_MS)).toBe(`connect ECONNREFUSED 127.0.0.1:${server.port}`);
});

test("a server that hangs up, and one that never answers, are told as such", async () => {
  const rude = await impostor((socket) => socket.end());
  expect(await redisRefusal(rude, LIMIT_MS)).toBe("the server closed the connection");
  const silent = await impostor(() => {});
  expect(await redisRefusal(silent, SHORT_LIMIT_MS)).toBe(`no answer came within ${SHORT_LIMIT_MS} ms`);
});
