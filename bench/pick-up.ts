/**
 * The bad day: the server is killed with SIGKILL while it works on a task and started again. How long until somebody works
 * on that task once more, from the kill to its next sign of life, the restart included.
 */

import { type Aim, alternate, type Bench, type BenchContext, describeSummary } from "./harness/bench.ts";
import { Conduit } from "./harness/conduit.ts";
import { startPeer } from "./harness/peer.ts";
import { Redis } from "./harness/redis.ts";
import { quantile, round } from "./harness/statistics.ts";

/** Kills when `--kills` does not say; the aim speaks of 100. */
const DEFAULT_KILLS = 10;
const MAX_KILLS = 200;
/** Slow enough to be still at work when killed, quick enough to show life soon. */
const JOB = {
  model: "local/canvas",
  prompt: "a lighthouse in a storm",
  size: "256x256",
  provider_options: { steps: 50, step_ms: 100 },
};
const LIFE_TIMEOUT_MS = 15_000;
const ASK_EVERY_MS = 5;
const AIM_MS = 10_000;
/** Kills land anywhere in the work, not always behind its first step. */
const MOST_WORK_BEFORE_KILL_MS = 300;
/** Longer than BullMQ's lock and its stalled check, one after the other. */
const PEER_TIMEOUT_MS = 120_000;

type Round = { pickUpMs: number; readyMs: number };

export const pickUp: Bench = {
  name: "pick-up",
  summary: `kill -9 at work → the task is at work again [--kills=${DEFAULT_KILLS}] [--peer: BullMQ too, a minute]`,
  async run(context) {
    const kills = Math.min(MAX_KILLS, context.option("kills", DEFAULT_KILLS));
    const rounds = await alternate<Round>(
      { ...context, rounds: kills },
      [{ name: "conduit", run: () => killOnce(context.temporaryFolder()) }],
      ({ pickUpMs, readyMs }) => `picked up ${pickUpMs} ms after the kill (ready after ${readyMs} ms)`,
    );
    const peerMs = context.flag("peer") ? await killBullmq(context) : null;
    const times = (rounds.get("conduit") ?? []).map(({ pickUpMs }) => pickUpMs);
    const p99 = quantile(times, 0.99);
    const aim: Aim = {
      what: `pick-up after ${times.length} kills, p99`,
      aim: `≤ ${AIM_MS} ms`,
      measured: `${Math.round(p99)} ms`,
      met: p99 <= AIM_MS,
    };
    return {
      complaints: [],
      conditions: [
        "one task at work, SIGKILL at a random moment, the program is started again at once on the same data directory;",
        "measured from the kill until the task's `updated` moves, which is its first step under the new process.",
        "BullMQ: a worker with its defaults is killed and another is there at once; measured until the job's handler runs again.",
      ],
      tables: [
        {
          title: "kill → at work again, ms",
          columns: ["", "kills", "median (range)", "p99"],
          rows: [
            ["conduit", String(times.length), describeSummary(times), String(Math.round(p99))],
            ...(peerMs === null ? [] : [["bullmq", "1", String(Math.round(peerMs)), ""]]),
          ],
        },
      ],
      aims: [aim],
      raw: { conduit: rounds.get("conduit"), bullmqMs: peerMs },
    };
  },
};

async function killOnce(folder: string): Promise<Round> {
  const before = await Conduit.start({ folder });
  const taskId = await before.submit(JOB);
  await until("the task did not start", async () => (await before.read(taskId)).progress > 0);
  await Bun.sleep(Math.random() * MOST_WORK_BEFORE_KILL_MS);
  const killedAt = Date.now();
  const clock = performance.now();
  await before.child.kill();
  const after = await Conduit.start({ folder, port: before.port });
  const readyMs = performance.now() - clock;
  await until(
    "the task was not picked up",
    async () => Date.parse((await after.read(taskId)).updated) > killedAt,
  );
  const pickUpMs = performance.now() - clock;
  await after.child.kill();
  return { pickUpMs: round(pickUpMs, 1), readyMs: round(readyMs, 1) };
}

async function killBullmq(context: BenchContext): Promise<number> {
  const redis = await Redis.start(context.temporaryFolder());
  const argv = [`--redis=${redis.port}`];
  const first = await startPeer("pick-up-bullmq", "node", argv);
  await first.expect("ready");
  first.send({ type: "add" });
  await first.expect("working");
  const second = await startPeer("pick-up-bullmq", "node", argv);
  await second.expect("ready");
  const killedAt = performance.now();
  await first.kill();
  context.note("bullmq: the worker is killed, another waits for its job");
  await second.expect("working", PEER_TIMEOUT_MS);
  const pickUpMs = performance.now() - killedAt;
  await second.kill();
  await redis.end();
  return pickUpMs;
}

async function until(complaint: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIFE_TIMEOUT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${complaint} within ${LIFE_TIMEOUT_MS} ms`);
    await Bun.sleep(ASK_EVERY_MS);
  }
}
