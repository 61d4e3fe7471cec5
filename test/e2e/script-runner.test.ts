/** A script runner is ended, by its own pid, under the program that it started. */

import { join, resolve } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const RUN = [process.execPath, "run", "--cwd", REPOSITORY, "start"];
/** A second until the end is found, and a start before. */
const LIMIT_MS = 30_000;

let cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

/** Starts it, and kills what is left of it at the end. */
async function start(command: string[], env: Record<string, string> = {}) {
  const folder = await temporaryFolder();
  const wrapper = await ServerProcess.start({ dataDir: folder.path, command, env });
  const { pid }: { pid: number } = await Bun.file(join(folder.path, "owner.json")).json();
  expect(pid).not.toBe(wrapper.pid);
  cleanups.push(
    folder.remove,
    () => wrapper.kill(),
    () => endIfThere(pid),
  );
  return wrapper;
}

function endIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

describe("the program that a script runner started", { timeout: LIMIT_MS }, () => {
  test("stops gracefully when the runner is killed", async () => {
    const runner = await start(RUN);
    await runner.kill();
    await runner.printed(/"msg":"stopped"/);
    expect(runner.logLines.filter(({ level }) => level !== "info")).toEqual([
      expect.objectContaining({ level: "warn", msg: expect.stringMatching(/script runner .* is gone/) }),
    ]);
  });

  // `npx bun run start` starts a shell, and that one the runner; SIGTERM ends npx and the shell only.
  test.skipIf(process.platform !== "linux")(
    "stops gracefully when what started its runner is ended (needs /proc)",
    async () => {
      const shell = await start(["sh", "-c", `${RUN.join(" ")}; :`], { npm_lifecycle_event: "npx" });
      await shell.stop("SIGTERM");
      await shell.printed(/"msg":"stopped"/);
    },
  );
});
