/** The rules of the house: who may import whom, who may name a platform, and that nothing goes in circles. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { describe, expect, test } from "vitest";

const SRC = join(import.meta.dirname, "../../src");

/**
 * Which layers a layer may import besides itself and `protocol`. A layer is a folder directly in `src`.
 * What is not listed is forbidden: a new layer needs a line here.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  // Arithmetic of sound, for the gateway and for clients.
  audio: [],
  // What others install: the wire shapes, the arithmetic of sound, and nothing else of ours.
  client: ["audio"],
  // A page in a browser: it knows the gateway by its client alone.
  console: ["client"],
  // The page of the API reference.
  docs: [],
  metrics: [],
  sockets: [],
  tasks: [],
  accounts: ["tasks"],
  // What a committed step says to programs outside: stores derive it in the step, hosts send it on.
  events: ["tasks", "accounts", "realtime"],
  fetch: ["tasks"],
  inputs: ["tasks", "fetch"],
  webhooks: ["tasks", "accounts", "fetch"],
  rooms: ["tasks", "sockets"],
  signalr: ["sockets"],
  hubs: ["signalr", "tasks", "accounts", "rooms", "sockets"],
  realtime: ["tasks", "accounts", "sockets", "audio"],
  config: ["accounts", "tasks", "logging"],
  logging: ["tasks"],
  stores: ["tasks", "accounts", "webhooks", "realtime", "events"],
  // A bucket behind an API is called with the same limits as any other address.
  media: ["tasks", "fetch"],
  // A queue that delivers over HTTP brings its own route.
  queues: ["tasks", "http"],
  // Adapters quote what providers say, without the secrets in it.
  providers: ["tasks", "accounts", "fetch", "logging"],
  http: [
    "tasks",
    "accounts",
    "fetch",
    "inputs",
    "webhooks",
    "signalr",
    "hubs",
    "rooms",
    "realtime",
    "metrics",
    "sockets",
  ],
  compose: [
    "http",
    "tasks",
    "accounts",
    "fetch",
    "inputs",
    "rooms",
    "signalr",
    "hubs",
    "sockets",
    "metrics",
    "logging",
    "config",
    "stores",
    "providers",
    "media",
    "queues",
    "webhooks",
    "realtime",
    "events",
  ],
  runtime: [
    "compose",
    "http",
    "tasks",
    "accounts",
    "fetch",
    "inputs",
    "rooms",
    "signalr",
    "hubs",
    "sockets",
    "logging",
    "metrics",
    "config",
    "stores",
    "providers",
    "media",
    "queues",
    "webhooks",
    "realtime",
    "events",
  ],
};

/** Only hosts may say these. Words in comments and texts do not count. */
const PLATFORM = /\b(?:Bun|Deno|WebSocketPair)\s*[.([]|\bprocess\s*\.|\bnew WebSocketPair\b/;
const PLATFORM_MODULE = /^(?:bun|bun:.*|cloudflare:.*|@cloudflare\/.*|node:process)$/;
/** What the processes of all JavaScript runtimes share says nothing of any of them. */
const HOST_NAME = /\b(?:Bun|Deno)\b/;
const HOST_MODULE = /^(?:bun|bun:.*|deno:.*|cloudflare:.*|@cloudflare\/.*)$/;

/**
 * What users of the client package import by these names, and what the gateway has called the same things since before it. The client
 * imports nothing of the gateway's, so neither can be taken for the other.
 */
const OF_BOTH_SIDES = ["HubError", "TaskFilter", "TaskUpdate"];
const EXPORTED =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|const|let|type|interface|enum) (\w+)/gm;

type SourceFile = { path: string; code: string; imports: string[]; modules: string[] };

const files: SourceFile[] = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => {
    const code = withoutComments(readFileSync(join(SRC, path), "utf8"));
    const specifiers = [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"\n]+)"/g)].map(
      ([, name]) => name ?? "",
    );
    return {
      path: path.split(sep).join("/"),
      code: withoutTexts(code),
      modules: specifiers.filter((name) => !name.startsWith(".")),
      imports: specifiers
        // Data, such as the version in package.json or the text of a script, is no part of the graph.
        .filter((name) => name.startsWith(".") && !/\.(?:json|lua)$/.test(name))
        .map((name) =>
          relative(SRC, join(SRC, dirname(path), name))
            .split(sep)
            .join("/"),
        ),
    };
  });

