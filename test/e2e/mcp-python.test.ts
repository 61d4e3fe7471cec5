/** The official Python library of the Model Context Protocol, unmodified, against the started program. */

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../fixture/foreign-clients.ts";
import { installPythonPackage, PYTHON_INSTALL_MS, type PythonPackage } from "../fixture/python-package.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

const PROGRAM = resolve(import.meta.dirname, "../foreign/python/use_mcp.py");
/** As it was when this test was written. */
const PACKAGE = "mcp==2.3.0";
const TEST_MS = 60_000;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let python: PythonPackage;
beforeAll(async () => {
  folder = await temporaryFolder();
  python = await installPythonPackage(PACKAGE, folder.path);
}, PYTHON_INSTALL_MS * 2);
afterAll(() => folder.remove());

test(
  "it lists tools, makes a picture and is told of progress and mistakes, in the revision of 2026 and the one before",
  async ({ skip }) => {
    if ("missing" in python) return skip(python.missing);
    const dataDir = join(folder.path, "data");
    await mkdir(dataDir);
    const server = await ServerProcess.start({ dataDir });
    try {
      const printed = await run([python.command, PROGRAM, server.url, BOOTSTRAP_KEY], folder.path, TEST_MS);
      const said = printed
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { revision: string; progress: number[] });
      expect(said.map(({ revision }) => revision)).toEqual(["2026-07-28", "2025-11-25"]);
      for (const { progress, ...seen } of said) {
        expect(seen).toMatchObject({
          tools: expect.arrayContaining(["generate_image", "get_task"]),
          status: "completed",
          content: ["text", "resource_link"],
          wrong: true,
        });
        expect(progress.at(-1)).toBe(100);
      }
    } finally {
      await server.kill();
    }
  },
  TEST_MS,
);
