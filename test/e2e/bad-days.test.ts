import { afterEach, describe, expect, test } from "vitest";
import { badDaysContract } from "../contract/bad-days.ts";
import { MAIN, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

badDaysContract({ name: "under Bun" });

/** A start takes half a second, several times that on a busy machine. */
const LIMIT_MS = 20_000;

// Deno does not get that far: the kernel ends it at its first write.
describe.skipIf(Bun.which("prlimit") === null)(
  "a start on a disk that takes nothing (needs prlimit of util-linux)",
  { timeout: LIMIT_MS },
  () => {
    let folder: { path: string; remove(): Promise<void> } | null = null;
    afterEach(() => folder?.remove());

    test.each(["killed", "stopped"])("ends with a sentence and no stack after one was %s", async (how) => {
      folder = await temporaryFolder();
      const before = await ServerProcess.start({ dataDir: folder.path });
      await (how === "killed" ? before.kill() : before.stop());
      const { code, output } = await ServerProcess.startInVain({
        dataDir: folder.path,
        command: ["prlimit", "--fsize=0:unlimited", process.execPath, MAIN],
      });
      expect({ code, output }).toEqual({
        code: 1,
        // Not the lock, which takes no room: the database, whose shared memory cannot be made or not be given its size.
        output: expect.stringMatching(/^The .* conduit\.db .* CONDUIT_DATA_DIR/m),
      });
      expect(output).not.toMatch(/^\s+at /m);
    });
  },
);
