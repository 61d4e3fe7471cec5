/** Starts Conduit as its users do: the program, its settings from the environment, a data directory of its own. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Child, SERVER_CORE } from "./process.ts";
import { freePort } from "./redis.ts";

const PROGRAM = join(import.meta.dir, "../../src/runtime/bun/main.ts");
const READY_TIMEOUT_MS = 15_000;
/** How often readiness is asked for; also the resolution of every start-up figure. */
const ASK_EVERY_MS = 1;

/** Made up for the measurement; the server of each run is gone after it. */
export const KEY = `condt_${"Bench0Key1".repeat(4)}abc`;
export const ADMIN_KEY = `admin-${"Bench0Key1".repeat(3)}`;
export const AUTHORIZED = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };

export type ConduitOptions = {
  /** Holds the data directory and the log. */
  folder: string;
  /** More settings, in their environment spelling. */
  settings?: Record<string, string>;
  port?: number;
};

export class Conduit {
  readonly child: Child;
  readonly port: number;
  /** From the start of the process to the first 200 of `/health/ready`. */
  readonly readyAfterMs: number;

  private constructor(child: Child, port: number, readyAfterMs: number) {
    this.child = child;
    this.port = port;
    this.readyAfterMs = readyAfterMs;
  }

  /** Resolves once `/health/ready` answers 200; rejects with what the program printed when it does not. */
  static async start({ folder, settings = {}, port = freePort() }: ConduitOptions): Promise<Conduit> {
    const log = join(folder, "output.log");
    const startedAt = performance.now();
    const child = new Child({
      command: ["bun", PROGRAM],
      core: SERVER_CORE,
      cwd: folder,
      outputTo: log,
      env: {
        HOST: "127.0.0.1",
        PORT: String(port),
        CONDUIT_DATA_DIR: join(folder, "data"),
        CONDUIT_BOOTSTRAP_KEY: KEY,
        CONDUIT_ADMIN_KEY: ADMIN_KEY,
        ...settings,
      },
    });
    const deadline = startedAt + READY_TIMEOUT_MS;
    while (!(await isReady(port))) {
      if (child.ended || performance.now() > deadline) {
        await child.end();
        throw new Error(
          `conduit did not become ready within ${READY_TIMEOUT_MS} ms\n${readLog(log)}\n${child.stderr}`,
        );
      }
      await Bun.sleep(ASK_EVERY_MS);
    }
    return new Conduit(child, port, performance.now() - startedAt);
  }

  /** Posts a generation; answers its task id. */
  async submit(body: Record<string, unknown>): Promise<string> {
    const answer = await fetch(this.url("/v1/images/generations/async"), {
      method: "POST",
      headers: AUTHORIZED,
      body: JSON.stringify(body),
    });
    if (answer.status !== 200)
      throw new Error(`submit: expected 200, got ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { taskId: string }).taskId;
  }

  /** The task as a client reads it. */
  async read(taskId: string): Promise<ReadTask> {
    const answer = await fetch(this.url(`/v1/tasks/${taskId}`), { headers: AUTHORIZED });
    if (answer.status !== 200)
      throw new Error(`read: expected 200, got ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as ReadTask;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }
}

export type ReadTask = {
  status: string;
  progress: number;
  updated: string;
  message: string | null;
  attempt: number;
};

async function isReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}

function readLog(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8").slice(-4000) : "";
}
