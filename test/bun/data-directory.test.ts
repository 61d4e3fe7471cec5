import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBunSqlite } from "../../src/runtime/bun/sqlite-file.ts";
import { type DataDirectory, openDataDirectory } from "../../src/runtime/process/data/data-directory.ts";
import { temporaryFolder } from "../fixture/server-process.ts";

const MODULE = resolve(import.meta.dirname, "../../src/runtime/process/data/data-directory.ts");
const SQLITE = resolve(import.meta.dirname, "../../src/runtime/bun/sqlite-file.ts");

let folder: { path: string; remove(): Promise<void> };
let data: string;
const opened: DataDirectory[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "nested", "data");
});

afterEach(async () => {
  for (const directory of opened.splice(0)) directory.release();
  await folder.remove();
});

function open(path = data): DataDirectory {
  const directory = openDataDirectory(path, openBunSqlite);
  opened.push(directory);
  return directory;
}

/** A process that owns the folder and then waits; resolves once it does. */
async function ownerProcess(): Promise<Bun.Subprocess<"pipe", "pipe", "inherit">> {
  const script = `
    import { openDataDirectory } from ${JSON.stringify(MODULE)};
    import { openBunSqlite } from ${JSON.stringify(SQLITE)};
    globalThis.directory = openDataDirectory(${JSON.stringify(data)}, openBunSqlite);
    console.log("owned");
    for await (const _ of process.stdin) {}
  `;
  const child = Bun.spawn([process.execPath, "-e", script], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const first = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(first.value)).toBe("owned\n");
  return child;
}

describe("the data directory", () => {
  it("is made with everything above it, closed to other users and kept out of repositories", () => {
    const directory = open();
    expect(statSync(directory.path).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(data, ".gitignore"), "utf8")).toBe("*\n");
    expect(directory.databaseFile.startsWith(data)).toBe(true);
  });

  it("leaves a .gitignore alone that was there before, as in the folder of a project", () => {
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, ".gitignore"), "node_modules\n");
    open();
    expect(readFileSync(join(data, ".gitignore"), "utf8")).toBe("node_modules\n");
  });

  it("is refused to a second start, with a message that tells who owns it and names Redis", async () => {
    const owner = await ownerProcess();
    expect(() => open()).toThrow(new RegExp(`in use by process ${owner.pid} on .*Redis`));
    owner.kill("SIGKILL");
    await owner.exited;
  });

  it("is refused to a second start in the same process", () => {
    open();
    expect(() => open()).toThrow("in use by");
    expect(() => open()).toThrow("in use by");
  });

  it("can be had again the moment its owner was killed", async () => {
    const owner = await ownerProcess();
    owner.kill("SIGKILL");
    await owner.exited;
    expect(existsSync(join(data, "owner.json"))).toBe(true);
    expect(open().path).toBe(data);
  });

  it("can be had although the pid of its dead owner belongs to a living process now", () => {
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, "owner.lock"), "");
    writeFileSync(
      join(data, "owner.json"),
      JSON.stringify({ pid: 1, host: "here", bootId: "x", since: "y" }),
    );
    open();
    expect(JSON.parse(readFileSync(join(data, "owner.json"), "utf8"))).toMatchObject({ pid: process.pid });
  });

  it("goes to exactly one of several starts at once", async () => {
    const script = `
      import { openDataDirectory } from ${JSON.stringify(MODULE)};
    import { openBunSqlite } from ${JSON.stringify(SQLITE)};
      try { openDataDirectory(${JSON.stringify(data)}, openBunSqlite); console.log("mine"); } catch { console.log("refused"); }
      for await (const _ of process.stdin) {}
    `;
    const children = Array.from({ length: 4 }, () =>
      Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe", stderr: "inherit" }),
    );
    const said = await Promise.all(
      children.map(async (child) =>
        new TextDecoder().decode((await child.stdout.getReader().read()).value).trim(),
      ),
    );
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.exited));
    expect(said.toSorted()).toEqual(["mine", "refused", "refused", "refused"]);
  });

  it("can be had again after it was released", () => {
    openDataDirectory(data, openBunSqlite).release();
    open();
  });

  it("is had although it cannot say who owns it, which a full disk does not let it write", () => {
    mkdirSync(data, { recursive: true });
    writeFileSync(
      join(data, "owner.json"),
      JSON.stringify({ pid: 1, host: "here", bootId: "x", since: "y" }),
    );
    // What is in the way of the file makes writing it fail for every user.
    mkdirSync(join(data, "owner.json.new"));
    expect(open().warnings).toEqual([expect.stringMatching(/owner\.json cannot be written \(EISDIR\)/)]);
    expect(() => open()).toThrow("in use by another process");
  });

  it("has no warnings when it could write everything", () => {
    expect(open().warnings).toEqual([]);
  });

  it("is refused with its path when it cannot be a folder", () => {
    const file = join(folder.path, "file");
    writeFileSync(file, "");
    expect(() => open(file)).toThrow(new RegExp(`${file} cannot be written.*CONDUIT_DATA_DIR`));
  });

  it("is refused with its path when it cannot be locked", () => {
    mkdirSync(join(data, "owner.lock"), { recursive: true });
    expect(() => open()).toThrow(/cannot be locked/);
    rmSync(join(data, "owner.lock"), { recursive: true });
    open();
  });
});
