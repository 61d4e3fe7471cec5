/** One contender of the follower benches: a server under test and a crowd of followers, each on its core. */

import { join } from "node:path";
import type { Crowd, Pace, Window } from "../load/followers.ts";
import { watchCore } from "./core-watch.ts";
import type { Payload } from "./hub-payload.ts";
import { machineNow } from "./offered-rate.ts";
import { startPeer } from "./peer.ts";
import { Child, LOAD_CORE, SERVER_CORE } from "./process.ts";
import { type LatencySummary, round } from "./statistics.ts";

export const FAN_OUT_SERVERS = [
  "bun publish",
  "conduit",
  "ws",
  "socket.io",
  "bare object",
  "bare object, unpacked",
  "hub shard",
] as const;
export type FanOutServer = (typeof FAN_OUT_SERVERS)[number];

/** How long after the last event was offered its deliveries may still trickle in. */
const DRAIN_TIMEOUT_MS = 8_000;
const DRAIN_QUIET_MS = 400;
/** Server and crowd are told beforehand when the first event is due. */
const LEAD_MS = 50;
const BYTES_PER_KIB = 1024;

export type Step = {
  eventsPerSecond: number;
  followers: number;
  offeredPerSecond: number;
  deliveredPerSecond: number;
  /** 1 = every follower got every event. */
  deliveredShare: number;
  gaps: number;
  closed: number;
  latency: LatencySummary;
  serverCpu: number;
  foreignCpu: number;
  loadCpu: number;
  serverRssKiB: number;
};

export class CrowdedServer {
  readonly server: Child;
  readonly #load: Child;
  #followers = 0;

  private constructor(server: Child, load: Child) {
    this.server = server;
    this.#load = load;
  }

  /** Starts the server, waits until it serves, and starts an empty crowd. What is sent decides what followers listen to. */
  static async start(
    name: FanOutServer,
    folder: string,
    payload: Payload = "event",
  ): Promise<CrowdedServer & { readonly ready: Crowd }> {
    const server = await startServer(name, folder, payload);
    const load = new Child({
      command: ["bun", join(import.meta.dir, "../load/followers.ts")],
      core: LOAD_CORE,
    });
    const [ready] = await Promise.all([
      server.expect<Crowd & { pid?: number }>("ready"),
      load.expect("ready"),
    ]);
    if (ready.pid !== undefined) server.watch(ready.pid);
    return Object.assign(new CrowdedServer(server, load), { ready: { ...ready, payload } });
  }

  /** Opens `count` followers that read and `stalled` ones that never do. */
  async connect(ready: Crowd, count: number, stalled = 0): Promise<void> {
    this.#load.send({ ...ready, type: "connect", count, stalled });
    await this.#load.expect("connected");
    this.#followers += count;
  }

  /** Ends every follower's connection. */
  async disconnect(): Promise<void> {
    this.#load.send({ type: "stop" });
    await this.#load.expect("stopped");
    this.#followers = 0;
  }

  /** Offers events at a fixed rate and measures what arrives. */
  async step(eventsPerSecond: number, seconds: number): Promise<Step> {
    const startsAt = machineNow() + LEAD_MS;
    await this.#window({ startsAt, perSecond: eventsPerSecond });
    const used = watchCore(this.server);
    this.server.send({ type: "offer", perSecond: eventsPerSecond, seconds, startsAt });
    const offered = await this.server.expect<{ emitted: number }>("offered");
    const { serverCpu, foreignCpu } = used();
    const serverRssKiB = this.server.residentBytes() / BYTES_PER_KIB;

    const window = await this.#drained(offered.emitted * this.#followers);
    const expected = offered.emitted * this.#followers;
    return {
      eventsPerSecond,
      followers: this.#followers,
      offeredPerSecond: eventsPerSecond * this.#followers,
      deliveredPerSecond: Math.round(window.delivered / Math.max(seconds, (window.lastAt - startsAt) / 1000)),
      deliveredShare: round(window.delivered / expected, 4),
      gaps: window.gaps,
      closed: window.closed,
      latency: window.latency,
      serverCpu,
      foreignCpu,
      loadCpu: window.loadCpu,
      serverRssKiB: Math.round(serverRssKiB),
    };
  }

  async end(): Promise<void> {
    await this.#load.end();
    await this.server.end();
  }

  async #window(pace: Partial<Pace> = {}): Promise<Window> {
    this.#load.send({ type: "window", ...pace });
    return this.#load.expect<Window>("window");
  }

  /** Sums windows until everything came or nothing more comes. The busiest window tells how full the load's core was. */
  async #drained(expected: number): Promise<Window> {
    const deadline = performance.now() + DRAIN_TIMEOUT_MS;
    const first = await this.#window();
    let { delivered, gaps, lastAt } = first;
    let slowest = first.latency;
    while (delivered < expected && performance.now() < deadline) {
      await Bun.sleep(DRAIN_QUIET_MS);
      const next = await this.#window();
      if (next.delivered === 0) break;
      delivered += next.delivered;
      gaps += next.gaps;
      lastAt = next.lastAt;
      if (next.latency.p99Ms > slowest.p99Ms) slowest = next.latency;
    }
    return { ...first, delivered, gaps, lastAt, latency: slowest };
  }
}

async function startServer(name: FanOutServer, folder: string, payload: Payload): Promise<Child> {
  const kind = `--payload=${payload}`;
  const ours = (file: string, argv: string[] = []) =>
    new Child({
      command: ["bun", join(import.meta.dir, "../servers", file), kind, ...argv],
      core: SERVER_CORE,
    });
  switch (name) {
    case "bun publish":
      return ours("fan-out-bun.ts");
    case "conduit":
      return ours("fan-out-conduit.ts", [`--folder=${folder}`]);
    case "bare object":
      return ours("worker.ts", ["--entry=bare", `--folder=${folder}`]);
    case "bare object, unpacked":
      return ours("worker.ts", ["--entry=bare", "--packed=0", `--folder=${folder}`]);
    case "hub shard":
      return ours("worker.ts", ["--entry=conduit", `--folder=${folder}`]);
    case "ws":
      return startPeer("fan-out-ws", "node", [kind]);
    case "socket.io":
      return startPeer("fan-out-socket-io", "node", [kind]);
  }
}
