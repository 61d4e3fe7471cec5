/**
 * The bad day: the server is killed with SIGKILL while it works on a task and started again. How long until somebody works
 * on that task once more, from the kill to its next sign of life, the restart included.
 */

import { alternate, type Bench, describeSummary } from "./harness/bench.ts";
import { Conduit } from "./harness/conduit.ts";
import { quantile, round } from "./harness/statistics.ts";

/** Kills when `--kills` does not say; the aim speaks of 100. */
const DEFAULT_KILLS = 10;
const MAX_KILLS = 200;
/** Slow enough to be still at work when killed, quick enough to show life soon. */
const JOB = {
  model: "local/canvas",
  prompt: "a lighthouse in a storm",
  size: "256x256",
  provider_options: { steps: 100, step_ms: 100 },
};
const LIFE_TIMEOUT_MS = 15_000;
const ASK_EVERY_MS = 5;
const AIM_MS = 10_000;
/** Kills land anywhere in the work, not always behind its first step. */
const MOST_WORK_BEFORE_KILL_MS = 300;

type Round = { pickUpMs: number; readyMs: number };

export const pickUp: Bench = {
  name: "pick-up",
  summary: `kill -9 at work → the task is at work again [--kills=${DEFAULT_KILLS}]`,
  async run(context) {
    const kills = Math.min(MAX_KILLS, context.option("kills", DEFAULT_KILLS));
    const rounds = await alternate<Round>(
      { ...context, rounds: kills },
      [{ name: "conduit", run: () => killOnce(context.temporaryFolder()) }],
      ({ pickUpMs, readyMs }) => `picked up ${pickUpMs} ms after the kill (ready after ${readyMs} ms)`,
    );
    const times = (rounds.get("conduit") ?? []).map(({ pickUpMs }) => pickUpMs);
    const p99 = quantile(times, 0.99);
    return {
      complaints: [],
      conditions: [
        "one task at work, SIGKILL at a random moment, the program is started again at once on the same data directory;",
        "measured from the kill until the task's `updated` moves, which is its first step under the new process.",
      ],
      tables: [
        {
          title: `${times.length} kills, ms`,
          columns: ["", "median (range)", "p99"],
          rows: [["kill → at work again", describeSummary(times), String(Math.round(p99))]],
        },
      ],
      aims: [
        {
          what: "pick-up, p99",
          aim: `≤ ${AIM_MS} ms`,
          measured: `${Math.round(p99)} ms`,
          met: p99 <= AIM_MS,
        },
      ],
      raw: Object.fromEntries(rounds),
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

async function until(complaint: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIFE_TIMEOUT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${complaint} within ${LIFE_TIMEOUT_MS} ms`);
    await Bun.sleep(ASK_EVERY_MS);
  }
}
