/** The package in fresh projects of other toolchains: Vite and a real browser, Deno, Workers; and what bundlers leave out of it. */

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HubServer, startHubServer } from "../../fixture/hub-server.ts";
import {
  lend,
  PACKING_LIMIT_MS,
  type PackedClient,
  packClient,
  programOf,
  run,
} from "../../fixture/packed-client.ts";
import { pictures } from "../../fixture/scripted-provider.ts";
import { chromiumIsMissing, startSite, talkInPage } from "../../fixture/voice/chromium.ts";
import { freePort, startWorkerd } from "../../fixture/workerd.ts";

const LIMIT_MS = 120_000;
/** Makes a picture in one call and another one over the realtime client; answers what came of it. */
const WORK = `
import { ConduitClient, ConduitRealtimeClient } from "@conduit-gateway/client";
export async function work(baseUrl, virtualKey) {
  const request = { model: "local/canvas", prompt: "a fox" };
  const progress = [];
  const { url } = await new ConduitClient({ baseUrl, virtualKey }).run(request, {
    onProgress: (update) => progress.push(update.progress),
  });
  const client = new ConduitRealtimeClient({ baseUrl, virtualKey });
  await client.connect("image");
  const ended = new Promise((resolve) => client.once("completed", resolve));
  await client.generateImage(request);
  const { status } = await ended;
  const { transport } = client;
  await client.disconnect();
  return { url: url.startsWith(baseUrl), progress: progress.at(-1), status, transport };
}
`;
const DONE = { url: true, progress: 100, status: "completed" };

let server: HubServer;
let client: PackedClient;
beforeAll(async () => {
  server = await startHubServer();
  server.provider.always = () => pictures();
  client = await packClient();
}, PACKING_LIMIT_MS);
afterAll(async () => {
  await server.close();
  await client.remove();
});

const noPage = chromiumIsMissing === null ? "" : ` (skipped: ${chromiumIsMissing})`;
describe.skipIf(chromiumIsMissing !== null)(`in a project of Vite${noPage}`, () => {
  const page = `
import { work } from "./work.js";
const { baseUrl, key } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
work(baseUrl, key).then(
  (done) => { window.talked = done; },
  (error) => { window.talked = { error: String(error) }; },
);
`;
  const html = '<!doctype html><title>p</title><script type="module" src="./main.js"></script>';

  test(
    "it is built, and works in Chromium with and without the optional SignalR client",
    async () => {
      const project = await client.project("vite", { "index.html": html, "main.js": page, "work.js": WORK });
      for (const transport of ["sse", "hub"]) {
        if (transport === "hub") await lend(project, "@microsoft/signalr");
        await run([programOf("vite"), "build", "--base", "./", "--logLevel", "warn"], project);
        const site = startSite({ "/": join(project, "dist") });
        try {
          const talk = {
            address: `${site.origin.replace("127.0.0.1", "localhost")}/index.html`,
            knows: { baseUrl: server.url, key: server.key },
            sound: "/dev/null",
            loops: true,
            timeoutMs: 60_000,
          };
          expect(await talkInPage(talk, project)).toEqual({ ...DONE, transport });
        } finally {
          await site.stop();
        }
      }
    },
    LIMIT_MS,
  );
});

test(
  "in a project of Deno it works",
  async () => {
    const program = `
import { work } from "./work.js";
console.log(JSON.stringify(await work(Deno.env.get("ADDRESS"), Deno.env.get("KEY"))));
`;
    const project = await client.project("deno", { "program.js": program, "work.js": WORK });
    const flags = [
      "--quiet",
      "--no-prompt",
      "--cached-only",
      "--node-modules-dir=manual",
      "--allow-net",
      "--allow-env",
    ];
    const command = [programOf("deno"), "run", ...flags, "program.js"];
    const said = await run(command, project, { ADDRESS: server.url, KEY: server.key });
    expect(JSON.parse(said)).toEqual({ ...DONE, transport: "sse" });
  },
  LIMIT_MS,
);

test(
  "in a project of Workers it is bundled by wrangler, and works in workerd",
  async () => {
    const worker = `
import { work } from "./work.js";
export default {
  async fetch(request, { ADDRESS, KEY }) {
    return Response.json(await work(ADDRESS, KEY));
  },
};
`;
    const toml = 'name = "fresh"\nmain = "worker.js"\ncompatibility_date = "2026-03-01"\n';
    const project = await client.project("workers", {
      "worker.js": worker,
      "work.js": WORK,
      "wrangler.toml": toml,
    });
    const quiet = { WRANGLER_SEND_METRICS: "false", CI: "true" };
    await run([programOf("wrangler"), "deploy", "--dry-run", "--outdir", "out"], project, quiet);
    const port = freePort();
    const child = await startWorkerd({
      build: {
        modules: [{ name: "worker.js", kind: "esModule", path: join(project, "out/worker.js") }],
        compatibilityDate: "2026-03-01",
        compatibilityFlags: [],
        objects: {},
      },
      folder: project,
      port,
      variables: { ADDRESS: server.url, KEY: server.key },
      objects: {},
    });
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/`);
      expect(await answer.json()).toEqual({ ...DONE, transport: "sse" });
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  },
  LIMIT_MS,
);

test(
  "bundlers leave out what a program does not use",
  async () => {
    const project = await client.project("shaken", {
      "error.js": 'import { ConduitError } from "@conduit-gateway/client"; console.log(ConduitError.name);',
      "limiter.js":
        'import { RateLimiter } from "@conduit-gateway/client/patterns"; console.log(RateLimiter.name);',
      "client.js":
        'import { ConduitClient } from "@conduit-gateway/client"; console.log(ConduitClient.name);',
    });
    const weigh = async (name: string): Promise<number> => {
      const entry = join(project, name);
      const external = ["@microsoft/signalr"];
      const { outputs } = await Bun.build({
        entrypoints: [entry],
        target: "browser",
        minify: true,
        external,
      });
      return (await outputs[0]?.text())?.length ?? 0;
    };
    expect(await weigh("error.js")).toBeLessThan(500);
    expect(await weigh("limiter.js")).toBeLessThan(3_000);
    // Without the realtime client.
    expect(await weigh("client.js")).toBeLessThan(22_000);
  },
  LIMIT_MS,
);
