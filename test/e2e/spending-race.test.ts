/** The limits of a key over HTTP, raced for at started gateways on every store. */

import { SPENDING_ENV, type SpendingGateways, spendingRaceContract } from "../contract/spending-race.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { Instances, openRedis, openUpstash, type SharedStore, STEERED } from "../fixture/instances.ts";
import { ProviderControl } from "../fixture/provider-control.ts";
import { CONTROL_VARIABLE } from "../fixture/remote-provider.ts";
import { ADMIN_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { WorkerProcess } from "../fixture/worker-process.ts";

spendingRaceContract({ name: "one process on SQLite", open: openEmbedded });

describeWithRedis("limits on Redis", () => {
  spendingRaceContract({
    name: "two processes on Redis over TCP",
    open: async () => openProcesses(await openRedis()),
  });
  spendingRaceContract({
    name: "two processes on Upstash's REST interface",
    open: async () => openProcesses(await openUpstash()),
  });
});

spendingRaceContract({ name: "the Worker with its Durable Object", open: openWorker });

async function openEmbedded(): Promise<SpendingGateways> {
  const control = new ProviderControl();
  const folder = await temporaryFolder();
  const server = await ServerProcess.start({
    dataDir: folder.path,
    env: { ...SPENDING_ENV, [CONTROL_VARIABLE]: control.url },
    command: STEERED,
  });
  return {
    urls: [server.url],
    adminKey: ADMIN_KEY,
    control,
    async close() {
      await server.kill();
      await folder.remove();
      await control.stop();
    },
  };
}

async function openProcesses(store: SharedStore): Promise<SpendingGateways> {
  const control = new ProviderControl();
  const instances = await Instances.start(store, {
    env: { ...SPENDING_ENV, [CONTROL_VARIABLE]: control.url },
    command: STEERED,
  });
  return {
    urls: instances.all.map(({ url }) => url),
    adminKey: ADMIN_KEY,
    control,
    async close() {
      await instances.close();
      await control.stop();
    },
  };
}

async function openWorker(): Promise<SpendingGateways> {
  const control = new ProviderControl();
  const worker = await WorkerProcess.start({ env: { ...SPENDING_ENV, [CONTROL_VARIABLE]: control.url } });
  return {
    urls: [worker.url],
    adminKey: ADMIN_KEY,
    control,
    async close() {
      await worker.stop();
      await control.stop();
    },
  };
}
