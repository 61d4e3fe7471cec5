/** `bun run dev:worker` and `bun run deploy`, as a developer runs them: wrangler, its Node, a bucket, a first picture. */

import { mkdtempSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import { ROOT } from "../fixture/worker-build.ts";

/** wrangler starts in 3 s on an idle machine. */
const START_MS = 60_000;
/** What of the project wrangler reads; a folder of its own keeps the developer's `.dev.vars` and state out of it. */
const PARTS = ["src", "node_modules", "packaging", "package.json", "tsconfig.json", "wrangler.toml"];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "conduit-dev-"));
  for (const part of PARTS) symlinkSync(join(ROOT, part), join(folder, part));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function run(...command: string[]) {
  return Bun.spawn(command, {
    cwd: folder,
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Starts the Worker and reads what it prints up to the end of its banner. */
async function dev() {
  const main = join(ROOT, "src/runtime/cloudflare/dev/main.ts");
  const child = run(process.execPath, main, "--port", "0", "--inspector-port", "0", "--ip", "127.0.0.1");
  const decoder = new TextDecoder();
  let printed = "";
  const banner = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const chunk of child.stdout) {
      printed += decoder.decode(chunk, { stream: true });
      if (printed.includes("Stop with Ctrl-C")) banner.resolve();
    }
    banner.reject(new Error(`it did not start:\n${printed}${await new Response(child.stderr).text()}`));
  })();
  await banner.promise;
  const find = (pattern: RegExp) => pattern.exec(printed)?.[1] ?? "";
  return {
    url: find(/is listening on (\S+)/),
    key: find(/API key +(\S+)/),
    adminKey: find(/Admin key +(\S+)/),
    paint: find(/^ +(curl -s .*)$/m),
    async stop(): Promise<number> {
      child.kill("SIGINT");
      const code = await child.exited;
      await reading;
      return code;
    },
  };
}

test(
  "a first start prints keys and a line that paints a picture; a second one finds both again",
  async () => {
    const first = await dev();
    const variables = readFileSync(join(folder, ".dev.vars"), "utf8");
    expect(variables).toContain(first.key);
    expect(variables).toContain(first.adminKey);
    expect(statSync(join(folder, ".dev.vars")).mode & 0o777).toBe(0o600);

    const painting = run("sh", "-c", first.paint);
    const { taskId } = (await new Response(painting.stdout).json()) as WireAccepted;
    const headers = { authorization: `Bearer ${first.key}` };
    const events = await fetch(`${first.url}/v1/tasks/${taskId}/events`, { headers });
    expect(await events.text()).toMatch(/^event: (?:snapshot|completed)\n.*"status":"completed"/ms);
    const task = (await (await fetch(`${first.url}/v1/tasks/${taskId}`, { headers })).json()) as WireTask;
    const picture = await fetch(task.result?.images?.[0]?.url ?? "");
    expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/png"]);
    const asked = { headers: { accept: "text/html" } };
    const console = await (await fetch(first.url, asked)).text();
    const [, script = ""] = /src="(console\/[^"]+)"/.exec(console) ?? [];
    const code = await fetch(`${first.url}/${script}`);
    expect([code.status, code.headers.get("content-type")]).toEqual([200, "text/javascript; charset=utf-8"]);
    const reference = await (await fetch(`${first.url}/docs`)).text();
    const [, scalar = ""] = /src="(docs\/scalar[^"]+)"/.exec(reference) ?? [];
    const shown = await fetch(`${first.url}/${scalar}`);
    expect([shown.status, (await shown.text()).length > 1_000_000]).toEqual([200, true]);
    expect((await fetch(`${first.url}/cdn-cgi/handler/scheduled?cron=*+*+*+*+*`)).status).toBe(200);
    expect(await first.stop()).toBe(0);

    const second = await dev();
    expect([second.key, second.adminKey]).toEqual([first.key, first.adminKey]);
    const kept = await fetch(`${second.url}/v1/tasks/${taskId}`, { headers });
    expect(await kept.json()).toMatchObject({ status: "completed" });
    expect((await fetch(`${second.url}${new URL(picture.url).pathname}`)).status).toBe(200);
    expect(await second.stop()).toBe(0);
  },
  2 * START_MS,
);

test(
  "a deployment can be rehearsed: it is bundled with every class and binding, and nothing leaves the machine",
  async () => {
    const child = run(process.execPath, "run", "deploy", "--dry-run");
    const printed = await new Response(child.stdout).text();
    expect(await child.exited).toBe(0);
    for (const binding of [
      "STORE (StoreObject)",
      "TASK_ROOM (TaskRoom)",
      "HUB_SHARD (HubShard)",
      "STEP_RUNNER (StepRunner)",
      "MEDIA_STORE (MediaObject)",
      "MEDIA (conduit-media)",
      "ASSETS",
    ])
      expect(printed).toContain(`env.${binding}`);
    expect(printed).toContain("--dry-run: exiting now");
  },
  START_MS,
);
