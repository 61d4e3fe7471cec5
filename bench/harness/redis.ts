/** A Redis of one measurement: its own folder, loopback only, every write synced before it is answered. */

import { hasProgram } from "./machine.ts";
import { LOAD_CORE, pinned } from "./process.ts";

const START_TIMEOUT_MS = 5_000;
const ASK_EVERY_MS = 20;

const living = new Set<Redis>();

export class Redis {
  readonly port: number;
  readonly #process: Bun.Subprocess;

  private constructor(port: number, child: Bun.Subprocess) {
    this.port = port;
    this.#process = child;
    living.add(this);
  }

  /**
   * The log is never rewritten, which by default begins at 64 MB: whether a round comes to that depends on its length alone.
   * Runs on the load's core, so the queue under test has a core of its own and its database another.
   */
  static async start(folder: string): Promise<Redis> {
    if (!hasProgram("redis-server"))
      throw new Error(
        "redis-server is missing (Debian: apt-get install --no-install-recommends redis-server)",
      );
    const port = freePort();
    const child = Bun.spawn(
      // biome-ignore format: one option and its value per pair
      pinned(LOAD_CORE, ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--dir", folder,
        "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0",
        "--loglevel", "warning"]),
      { stdout: "ignore", stderr: "inherit" },
    );
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await accepts(port))) {
      if (performance.now() > deadline)
        throw new Error(`redis-server did not listen within ${START_TIMEOUT_MS} ms`);
      await Bun.sleep(ASK_EVERY_MS);
    }
    return new Redis(port, child);
  }

  async end(): Promise<void> {
    living.delete(this);
    this.#process.kill("SIGTERM");
    await this.#process.exited;
  }
}

/** Ends what an error or Ctrl-C left behind. */
export async function endRedis(): Promise<void> {
  await Promise.all([...living].map((redis) => redis.end()));
}

/** A port that was free a moment ago, for programs that cannot take port 0. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
