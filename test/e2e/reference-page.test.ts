/** The page of the API reference in Chromium: it shows the document, and asks nobody but the gateway for anything. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../fixture/foreign-clients.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

const CHROMIUM = "/usr/bin/chromium";
const PROGRAM = resolve(import.meta.dirname, "../foreign/node/read-reference.mjs");
const missing = existsSync(CHROMIUM) ? null : `${CHROMIUM} is not installed`;
const READ_MS = 60_000;

type Seen = {
  requests: string[];
  refused: string[];
  errors: string[];
  policy: string;
  answered: [number, unknown];
  kept: boolean;
};

describe.skipIf(missing !== null)(`GET /docs${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ServerProcess;
  let seen: Seen;
  beforeAll(async () => {
    folder = await temporaryFolder();
    server = await ServerProcess.start({ dataDir: folder.path });
    const printed = await run(
      ["node", PROGRAM, CHROMIUM, `${server.url}/docs`, BOOTSTRAP_KEY],
      folder.path,
      READ_MS,
    );
    seen = JSON.parse(printed.split("\n").find((line) => line.startsWith("{")) ?? "{}") as Seen;
  }, READ_MS);
  afterAll(async () => {
    await server.kill();
    await folder.remove();
  });

  test("asks nobody but the gateway, for the page, its files and the document", () => {
    expect(seen.errors).toEqual([]);
    const paths = seen.requests
      .filter((request) => !/ (?:data|blob):/.test(request))
      .map((request) => {
        expect(request).toContain(` ${server.url}/`);
        return request.replace(server.url, "");
      });
    expect(paths).toEqual(expect.arrayContaining(["GET /docs", "GET /openapi.json"]));
  });

  test("runs no script and takes no style but those of its files", () => {
    expect(seen.policy).toContain("script-src 'self'; style-src 'self';");
    expect(seen.policy).not.toContain("unsafe");
    // What Scalar would write into the document stands in its style sheet as well; zod, in it, looks whether it may compile.
    expect(new Set(seen.refused)).toEqual(new Set(["style-src inline", "script-src eval"]));
  });

  test("may call the API of its own gateway, and keeps no key", () => {
    expect(seen.answered).toEqual([200, { data: [], hasMore: false, after: null }]);
    expect(seen.kept).toBe(false);
  });

  test("is found with a slash at its end as well", async () => {
    const response = await fetch(`${server.url}/docs/`, { redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([308, "../docs"]);
  });
});
