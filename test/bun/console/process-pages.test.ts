/** The console as a process has it: built before, or by itself; and how much a first visit loads. */

import { mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { gzipSync } from "bun";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { buildPage, PAGE_NAMES } from "../../../src/runtime/bun/page-builds.ts";
import { ProcessPages } from "../../../src/runtime/process/pages/process-pages.ts";
import type { PageBuild } from "../../../src/runtime/process/process-host.ts";
import { recordingLog } from "../../fixture/recording-log.ts";
import { temporaryFolder } from "../../fixture/server-process.ts";

/** Of everything that a first visit loads, compressed. */
const MOST_GZIP_BYTES = 200_000;
const HOUR_SECONDS = 3_600;
const UTF8 = new TextEncoder();

function filesOf(text: string): PageBuild {
  return new Map([["index.html", new Uint8Array(UTF8.encode(text))]]);
}

describe("the pages of a process", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let builds = 0;
  const build = async () => {
    builds += 1;
    return filesOf("built here");
  };
  beforeEach(async () => {
    builds = 0;
    folder = await temporaryFolder();
    await mkdir(join(folder.path, "src/console"), { recursive: true });
    await writeFile(join(folder.path, "src/console/main.tsx"), "");
  });
  afterEach(() => folder.remove());

  async function keepBuilt(ageSeconds: number): Promise<void> {
    const page = join(folder.path, "dist/pages/console");
    await mkdir(page, { recursive: true });
    await writeFile(join(page, "index.html"), "built before");
    const then = Date.now() / 1_000 - ageSeconds;
    await utimes(join(page, "index.html"), then, then);
  }

  async function textOf(pages: ProcessPages, path: string): Promise<string | null> {
    const file = await pages.read(path);
    return file === null ? null : new Response(file.body).text();
  }

  it("are the built ones where these are as new as their sources", async () => {
    await keepBuilt(-HOUR_SECONDS);
    const pages = new ProcessPages({ root: folder.path, build, log: recordingLog() });
    expect(await textOf(pages, "console/index.html")).toBe("built before");
    expect(builds).toBe(0);
  });

  it("are built once at the first request where there are none, however many ask at once", async () => {
    const pages = new ProcessPages({ root: folder.path, build, log: recordingLog() });
    expect(builds).toBe(0);
    const texts = await Promise.all([1, 2, 3].map(() => textOf(pages, "console/index.html")));
    expect(texts).toEqual(["built here", "built here", "built here"]);
    expect(builds).toBe(1);
  });

  it("are built anew where the sources have changed since", async () => {
    await keepBuilt(HOUR_SECONDS);
    const pages = new ProcessPages({ root: folder.path, build, log: recordingLog() });
    expect(await textOf(pages, "console/index.html")).toBe("built here");
  });

  it("are the old ones where they cannot be built anew, and the log says why", async () => {
    await keepBuilt(HOUR_SECONDS);
    const log = recordingLog();
    const broken = () => Promise.reject(new Error("react is not installed"));
    const pages = new ProcessPages({ root: folder.path, build: broken, log });
    expect(await textOf(pages, "console/index.html")).toBe("built before");
    expect(JSON.stringify(log.lines)).toContain("react is not installed");
  });

  it("are read anew after a reading that failed, such as one in the midst of an installation", async () => {
    await keepBuilt(-HOUR_SECONDS);
    const half = join(folder.path, "dist/pages/console/half");
    await mkdir(half);
    const pages = new ProcessPages({ root: folder.path, build, log: recordingLog() });
    await expect(pages.read("console/index.html")).rejects.toThrow();
    await rm(half, { recursive: true });
    expect(await textOf(pages, "console/index.html")).toBe("built before");
  });

  it("are missing where the runtime cannot build and nobody did, and the log names the command", async () => {
    const log = recordingLog();
    const pages = new ProcessPages({ root: folder.path, build: null, log });
    expect(await textOf(pages, "console/index.html")).toBeNull();
    expect(JSON.stringify(log.lines)).toContain("bun run build:pages");
  });
});

test("builds into one folder at once disturb each other not, and leave no file of before", async () => {
  const folder = await temporaryFolder();
  try {
    const old = join(folder.path, "pages/console/main-oldhash1.js");
    await mkdir(dirname(old), { recursive: true });
    await writeFile(old, "old");
    const program = resolve(import.meta.dirname, "../../../packaging/pages.ts");
    const build = () =>
      Bun.spawn([process.execPath, program, "pages"], { cwd: folder.path, stdout: "ignore" });
    const codes = await Promise.all([build(), build()].map(({ exited }) => exited));
    expect(codes).toEqual([0, 0]);
    const names = await readdir(dirname(old));
    expect(names).not.toContain("main-oldhash1.js");
    const document = await readFile(join(dirname(old), "index.html"), "utf8");
    const named = [...document.matchAll(/"console\/([^"]+)"/g)].map(([, name]) => name);
    expect(names).toEqual(expect.arrayContaining(named));
    expect(names).toHaveLength((await buildPage("console")).size);
    expect(await readdir(folder.path)).toEqual(["pages"]);
  } finally {
    await folder.remove();
  }
});

describe("the built console", () => {
  it("is one of the pages, and loads less than 200 kB at a first visit, and voice later", async () => {
    expect(PAGE_NAMES).toContain("console");
    const files = await buildPage("console");
    const loaded = firstVisit(files);
    const bytes = loaded.reduce((sum, name) => sum + gzipSync(files.get(name) ?? "").byteLength, 0);
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(MOST_GZIP_BYTES);
    for (const later of ["voice-page-", "trace-page-", "worklet-"]) {
      expect([...files.keys()].filter((name) => name.startsWith(later))).toHaveLength(1);
      expect(loaded.filter((name) => name.startsWith(later))).toEqual([]);
    }
  });

  it("has hashes in the names of its files and nothing in its document that a strict policy would refuse", async () => {
    const files = await buildPage("console");
    const document = textOfFile(files, "index.html");
    const named = [...document.matchAll(/(?:src|href)="console\/([^"]+)"/g)].map(([, name = ""]) => name);
    expect(named).toHaveLength(2);
    for (const name of named) expect(files.has(name)).toBe(true);
    for (const name of files.keys())
      expect(name).toMatch(/^(?:index\.html|[\w.-]+-[a-z0-9]{8}\.(?:js|css))$/);
    expect(document).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=/);
  });

  it("names the program of the audio thread, which the policy lets no page make of a text", async () => {
    const files = await buildPage("console");
    const [, name = ""] =
      /name="voice-worklet" content="console\/([^"]+)"/.exec(textOfFile(files, "index.html")) ?? [];
    expect(textOfFile(files, name)).toContain("registerProcessor(");
  });

  it("is no page by another name", async () => {
    await expect(buildPage("constructor")).rejects.toThrow("no page constructor");
  });
});

function textOfFile(files: PageBuild, name: string): string {
  return new TextDecoder().decode(files.get(name));
}

/** The document, what it names, and what that imports at once. */
function firstVisit(files: PageBuild): string[] {
  const found = new Set(["index.html"]);
  for (const name of found) {
    const text = textOfFile(files, name);
    for (const [, next = ""] of text.matchAll(
      /(?:(?:src|href)="console\/|\b(?:from|import)\s*"\.\/)([^"]+)"/g,
    ))
      if (files.has(next)) found.add(next);
  }
  return [...found];
}
