/** Programs written for the published example clients: with their imports changed and nothing else, they compile and run. */

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

const EXAMPLES = join(import.meta.dirname, "../../fixture/published-examples");
const PUBLISHED_CLIENT = join(import.meta.dirname, "../../fixture/published-client.ts");
/** The addresses that programs change. */
const IMPORTS: Readonly<Record<string, string>> = {
  "./ConduitRealtimeClient": "@conduit-gateway/client",
  "./useConduitRealtime": "@conduit-gateway/client/react",
  "./MockConduitClient": "@conduit-gateway/client/testing",
  "./RateLimiter": "@conduit-gateway/client/patterns",
};
const SAID: Readonly<Record<string, string>> = {
  "picture.ts": "connected to image, completed, string, dall-e-3, disconnected\n",
  "many.ts":
    "completed string undefined, completed string undefined, completed string undefined, completed undefined string\n",
  "patterns.ts": "string string true\n",
  "component.tsx": "3\n",
};
/** Those for which the surface that was published is here as well. */
const PUBLISHED = ["picture.ts", "many.ts"];
const STRICT =
  "--noEmit --strict --skipLibCheck --module nodenext --target esnext --jsx react-jsx --lib esnext,dom --types node,react";

const read = (name: string) => Bun.file(join(EXAMPLES, name)).text();

let server: HubServer;
let client: PackedClient;
let project: string;
beforeAll(async () => {
  server = await startHubServer({
    env: {
      CONDUITLLM__MODELS__ALIASES: '{"dall-e-3":"local/canvas","minimax-video":"local/scripted-video"}',
    },
  });
  server.provider.always = ({ job }) => (job.type === "video" ? films() : pictures());
  client = await packClient();
  const changed: Record<string, string> = {};
  for (const name of Object.keys(SAID))
    changed[name] = Object.entries(IMPORTS).reduce(
      (text, [from, to]) => text.replaceAll(`"${from}"`, `"${to}"`),
      await read(name),
    );
  project = await client.project("examples", changed);
  for (const name of [
    "@microsoft/signalr",
    "react",
    "react-dom",
    "@types/react",
    "@types/react-dom",
    "@types/node",
  ])
    await lend(project, name);
}, PACKING_LIMIT_MS);
afterAll(async () => {
  await server.close();
  await client.remove();
});

function films() {
  const { items } = pictures() as {
    items: { index: number; media: { path: string; contentType: string; bytes: number } }[];
  };
  return {
    kind: "done" as const,
    items: items.map((item) => ({ ...item, media: { ...item.media, contentType: "video/webm" } })),
  };
}

const settings = () => ({ CONDUIT_VIRTUAL_KEY: server.key, CONDUIT_BASE_URL: server.url });

describe("a program for a published client", () => {
  test("compiles against the package", async () => {
    await run([programOf("tsc"), ...STRICT.split(" "), ...Object.keys(SAID)], project);
  }, 120_000);

  test.each(Object.keys(SAID))(
    "runs with the package: %s",
    async (name) => {
      expect(await run([process.execPath, name], project, settings())).toBe(SAID[name]);
    },
    60_000,
  );

  test.each(PUBLISHED)(
    "says the same with the client it was written for: %s",
    async (name) => {
      const text = (await read(name)).replace('"./ConduitRealtimeClient"', JSON.stringify(PUBLISHED_CLIENT));
      await Bun.write(join(project, `published-${name}`), text);
      expect(await run([process.execPath, `published-${name}`], project, settings())).toBe(SAID[name]);
    },
    60_000,
  );
});