describe("the architecture", () => {
  test("has one meaning for each exported name, so that it can be searched for", () => {
    const modules = new Map<string, string[]>();
    for (const { path, code } of files) {
      for (const [, name = ""] of code.matchAll(EXPORTED)) {
        const found = modules.get(name) ?? [];
        // A function with several signatures is one.
        if (!found.includes(path)) modules.set(name, [...found, path]);
      }
    }
    expect(modules.size).toBeGreaterThan(1_000);
    const several = [...modules].filter(([, paths]) => paths.length > 1);
    expect(several.filter(([name]) => !OF_BOTH_SIDES.includes(name))).toEqual([]);
    // What is excused is still there.
    expect(several).toHaveLength(OF_BOTH_SIDES.length);
  });

  test("is read from more than a handful of files with imports", () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap(({ imports }) => imports).length).toBeGreaterThan(100);
  });

  test("lets imports point one way", () => {
    const forbidden = files.flatMap(({ path, imports }) =>
      imports
        .filter((target) => !mayImport(layerOf(path), layerOf(target)))
        .map((target) => `${path} → ${target}`),
    );
    expect(forbidden).toEqual([]);
  });

  test("imports files by their full names, and only what exists", () => {
    const known = new Set(files.map(({ path }) => path));
    const missing = files.flatMap(({ path, imports }) =>
      imports.filter((target) => !known.has(target)).map((target) => `${path} → ${target}`),
    );
    expect(missing).toEqual([]);
  });

  test("has no cycles", () => {
    expect(findCycle(new Map(files.map(({ path, imports }) => [path, imports])))).toBeNull();
  });

  test("names a platform in src/runtime only", () => {
    const named = files
      .filter(({ path }) => layerOf(path) !== "runtime")
      .filter(
        ({ code, modules }) => PLATFORM.test(code) || modules.some((name) => PLATFORM_MODULE.test(name)),
      )
      .map(({ path }) => path);
    expect(named).toEqual([]);
  });

  test("keeps the hosts apart: they share nothing but runtime/process, which knows none of them", () => {
    const hostOf = (path: string) => path.split("/", 2)[1] ?? path;
    const shared = "process";
    const crossing = files.flatMap(({ path, imports }) =>
      imports
        .filter((target) => layerOf(path) === "runtime" && layerOf(target) === "runtime")
        .filter((target) => ![hostOf(path), shared].includes(hostOf(target)))
        .map((target) => `${path} → ${target}`),
    );
    expect(crossing).toEqual([]);
    const naming = files
      .filter(({ path }) => layerOf(path) === "runtime" && hostOf(path) === shared)
      .filter(({ code, modules }) => HOST_NAME.test(code) || modules.some((name) => HOST_MODULE.test(name)))
      .map(({ path }) => path);
    expect(naming).toEqual([]);
  });

  test("reads files in the folder store and the hosts only", () => {
    const readers = files
      .filter(({ path }) => !["runtime", "media"].includes(layerOf(path)))
      .filter(({ modules }) => modules.some((name) => name.startsWith("node:")))
      .map(({ path }) => path);
    expect(readers).toEqual([]);
  });

  test("keeps zod at the edges: HTTP, hubs, queues, the configuration and the hosts' own files", () => {
    const users = files.filter(({ modules }) => modules.includes("zod")).map(({ path }) => layerOf(path));
    expect(
      [...new Set(users)].filter((layer) => !["http", "hubs", "queues", "config", "runtime"].includes(layer)),
    ).toEqual([]);
  });

  test("exports by name, but for the entry a platform demands", () => {
    const defaults = files
      .filter(({ code }) => /\bexport\s+default\b|\bas default\b/.test(code))
      .map(({ path }) => path)
      // Declarations describe modules that are there; a text's only export is its default.
      .filter((path) => !path.endsWith(".d.ts"));
    expect(defaults.filter((path) => path !== "runtime/cloudflare/worker.ts")).toEqual([]);
  });
});

describe("the check for cycles", () => {
  test("finds one, and names the way around", () => {
    const graph = new Map([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", ["b"]],
    ]);
    expect(findCycle(graph)).toBe("b → c → b");
  });
});

/** The folder below `src`, or the file's own name. */
function layerOf(path: string): string {
  return path.split("/", 1)[0] ?? path;
}

function mayImport(from: string, to: string): boolean {
  return from === to || to === "protocol" || (MAY_IMPORT[from] ?? []).includes(to);
}

function findCycle(graph: ReadonlyMap<string, readonly string[]>): string | null {
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (node: string): string | null => {
    if (done.has(node)) return null;
    const at = trail.indexOf(node);
    if (at >= 0) return [...trail.slice(at), node].join(" → ");
    trail.push(node);
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next);
      if (cycle !== null) return cycle;
    }
    trail.pop();
    done.add(node);
    return null;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node);
    if (cycle !== null) return cycle;
  }
  return null;
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

function withoutTexts(code: string): string {
  return code.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""');
}
