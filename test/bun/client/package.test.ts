/** The package as others install it: built, packed, installed from its tarball, imported under Node and Bun, and typed. */

import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ENTRIES } from "../../../packaging/entries.ts";
import manifest from "../../../src/client/package.json" with { type: "json" };
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
import { RealtimeVoice, VoiceError } from "@conduit-gateway/client/voice";
const conduit = new ConduitClient({ virtualKey: "condt_a", baseUrl: "http://localhost:8787" });
const url: string = (await conduit.run({ model: "m", prompt: "p" })).url;
new MockConduitClient().on("completed", (result: TaskResult) => console.log(result.imageUrl, url));
const voice = new RealtimeVoice({ tokenProvider: async () => ({ value: "ek_a" }), model: "local/echo" });
voice.on("error", ({ error }) => console.log(error instanceof VoiceError && error.code));
// @ts-expect-error there is no such transport
new RealtimeVoice({ virtualKey: "ek_a", transport: "smoke" });
// @ts-expect-error a key is needed
new ConduitClient({ baseUrl: "http://localhost:8787" });
// @ts-expect-error a prompt is text
await conduit.run({ model: "m", prompt: 7 });
`;

/** What the package's own README shows first, in a program of the strictest settings. */
async function readmeProgram(): Promise<string> {
  const text = await Bun.file(join(import.meta.dirname, "../../../src/client/README.md")).text();
  const [, code = ""] = /```ts\n([\s\S]*?)```/.exec(text) ?? [];
  return `declare const process: { env: Record<string, string | undefined> };\n${code}export { url };\n`;
}

let server: HubServer;
let client: PackedClient;
let project: string;
beforeAll(async () => {
  server = await startHubServer();
  server.provider.always = () => pictures();
  client = await packClient();
  const programs = { "program.js": PROGRAM, "typed.ts": TYPED, "readme.ts": await readmeProgram() };
  project = await client.project("project", programs);
}, PACKING_LIMIT_MS);
afterAll(async () => {
  await server.close();
  await client.remove();
});

describe("the package", () => {
  test("says what each entry weighs, and none is over its bound", () => {
    for (const [entry, { mostGzipBytes }] of Object.entries(ENTRIES)) {
      const [, bytes] =
        new RegExp(`^${entry.replace(".", "\\.")} +\\d+ bytes minified, (\\d+) gzip$`, "m").exec(
          client.printed,
        ) ?? [];
      expect(Number(bytes), entry).toBeLessThan(mostGzipBytes);
    }
    expect(ENTRIES["."]?.mostGzipBytes).toBeLessThanOrEqual(12_000);
  });

  test("has a package.json with which nothing is wrong", async () => {
    const tarball = await Bun.file(client.tarball).arrayBuffer();
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test("has types that every resolution finds, but for those that know no exports and no ES modules", async () => {
    const checked = await checkPackage(createPackageFromTarballData(await Bun.file(client.tarball).bytes()));
    if (checked.types === false) throw new Error("Expected types, the package has none.");
    expect(Object.keys(checked.entrypoints)).toEqual(expect.arrayContaining(Object.keys(ENTRIES)));
    const problems = checked.problems.filter(
      (problem) =>
        problem.kind !== "CJSResolvesToESM" &&
        !("resolutionKind" in problem && problem.resolutionKind === "node10"),
    );
    expect(problems).toEqual([]);
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
    await lend(project, "@microsoft/signalr");
    const env = { ADDRESS: server.url, KEY: server.key };
    for (const runtime of [process.execPath, node ?? ""])
      expect(JSON.parse(await run([runtime, "program.js"], project, env))).toMatchObject({
        status: "completed",
        transport: "hub",
      });
  }, 60_000);

  test("has entries that can be imported one by one where their peers are installed", async () => {
    for (const peer of Object.keys(manifest.peerDependencies))
      if (!(await Bun.file(join(project, "node_modules", peer, "package.json")).exists()))
        await lend(project, peer);
    for (const entry of Object.keys(ENTRIES)) {
      const specifier = join("@conduit-gateway/client", entry);
      const program = `console.log(Object.keys(await import("${specifier}")).length > 0);`;
      for (const runtime of [process.execPath, node ?? ""])
        expect(await run([runtime, "--eval", program], project), `${specifier} under ${runtime}`).toBe(
          "true\n",
        );
    }
  }, 60_000);

  test("has the audio thread's program as a file that a page can serve", async () => {
    const specifier = "@conduit-gateway/client/voice/worklet.js";
    const program = `console.log(import.meta.resolve("${specifier}"))`;
    for (const runtime of [process.execPath, node ?? ""]) {
      const found = (await run([runtime, "--eval", program], project)).trim();
      expect(await Bun.file(new URL(found)).text()).toContain('registerProcessor("conduit-microphone"');
    }
  }, 60_000);

  test("has types that hold what programs do, and refuse what they may not", async () => {
    const strict = ["--noEmit", "--strict", "--module", "nodenext", "--target", "esnext"];
    await run([programOf("tsc"), ...strict, "--types", "", "typed.ts", "readme.ts"], project);
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
