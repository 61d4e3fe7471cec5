/** What stands between a caller and a provider of pictures in `gateway-sync`: nothing, a forwarder, Conduit, or a peer. */

import { join } from "node:path";
import { ADMIN_KEY, Conduit } from "./conduit.ts";
import { Child, LOAD_CORE, SERVER_CORE } from "./process.ts";
import { freePort } from "./redis.ts";

const SERVERS = join(import.meta.dir, "../servers");
const PEER = "@portkey-ai/gateway";
const PEER_VERSION = "1.15.2";
const PEER_START_MS = 15_000;
const ASK_EVERY_MS = 20;
/** Bun opens 256 outbound connections at once unless it is told otherwise. */
const OUTBOUND = { BUN_CONFIG_MAX_HTTP_REQUESTS: "1024" };
const PROVIDER_KEY = "sk-bench-0123456789abcdef";
const BUDGET_USD = 1_000_000;

/** A server under test with the provider behind it. */
export type StartedGateway = {
  /** The process that is measured. */
  server: Child;
  upstream: Child;
  port: number;
  /** What a caller sends besides the body. */
  headers: Record<string, string>;
  end(): Promise<void>;
};

/** The provider itself has the server's core. */
export async function startDirect(): Promise<StartedGateway> {
  const { child, port } = await startUpstream(SERVER_CORE);
  return { server: child, upstream: child, port, headers: headersWith(PROVIDER_KEY), end: () => child.end() };
}

export async function startForwarder(): Promise<StartedGateway> {
  const upstream = await startUpstream(LOAD_CORE);
  const server = new Child({
    command: ["bun", join(SERVERS, "forwarder.ts"), `--upstream=${upstream.origin}`],
    core: SERVER_CORE,
    env: OUTBOUND,
  });
  const { port } = await server.expect<{ port: number }>("ready");
  return started(server, upstream.child, port, headersWith(PROVIDER_KEY));
}

/** The program with a durable store, a priced model and a key that has a budget. */
export async function startConduit(folder: string, fsync: boolean): Promise<StartedGateway> {
  const upstream = await startUpstream(LOAD_CORE);
  const conduit = await Conduit.start({
    folder,
    settings: {
      ...OUTBOUND,
      OPENAI_API_KEY: PROVIDER_KEY,
      CONDUITLLM__PROVIDERS__OPENAI__BASEURL: `${upstream.origin}/v1`,
      CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "400",
      CONDUITLLM__MEDIA__FSYNC: String(fsync),
    },
  });
  const answer = await fetch(conduit.url("/admin/v1/keys"), {
    method: "POST",
    headers: headersWith(ADMIN_KEY),
    body: JSON.stringify({ name: "bench", budgets: [{ limit: BUDGET_USD, period: "total" }] }),
  });
  if (!answer.ok) throw new Error(`no key was made: ${answer.status} ${await answer.text()}`);
  const { key } = (await answer.json()) as { key: string };
  return started(conduit.child, upstream.child, conduit.port, headersWith(key));
}

/** Installs the peer into a folder; it is no package of ours. */
export async function installPortkey(folder: string): Promise<string> {
  await Bun.write(join(folder, "package.json"), "{}");
  const child = Bun.spawn(["bun", "add", "--exact", `${PEER}@${PEER_VERSION}`], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const printed = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${PEER} cannot be installed: ${printed.slice(-500)}`);
  return join(folder, "node_modules", PEER, "build/start-server.js");
}

/** Portkey's gateway with a provider of pictures behind it. */
export async function startPortkey(
  program: string,
  runtime: "node" | "bun",
  folder: string,
): Promise<StartedGateway> {
  const upstream = await startUpstream(LOAD_CORE);
  const { server, port } = await portkey(program, runtime, folder, OUTBOUND);
  return started(server, upstream.child, port, {
    ...headersWith(PROVIDER_KEY),
    "x-portkey-provider": "openai",
    "x-portkey-custom-host": `${upstream.origin}/v1`,
  });
}

/** Portkey's gateway: it stores nothing, and knows no keys of its own in this form. */
export async function portkey(
  program: string,
  runtime: "node" | "bun",
  folder: string,
  env: Record<string, string>,
): Promise<{ server: Child; port: number }> {
  const port = freePort();
  const server = new Child({
    command: [runtime, program, `--port=${port}`, "--headless"],
    core: SERVER_CORE,
    cwd: folder,
    outputTo: join(folder, `${runtime}.log`),
    env: { ...env, NODE_ENV: "production", TRUSTED_CUSTOM_HOSTS: "127.0.0.1,localhost" },
  });
  await awaitAnswer(server, port, `${PEER} on ${runtime}`, PEER_START_MS);
  return { server, port };
}

/** Waits until a peer answers HTTP on its port; throws when it ends before, or needs longer than `withinMs`. */
export async function awaitAnswer(
  server: Child,
  port: number,
  peer: string,
  withinMs: number,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await answers(port))) {
    if (server.ended || performance.now() > deadline) throw new Error(`${peer} did not start`);
    await Bun.sleep(ASK_EVERY_MS);
  }
}

function started(
  server: Child,
  upstream: Child,
  port: number,
  headers: Record<string, string>,
): StartedGateway {
  const end = async () => {
    await server.kill();
    await upstream.end();
  };
  return { server, upstream, port, headers, end };
}

async function startUpstream(core: number): Promise<{ child: Child; port: number; origin: string }> {
  const child = new Child({ command: ["bun", join(SERVERS, "image-upstream.ts")], core });
  const { port } = await child.expect<{ port: number }>("ready");
  return { child, port, origin: `http://127.0.0.1:${port}` };
}

function headersWith(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}`, "content-type": "application/json" };
}

async function answers(port: number): Promise<boolean> {
  try {
    await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
