/** Starts peers under Node: their TypeScript is translated first, their packages come from `bench/node_modules`. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { Child, SERVER_CORE } from "./process.ts";

const BENCH = join(import.meta.dir, "..");
const PACKAGES = join(BENCH, "node_modules");
/** Beside the packages, so that Node finds them from the translated file. */
const TRANSLATED = join(PACKAGES, ".conduit-bench");

/** Refuses with the command to run when the peers are not installed. */
export function requirePeers(): void {
  if (!existsSync(join(PACKAGES, "bullmq")))
    throw new Error("the peers are not installed: run `bun install` in bench/");
}

/** A peer pinned to the server's core. */
export async function startPeer(name: string, runtime: "node" | "bun", argv: string[] = []): Promise<Child> {
  requirePeers();
  const source = join(BENCH, "peers", `${name}.ts`);
  if (runtime === "bun") return new Child({ command: ["bun", source, ...argv], core: SERVER_CORE });
  const built = await Bun.build({
    entrypoints: [source],
    outdir: TRANSLATED,
    target: "node",
    packages: "external",
    naming: "[name].mjs",
  });
  if (!built.success) throw new AggregateError(built.logs, `could not translate ${source}`);
  return new Child({
    command: ["node", join(TRANSLATED, `${name}.mjs`), ...argv],
    core: SERVER_CORE,
    env: { NODE_ENV: "production" },
  });
}
