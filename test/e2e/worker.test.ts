/**
 * The promises of the HTTP API, the event streams and the hubs, kept by the Worker in a real workerd, with nothing but
 * its own Durable Objects.
 */

import { eventStreamContract } from "../contract/event-streams.ts";
import { filmContract } from "../contract/films.ts";
import { httpApiContract } from "../contract/http-api.ts";
import { hubContract } from "../contract/hub.ts";
import { hubLongTaskContract, SHORT_TIMES } from "../contract/hub-long-task.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY } from "../fixture/server-process.ts";
import { WorkerProcess } from "../fixture/worker-process.ts";
import { openWorkerWorld, ROOMY } from "../fixture/worker-world.ts";

const NAME = "the Worker with Durable Objects";

httpApiContract({
  name: NAME,
  async open() {
    const worker = await WorkerProcess.start({ env: ROOMY });
    return {
      fetch: (path, init) => fetch(`${worker.url}${path}`, init),
      key: BOOTSTRAP_KEY,
      adminKey: ADMIN_KEY,
      close: () => worker.stop(),
    };
  },
});
filmContract({
  name: NAME,
  async open() {
    const worker = await WorkerProcess.start({ env: ROOMY });
    return { url: worker.url, key: BOOTSTRAP_KEY, close: () => worker.stop() };
  },
});
eventStreamContract({ name: NAME, open: () => openWorkerWorld() });
hubContract({ name: NAME, open: () => openWorkerWorld() });
hubLongTaskContract({ name: NAME, times: SHORT_TIMES, open: (env) => openWorkerWorld(() => env) });
