/** Thumbnails of the started program. */

import { describe } from "vitest";
import { thumbnailContract } from "../contract/thumbnails.ts";
import { denoCommand, denoMissing } from "../fixture/deno/command.ts";
import { ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

async function open(command?: readonly string[]) {
  const folder = await temporaryFolder();
  const server = await ServerProcess.start({ dataDir: folder.path, ...(command && { command }) });
  return {
    server,
    async close() {
      await server.kill();
      await folder.remove();
    },
  };
}

thumbnailContract({ name: "a Bun process", open: () => open() });
describe.skipIf(denoMissing !== null)("under Deno", () => {
  thumbnailContract({ name: "a Deno process", open: () => open(denoCommand()) });
});
