/**
 * `bun run dev:worker`: the Worker on this machine, by `wrangler dev` under the Node that comes with the dependencies
 * (wrangler needs 22, and drops connections under Bun's own runtime). Works in the folder it is started in, which
 * `bun run` makes the project's; arguments go to wrangler.
 */

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import manifest from "../../../../package.json" with { type: "json" };
import { banner } from "../../process/banner.ts";
import { LocalCron } from "./local-cron.ts";
import { ensureVariablesFile } from "./variables-file.ts";

const FOLDER = process.cwd();
const VARIABLES_FILE = join(FOLDER, ".dev.vars");
/** wrangler's default folder for Durable Objects and buckets. */
const STATE_FOLDER = join(FOLDER, ".wrangler/state");
/** The model the banner's curl line names: it needs no key and no network. */
const EXAMPLE_MODEL = "local/canvas";
/** Polling often costs nothing here, and continues the tasks of a stopped run soon after the next start. */
const LEASES = ["CONDUITLLM__ENGINE__LEASEMS:9000", "CONDUITLLM__ENGINE__RENEWMS:3000"];
/** What wrangler prints once the Worker answers. */
const READY = /Ready on https?:\/\/(\[[^\]]+\]|[^\s:/]+):(\d+)/;

const dependency = createRequire(import.meta.url).resolve;
const wrangler = join(dirname(dependency("wrangler/package.json")), "wrangler-dist/cli.js");
const node = dependency("node/bin/node");
const keys = ensureVariablesFile(VARIABLES_FILE);
const cron = new LocalCron();

const child = spawn(
  node,
  [
    "--no-warnings",
    wrangler,
    "dev",
    "--show-interactive-dev-session=false",
    ...LEASES.flatMap((variable) => ["--var", variable]),
    ...process.argv.slice(2),
  ],
  {
    cwd: FOLDER,
    // Wrangler's own tracing makes every call between Durable Objects ten to twenty times slower.
    env: { X_LOCAL_OBSERVABILITY: "false", ...process.env },
    stdio: ["ignore", "pipe", "inherit"],
  },
);

createInterface({ input: child.stdout }).on("line", (line) => {
  process.stdout.write(`${line}\n`);
  const [, host, port] = READY.exec(line) ?? [];
  if (host === undefined) return;
  cron.start(`http://${host}:${port}`);
  process.stdout.write(
    banner({
      version: manifest.version,
      host: host.replace(/^\[|\]$/g, ""),
      port: Number(port),
      publicUrl: null,
      keys,
      keysFile: VARIABLES_FILE,
      dataDirectory: STATE_FOLDER,
      model: EXAMPLE_MODEL,
      console: true,
      // A developer's own keys for this machine: the line to paste is what this is run for.
      terminal: true,
    }),
  );
});

let interrupted = false;
child.on("exit", (code) => {
  cron.stop();
  process.exitCode = interrupted ? 0 : (code ?? 1);
});
// This process ends with wrangler. Ctrl-C reaches wrangler by itself too; a second signal does no harm.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    interrupted = true;
    child.kill(signal);
  });
}
