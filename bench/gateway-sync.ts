/**
 * The synchronous route of pictures over a provider that answers at once, later, or much: with a key, a reservation, usage,
 * a durable task and the result stored, against the provider itself, a forwarder that does none of it, and a peer.
 */

import { join } from "node:path";
import { type GatewayRound, type Load, reportGateways } from "./gateway-sync-report.ts";
import { alternate, type Bench, type BenchContext, type Contender } from "./harness/bench.ts";
import { watchCore } from "./harness/core-watch.ts";
import {
  installPortkey,
  type StartedGateway,
  startConduit,
  startDirect,
  startForwarder,
  startPortkey,
} from "./harness/gateway-contenders.ts";
import { Child, LOAD_CORE } from "./harness/process.ts";
import { round } from "./harness/statistics.ts";
import type { HttpLoadResult, HttpLoadRun } from "./load/http.ts";

const PATH = "/v1/images/generations";
const BODY = JSON.stringify({
  model: "gpt-image-2",
  prompt: "A red fox in the snow at dusk, long shadows between birches, soft light, seen from a low angle",
  size: "1024x1024",
  quality: "medium",
});
const SMALL_BYTES = 2_000;
const LARGE_BYTES = 1_500_000;
/** In this order: what leaves memory behind comes last. */
const LOADS: Record<Load, { connections: number; bytes: number; delayMs: number }> = {
  one: { connections: 1, bytes: SMALL_BYTES, delayMs: 0 },
  many: { connections: 64, bytes: SMALL_BYTES, delayMs: 0 },
  slow: { connections: 400, bytes: SMALL_BYTES, delayMs: 60 },
  large: { connections: 64, bytes: LARGE_BYTES, delayMs: 0 },
};
const SECONDS = 4;
const WARM_UP_SECONDS = 2;
const MEMORY_EVERY_MS = 100;
/** Between two loads: what was in flight at the end of one is over by then. */
const SETTLE_MS = 1_000;
const BYTES_PER_MIB = 2 ** 20;

export const gatewaySync: Bench = {
  name: "gateway-sync",
  summary: "POST /v1/images/generations over a provider, against it, a forwarder and (--peers) Portkey",
  async run(context) {
    const contenders: Contender<GatewayRound>[] = [
      { name: "direct", run: () => measure(context, startDirect()) },
      { name: "forwarder", run: () => measure(context, startForwarder()) },
      { name: "conduit", run: () => measure(context, startConduit(context.temporaryFolder(), true)) },
      {
        name: "conduit, no fsync",
        run: () => measure(context, startConduit(context.temporaryFolder(), false)),
      },
      ...(context.flag("peers") ? await peers(context) : []),
    ];
    const results = await alternate(
      context,
      contenders,
      ({ one, many, slow, large }) =>
        `1: p50 ${one.latency.p50Ms} ms; 64: ${many.perSecond}/s, p99 ${many.latency.p99Ms} ms, ${many.residentMiB} MiB; ` +
        `slow: ${slow.perSecond}/s; large: ${large.perSecond}/s, ${large.residentMiB} MiB`,
    );
    return reportGateways(results, {
      seconds: context.option("seconds", SECONDS),
      warmUpSeconds: WARM_UP_SECONDS,
      path: PATH,
    });
  },
};

async function peers(context: BenchContext): Promise<Contender<GatewayRound>[]> {
  const folder = context.temporaryFolder();
  const program = await installPortkey(folder);
  return (["node", "bun"] as const).map((runtime) => ({
    name: `portkey on ${runtime}`,
    run: () => measure(context, startPortkey(program, runtime, folder)),
  }));
}

async function measure(context: BenchContext, starting: Promise<StartedGateway>): Promise<GatewayRound> {
  const gateway = await starting;
  const seconds = context.option("seconds", SECONDS);
  const results: Partial<GatewayRound> = {};
  for (const load of Object.keys(LOADS) as Load[]) results[load] = await measureLoad(gateway, load, seconds);
  await gateway.end();
  return results as GatewayRound;
}

async function measureLoad(
  { server, upstream, port, headers }: StartedGateway,
  load: Load,
  seconds: number,
): Promise<GatewayRound[Load]> {
  const { connections, bytes, delayMs } = LOADS[load];
  upstream.send({ type: "serve", bytes, delayMs });
  await upstream.expect("serving");
  const child = new Child({ command: ["bun", join(import.meta.dir, "load/http.ts")], core: LOAD_CORE });
  await child.expect("ready");
  const run: HttpLoadRun = {
    port,
    connections,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds,
    request: { method: "POST", path: PATH, headers, body: BODY },
    leastBytes: bytes,
  };
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, server.residentBytes());
  }, MEMORY_EVERY_MS);
  const used = watchCore(server);
  child.send({ type: "run", ...run });
  const result = await child.expect<HttpLoadResult>("result");
  const use = used();
  clearInterval(watch);
  await child.end();
  await Bun.sleep(SETTLE_MS);
  if (result.errors > 0)
    throw new Error(`${load}: ${result.errors} requests failed, the first: ${result.firstError}`);
  return { ...result, ...use, residentMiB: round(most / BYTES_PER_MIB, 0) };
}
