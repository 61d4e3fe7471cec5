/** The package as others install it: built, packed, installed from its tarball, imported under Node and Bun, and typed. */

import { mkdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HubServer, startHubServer } from "../../fixture/hub-server.ts";
import { pictures } from "../../fixture/scripted-provider.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const LIMIT_MS = 240_000;
const folder = join(tmpdir(), `conduit-package-${crypto.randomUUID()}`);
const project = join(folder, "project");

const PROGRAM = `
import { ConduitClient, ConduitError, ConduitRealtimeClient } from "@conduit-gateway/client";
import { MockConduitClient } from "@conduit-gateway/client/testing";
const { ADDRESS: baseUrl, KEY: virtualKey } = process.env;
const { url } = await new ConduitClient({ baseUrl, virtualKey }).run({ model: "local/canvas", prompt: "a fox" });
const client = new ConduitRealtimeClient({ baseUrl, virtualKey });
await client.connect("image");
const ended = new Promise((resolve) => client.once("completed", resolve));
await client.generateImage({ model: "local/canvas", prompt: "a fox" });
const { status } = await ended;
console.log(JSON.stringify({ url: typeof url, status, transport: client.transport, mock: MockConduitClient.name, error: new ConduitError("x").name }));
await client.disconnect();
`;
const TYPED = `
import { ConduitClient, type TaskResult } from "@conduit-gateway/client";
import { MockConduitClient } from "@conduit-gateway/client/testing";
const conduit = new ConduitClient({ virtualKey: "condt_a", baseUrl: "http://localhost:8787" });
const url: string = (await conduit.run({ model: "m", prompt: "p" })).url;
new MockConduitClient().on("completed", (result: TaskResult) => console.log(result.imageUrl, url));
// @ts-expect-error a key is needed
new ConduitClient({ baseUrl: "http://localhost:8787" });
// @ts-expect-error a prompt is text
await conduit.run({ model: "m", prompt: 7 });
`;

async function run(command: string[], cwd: string, env: Record<string, string> = {}): Promise<string> {
  const child = Bun.spawn(command, { cwd, env: { ...process.env, ...env }, stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")}:\n${out}\n${err}`);
  return out;
}

let server: HubServer;
let printed: string;
beforeAll(async () => {
  server = await startHubServer();
  server.provider.always = () => pictures();
  await mkdir(project, { recursive: true });
  const built = join(folder, "built");
  printed = await run([process.execPath, join(ROOT, "packaging/client.ts"), built], ROOT);
  await run([process.execPath, "pm", "pack", "--destination", folder], built);
  const tarball = (await Array.fromAsync(new Bun.Glob("*.tgz").scan(folder)))[0] ?? "";
  await Bun.write(join(project, "package.json"), '{"type":"module","private":true}');
  await run([process.execPath, "add", join(folder, tarball)], project);
  await Bun.write(join(project, "program.js"), PROGRAM);
  await Bun.write(join(project, "typed.ts"), TYPED);
}, LIMIT_MS);
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

describe("the package", () => {
  test("says what its entries weigh, and the main one is under 12 kB", () => {
    expect(Number(/^\. .* (\d+) gzip$/m.exec(printed)?.[1])).toBeLessThan(12_000);
  });

  const node = Bun.which("node");
  test.each([
    ["Bun", process.execPath],
    ["Node", node],
  ])(
    "works under %s, also without the optional SignalR client",
    async (name, runtime) => {
      if (runtime === null) throw new Error(`Expected ${name} on the PATH.`);
      const env = { ADDRESS: server.url, KEY: server.key };
      expect(JSON.parse(await run([runtime, "program.js"], project, env))).toEqual({
        url: "string",
        status: "completed",
        transport: "sse",
        mock: "MockConduitClient",
        error: "ConduitError",
      });
    },
    60_000,
  );

  test("follows over the hub where the SignalR client is installed", async () => {
    await mkdir(join(project, "node_modules/@microsoft"), { recursive: true });
    await symlink(
      join(ROOT, "node_modules/@microsoft/signalr"),
      join(project, "node_modules/@microsoft/signalr"),
    );
    const env = { ADDRESS: server.url, KEY: server.key };
    for (const runtime of [process.execPath, node ?? ""])
      expect(JSON.parse(await run([runtime, "program.js"], project, env))).toMatchObject({
        status: "completed",
        transport: "hub",
      });
  }, 60_000);

  test("has hooks where React is installed", async () => {
    await symlink(join(ROOT, "node_modules/react"), join(project, "node_modules/react"));
    const program =
      'import * as hooks from "@conduit-gateway/client/react"; console.log(Object.keys(hooks).sort().join());';
    await Bun.write(join(project, "hooks.js"), program);
    for (const runtime of [process.execPath, node ?? ""])
      expect(await run([runtime, "hooks.js"], project)).toBe("useConduitRealtime,useRun,useTask\n");
  }, 60_000);

  test("has types that hold what programs do, and refuse what they may not", async () => {
    const strict = ["--noEmit", "--strict", "--module", "nodenext", "--target", "esnext"];
    await run([join(ROOT, "node_modules/.bin/tsc"), ...strict, "--types", "", "typed.ts"], project);
  }, 120_000);

  test("holds nothing but what a client needs", async () => {
    const installed = join(project, "node_modules/@conduit-gateway/client");
    const files = await Array.fromAsync(new Bun.Glob("**/*").scan(installed));
    expect(files.filter((path) => !/\.(?:js|d\.ts)$/.test(path)).sort()).toEqual([
      "LICENSE",
      "README.md",
      "package.json",
    ]);
    const { dependencies } = (await Bun.file(join(installed, "package.json")).json()) as {
      dependencies?: object;
    };
    expect(dependencies).toBeUndefined();
  });
});
