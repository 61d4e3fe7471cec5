/**
 * A Worker of the benches in a bare workerd, on this process's core: `--entry=conduit` is the deployed one, `--entry=bare`
 * the least that could do. Says `ready` with workerd's own pid, whose CPU and memory are the server's.
 */

import { join } from "node:path";
import { buildWorker, type WorkerModule } from "../../test/fixture/worker-build.ts";
import { freePort, startWorkerd } from "../../test/fixture/workerd.ts";
import { hear, say, textArgument } from "../harness/child.ts";
import { ADMIN_KEY, AUTHORIZED, KEY } from "../harness/conduit.ts";

const BARE_OBJECTS = { LEDGER: "Ledger", GROUPED_LEDGER: "GroupedLedger", ROOM: "Room", CROWD: "Crowd" };

const entry = textArgument("entry");
const packed = textArgument("packed", "1") === "1";
const folder = textArgument("folder");
const product = await buildWorker("bench/worker/conduit.ts");
const build = entry === "bare" ? { ...product, modules: [await buildBare(folder)] } : product;
const port = freePort();
const workerd = await startWorkerd({
  build,
  folder,
  port,
  variables: {
    CONDUIT_BOOTSTRAP_KEY: KEY,
    CONDUIT_ADMIN_KEY: ADMIN_KEY,
    CONDUITLLM__LOGGING__LEVEL: "warn",
    CONDUITLLM__HUBS__MAXCONNECTIONSPERKEY: "20000",
    CONDUITLLM__EVENTS__MAXCONNECTIONSPERKEY: "20000",
    CONDUITLLM__QUEUE__MAXQUEUEDPERKEY: "10000000",
    CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "1",
  },
  objects: entry === "bare" ? BARE_OBJECTS : { ...build.objects, OFFERER: "Offerer" },
  // However this process ends, the kernel takes workerd along.
  launcher: ["setpriv", "--pdeathsig", "KILL"],
  onOutput: (text) => process.stderr.write(text),
});
process.on("exit", () => workerd.kill("SIGKILL"));

hear(async (command) => {
  if (command.type !== "offer") return;
  const { emitted } = await post<{ emitted: number }>("offer", { ...command, packed });
  say("offered", { emitted });
});
const taskId =
  entry === "bare"
    ? "019aa7b5-9c00-7000-8000-000000000000"
    : (await post<{ taskId: string }>("prepare", {})).taskId;
say("ready", {
  port,
  pid: workerd.pid,
  headers: { authorization: AUTHORIZED.authorization },
  taskId,
  path: "/hubs/image-generation",
  protocol: "hub",
});

async function post<T>(path: string, body: unknown): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${port}/bench/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** Bundled without wrangler, which wants the product's classes. */
async function buildBare(outdir: string): Promise<WorkerModule> {
  const entrypoint = join(import.meta.dir, "../worker/bare.ts");
  const built = await Bun.build({ entrypoints: [entrypoint], outdir, external: ["cloudflare:workers"] });
  if (!built.success) throw new AggregateError(built.logs, "the bare Worker could not be built");
  return { name: "bare.js", kind: "esModule", path: join(outdir, "bare.js") };
}
