/**
 * The promises of the HTTP API, the event streams and the hubs, kept by the Worker in a real workerd with its state on
 * Upstash and its work rung for by QStash: both as the real clients see them.
 */

import { systemClock } from "../../src/tasks/ports/clock.ts";
import { eventStreamContract } from "../contract/event-streams.ts";
import { httpApiContract } from "../contract/http-api.ts";
import { hubContract } from "../contract/hub.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { startQStash } from "../fixture/qstash/server.ts";
import { RedisServer } from "../fixture/redis-server.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY } from "../fixture/server-process.ts";
import { UpstashFront } from "../fixture/upstash-front.ts";
import { WorkerProcess } from "../fixture/worker-process.ts";
import { openWorkerWorld, ROOMY } from "../fixture/worker-world.ts";

const NAME = "the Worker with Upstash and QStash";

describeWithRedis(NAME, () => {
  httpApiContract({
    name: NAME,
    async open() {
      const services = await openServices();
      const worker = await WorkerProcess.start({ env: (url) => ({ ...ROOMY, ...services.variables(url) }) });
      return {
        fetch: (path, init) => fetch(`${worker.url}${path}`, init),
        key: BOOTSTRAP_KEY,
        adminKey: ADMIN_KEY,
        async close() {
          await worker.stop();
          await services.stop();
        },
      };
    },
  });
  eventStreamContract({ name: NAME, open: openWorld });
  hubContract({ name: NAME, open: openWorld });
});

async function openWorld() {
  const services = await openServices();
  const world = await openWorkerWorld(services.variables);
  return {
    ...world,
    async close() {
      await world.close();
      await services.stop();
    },
  };
}

/** What Upstash runs for a deployment. */
async function openServices() {
  const server = await RedisServer.start();
  const front = await UpstashFront.start(server.connection);
  const qstash = startQStash({
    token: "token-of-the-tests",
    keys: { current: "sig_current_of_the_tests", next: "sig_next_of_the_tests" },
    clock: systemClock,
  });
  return {
    variables: (url: string) => ({
      ...qstash.variables(url),
      UPSTASH_REDIS_REST_URL: front.url,
      UPSTASH_REDIS_REST_TOKEN: front.token,
    }),
    async stop() {
      await qstash.stop();
      await front.stop();
      await server.stop();
    },
  };
}
