/** The programs of examples/python against the started gateway, with the packages of their list. */

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  EXAMPLES,
  ExampleWorld,
  expectFile,
  expectPictureAt,
  expectRising,
  type Installed,
  installPython,
  percentages,
} from "../../fixture/examples.ts";
import { temporaryFolder } from "../../fixture/server-process.ts";

const INSTALL_MS = 300_000;
const TEST_MS = 120_000;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let python: Installed<{ bin: string }>;
beforeAll(async () => {
  folder = await temporaryFolder();
  python = await installPython(folder.path, "python");
}, INSTALL_MS);
afterAll(() => folder.remove());

/** How a program is started, or null where the packages could not be had: `why` says why. */
const command = (name: string): string[] | null =>
  "missing" in python ? null : [join(python.bin, "python"), join(EXAMPLES, "python", name)];
const why = () => ("missing" in python ? python.missing : "");

describe("a Python program", { timeout: TEST_MS, concurrent: true }, () => {
  let world: ExampleWorld;
  beforeAll(async () => {
    world = await ExampleWorld.open();
  });
  afterAll(() => world.close());

  test("paints over plain HTTP and saves the picture", async ({ skip }) => {
    const plain = command("plain.py") ?? skip(why());
    const { lines, cwd } = await world.run([...plain, "a lighthouse", "lighthouse.png"]);
    expectRising(percentages(lines));
    expect(lines.slice(-2)).toEqual(["completed 100%", "saved lighthouse.png"]);
    await expectFile(join(cwd, "lighthouse.png"));
  });

  // `signalrcore` notices its own stop with the next message of the server, which is a ping.
  test.for(["with_pysignalr.py", "with_signalrcore.py", "bare_websocket.py"])(
    "follows a task by %s",
    async (name, { skip }) => {
      const { lines } = await world.run(command(name) ?? skip(why()));
      expectRising(percentages(lines));
      await expectPictureAt(lines.at(-1));
    },
  );

  test("makes a picture and a film over one connection", async ({ skip }) => {
    const { lines, cwd } = await world.run(command("realtime.py") ?? skip(why()));
    expectRising(percentages(lines, "picture"));
    expectRising(percentages(lines, "film"));
    await expectFile(join(cwd, "picture.png"));
    await expectFile(join(cwd, "film.webm"));
  });

  test("paints ten pictures over a pool of three connections", async ({ skip }) => {
    const { lines } = await world.run(command("pool.py") ?? skip(why()));
    expect(new Set(lines.map((line) => line.split(": ")[0])).size).toBe(10);
    await expectPictureAt(lines[0]?.split(": ")[1]);
  });

  test.for([
    "plain.py",
    "with_pysignalr.py",
    "with_signalrcore.py",
    "bare_websocket.py",
    "realtime.py",
    "pool.py",
  ])("ends with the gateway's words when its key is refused: %s", async (name, { skip }) => {
    await world.runRefused(command(name) ?? skip(why()));
  });
});

describe("a Python program whose gateway is killed and started again", { timeout: TEST_MS }, () => {
  let world: ExampleWorld;
  beforeAll(async () => {
    world = await ExampleWorld.open();
  });
  afterAll(() => world.close());

  test.for([
    ["realtime.py", "picture"],
    ["plain.py", "running"],
    ["bare_websocket.py", ""],
  ] as const)("goes on where it was: %s", async ([name, beginning], { skip }) => {
    if ("missing" in python) return skip(python.missing);
    const { program, cwd } = await world.start([join(python.bin, "python"), join(EXAMPLES, "python", name)]);
    try {
      await program.untilLine((line) => percentages([line], beginning).some((one) => one > 0), "progress");
      await world.restart();
      expect({ code: await program.ended(), errors: program.errors }).toEqual({ code: 0, errors: "" });
    } finally {
      program.kill();
    }
    expectRising(percentages(program.lines, beginning));
    if (name === "bare_websocket.py") return expectPictureAt(program.lines.at(-1));
    expect(program.lines.filter((line) => line === "saved picture.png")).toHaveLength(1);
    await expectFile(join(cwd, "picture.png"));
    if (name === "realtime.py")
      expect(program.lines).toEqual(expect.arrayContaining(["reconnecting", "reconnected"]));
  });
});
