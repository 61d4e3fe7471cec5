/** `bun run backup`: a copy of a data directory that is in use, and what is restored from it. */

import { cp, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireTask } from "../../src/protocol/task.ts";
import { DATA_RELEASE } from "../../src/stores/release.ts";
import { crashLoop } from "../fixture/crash/loop.ts";
import { ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

const COMMAND = resolve(import.meta.dirname, "../../src/runtime/bun/backup.ts");
const PICTURE = { model: "local/canvas", prompt: "a lighthouse", size: "64x64" };
/** Several lives of a server, and as many restored ones, ms. */
const TIMEOUT_MS = 120_000;
const KILLS = 8;

let folder: { path: string; remove(): Promise<void> };
let server: ServerProcess | null;
beforeEach(async () => {
  folder = await temporaryFolder();
  server = null;
});
afterEach(async () => {
  await server?.kill();
  await folder.remove();
});

async function backUp(dataDir: string, ...args: string[]) {
  const child = Bun.spawn([process.execPath, COMMAND, ...args], {
    cwd: folder.path,
    env: { PATH: process.env.PATH, CONDUIT_DATA_DIR: dataDir },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, output: output + errors };
}

async function read(from: ServerProcess, id: string): Promise<WireTask> {
  return (await from.request(`/v1/tasks/${id}`)).json() as Promise<WireTask>;
}

/** Reads a task until it is in a terminal state, at most as long as its own `timeout_seconds` allows. */
async function ended(from: ServerProcess, id: string): Promise<WireTask> {
  const response = await from.request(`/v1/tasks/${id}/events`);
  await response.text();
  return read(from, id);
}

/** The first event of a stream, as it stands on the wire. */
async function firstEvent(from: ServerProcess, path: string): Promise<string> {
  const response = await from.request(path);
  const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!/^data: .+\n\n/m.test(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the stream ended with:\n${text}`);
    text += value;
  }
  await reader.cancel();
  return text;
}

async function create(on: ServerProcess, body: object): Promise<string> {
  const created = await on.postJson("/v1/images/generations/async", body);
  return ((await created.json()) as { taskId: string }).taskId;
}

/** Every task of a restored folder ends, and every file that a completed one names is there. */
async function judge(dataDir: string): Promise<{ tasks: number; pictures: number }> {
  const restored = await ServerProcess.start({ dataDir });
  try {
    const page = (await (await restored.request("/v1/tasks?limit=100")).json()) as { data: WireTask[] };
    let pictures = 0;
    for (const { taskId } of page.data) {
      const task = await ended(restored, taskId);
      expect(["completed", "failed", "cancelled"]).toContain(task.status);
      for (const { url } of task.result?.images ?? []) {
        const media = await restored.request(new URL(url).pathname);
        expect(media.status, url).toBe(200);
        expect((await media.bytes()).length).toBeGreaterThan(100);
        pictures += 1;
      }
    }
    return { tasks: page.data.length, pictures };
  } finally {
    await restored.kill();
  }
}

describe("a backup", () => {
  test(
    "of a running process is a data directory of its own, in which tasks, pictures and keys go on",
    async () => {
      const dataDir = join(folder.path, "data");
      await mkdir(dataDir);
      server = await ServerProcess.start({ dataDir });
      const done = await create(server, PICTURE);
      const task = await ended(server, done);
      const slow = await create(server, { ...PICTURE, provider_options: { steps: 20, step_ms: 200 } });
      const position = /^id: (.+)$/m.exec(await firstEvent(server, `/v1/tasks/${slow}/events`))?.[1] ?? "";

      const target = join(folder.path, "backups/monday");
      const { code, output } = await backUp(dataDir, target);
      expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining("1 media files") });
      expect((await readdir(target)).sort()).toEqual(["backup.json", "conduit.db", "media"]);
      expect((await stat(target)).mode & 0o777).toBe(0o700);
      expect((await stat(join(target, "conduit.db"))).mode & 0o777).toBe(0o600);
      expect(await Bun.file(join(target, "backup.json")).json()).toMatchObject({ release: DATA_RELEASE });
      await server.kill();

      const place = join(folder.path, "restored");
      await cp(target, place, { recursive: true });
      server = await ServerProcess.start({ dataDir: place });
      const copy = await read(server, done);
      const url = (wire: WireTask) => new URL(wire.result?.images?.[0]?.url ?? "").pathname;
      expect({ ...copy, result: url(copy) }).toEqual({ ...task, result: url(task) });
      expect((await server.request(url(copy))).status).toBe(200);
      // What followed the backup is gone: a stream that goes on from it is told to start anew.
      const resumed = `/v1/tasks/${slow}/events?after=${encodeURIComponent(position)}`;
      expect(await firstEvent(server, resumed)).toContain("event: reset");
      expect(await readdir(place)).not.toContain("backup.json");
      expect(await ended(server, slow)).toMatchObject({ status: "completed" });
    },
    TIMEOUT_MS,
  );

  test(
    "taken while the process is killed again and again restores, with every file it names",
    async () => {
      const made: Promise<{ code: number; output: string; target: string }>[] = [];
      const history = await crashLoop({
        seed: 20_261_129,
        kills: KILLS,
        alongside: (dataDirectory, life) => {
          if (life < 2 || life % 2 === 1) return;
          const target = join(folder.path, `during-${life}`);
          made.push(backUp(dataDirectory, target).then((result) => ({ ...result, target })));
        },
      });
      expect(history.violations).toEqual([]);
      let seen = 0;
      for (const { code, output, target } of await Promise.all(made)) {
        expect({ code, output }).toMatchObject({ code: 0 });
        seen += (await judge(target)).pictures;
        await rm(target, { recursive: true });
      }
      expect(seen).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test("overwrites nothing and leaves nothing where it fails", async () => {
    const dataDir = join(folder.path, "data");
    await mkdir(dataDir);
    const target = join(folder.path, "backup");
    const empty = await backUp(dataDir, target);
    expect(empty).toMatchObject({ code: 1, output: expect.stringContaining("There is no database") });
    await writeFile(join(dataDir, "conduit.db"), "this is a letter, and no database at all".repeat(200));
    expect(await backUp(dataDir, target)).toMatchObject({
      code: 1,
      output: expect.stringContaining("Nothing is left of it"),
    });
    expect(await readdir(folder.path)).toEqual(["data"]);
    await mkdir(target);
    expect(await backUp(dataDir, target)).toMatchObject({
      code: 1,
      output: expect.stringContaining("exists already"),
    });
  });

  test("that is not asked for rightly says how", async () => {
    for (const args of [[], ["--force"], ["a", "b"]])
      expect(await backUp(folder.path, ...args)).toMatchObject({
        code: 2,
        output: expect.stringContaining("Usage: bun run backup <folder>"),
      });
    expect((await backUp(folder.path, "--help")).code).toBe(0);
  });
});
