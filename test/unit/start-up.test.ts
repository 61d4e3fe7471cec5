/** What a process reads before it listens: every file takes a part of a millisecond, whether it is needed or not. */

import { readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { expect, test } from "vitest";

const SRC = join(import.meta.dirname, "../../src");

/** Files that only some deployments or later requests use, and that are loaded then. */
const LATER: Readonly<Record<string, RegExp>> = {
  "adapters of providers": /^providers\/(?:openai|gemini|minimax|replicate|openrouter|stability|bfl|fal)\//,
  "the built-in painter": /^providers\/local\/(?:canvas|motion|png|run|provider)\b/,
  "translators of voice": /^realtime\/translators\/(?:openai|gemini|elevenlabs|ultravox|local-echo)\.ts$/,
  "the client of S3": /^media\/s3\/(?:client|store)\.ts$/,
  "the Redis store": /^stores\/redis\/(?!release)/,
  "the Model Context Protocol": /^http\/mcp\//,
  "the reader of films": /^media\/film-reader\.ts$/,
  "the description of the API": /^http\/reference\//,
};

/** What a file reads when it is loaded itself; types are gone by then, and what is imported in a call comes later. */
function readsAtOnce(path: string): string[] {
  const code = readFileSync(join(SRC, path), "utf8");
  const statements = code.matchAll(
    /^(?:import|export)\s+(?!type\b)(?:[^"';]*?\bfrom\s+)?"(\.[^"\n]+\.ts)"/gm,
  );
  return [...statements].map(([, name = ""]) =>
    relative(SRC, join(SRC, dirname(path), name))
      .split(sep)
      .join("/"),
  );
}

function readByStart(entry: string): string[] {
  const seen = new Set([entry]);
  for (const path of seen) for (const target of readsAtOnce(path)) seen.add(target);
  return [...seen];
}

const READ = readByStart("runtime/bun/main.ts");

test("a start is followed through the program", () => {
  expect(READ.length).toBeGreaterThan(300);
  expect(READ).toContain("stores/sqlite/store.ts");
  expect(READ).toContain("providers/needed-offers.ts");
});

test.each(Object.entries(LATER))("a start does not read %s", (_, later) => {
  expect(READ.filter((path) => later.test(path))).toEqual([]);
});
