/** The programs of examples/typescript against the started gateway: in this repository by Bun, and in a project of one's own by Node. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  EXAMPLES,
  ExampleWorld,
  expectFile,
  expectPictureAt,
  expectRising,
  percentages,
  pressPaint,
} from "../../fixture/examples.ts";
import {
  lend,
  PACKING_LIMIT_MS,
  type PackedClient,
  packClient,
  programOf,
} from "../../fixture/packed-client.ts";
import { chromiumIsMissing } from "../../fixture/voice/chromium.ts";

const TEST_MS = 120_000;
const PROGRAMS = join(EXAMPLES, "typescript");
/** As a user sets it who receives webhooks on the gateway's own machine. */
const WEBHOOKS = {
  CONDUITLLM__WEBHOOKS__ALLOWHTTP: "true",
  CONDUITLLM__WEBHOOKS__ALLOWEDHOSTS__0: "localhost",
};

let world: ExampleWorld;
let packed: PackedClient;
let project: string;
beforeAll(async () => {
  world = await ExampleWorld.open(WEBHOOKS);
  packed = await packClient();
  const names = ["generate.ts", "realtime.ts", "webhook-receiver.ts"];
  const texts = await Promise.all(
    names.map(async (name) => [name, await readFile(join(PROGRAMS, name), "utf8")] as const),
  );
  project = await packed.project("own", Object.fromEntries(texts));
  await lend(project, "@microsoft/signalr");
}, PACKING_LIMIT_MS);
afterAll(async () => {
  await world.close();
  await packed.remove();
});

const RUNTIMES: readonly [string, (name: string) => string[]][] = [
  ["Bun", (name) => [process.execPath, join(PROGRAMS, name)]],
  ["Node", (name) => [programOf("node"), join(project, name)]],
];

describe.each(RUNTIMES)("by %s", { timeout: TEST_MS }, (_, command) => {
  test("one call makes a picture, and another one a film", async () => {
    const { lines, cwd } = await world.run(command("generate.ts"));
    for (const file of ["picture.png", "film.webm"]) {
      expectRising(percentages(lines, file));
      expect(lines.filter((line) => line === `saved ${file}`)).toHaveLength(1);
      await expectFile(join(cwd, file));
    }
  });

  test("a picture is followed over the hub", async () => {
    const { lines } = await world.run(command("realtime.ts"));
    expect(lines[0]).toBe("connected (image, hub)");
    expectRising(percentages(lines));
    await expectPictureAt(lines.at(-1));
  });

  test("a webhook is received, and verified, when the picture is ready", async () => {
    const { lines, cwd } = await world.run(command("webhook-receiver.ts"));
    expect(lines.slice(1)).toEqual(["task.completed", "saved picture.png"]);
    await expectFile(join(cwd, "picture.png"));
  });

  test.each(["generate.ts", "realtime.ts"])(
    "%s ends with the gateway's words when its key is refused",
    (name) => world.runRefused(command(name)),
  );
});

describe("without the client package", { timeout: TEST_MS }, () => {
  test("a picture is painted over plain HTTP and saved", async () => {
    const { lines, cwd } = await world.run([
      process.execPath,
      join(PROGRAMS, "paint.ts"),
      "a fox",
      "fox.png",
    ]);
    expect(lines.at(-1)).toBe("saved fox.png");
    await expectFile(join(cwd, "fox.png"));
  });

  test("a task is followed with Microsoft's client", async () => {
    const { lines } = await world.run([process.execPath, join(PROGRAMS, "follow-with-signalr.ts")]);
    await expectPictureAt(lines.find((line) => line.startsWith("http")));
  });
});

const skipped = chromiumIsMissing === null ? "" : ` (skipped: ${chromiumIsMissing})`;

describe.skipIf(chromiumIsMissing !== null)(`a page${skipped}`, { timeout: TEST_MS }, () => {
  test.each([
    ["follow-in-a-browser.ts", 1024],
    ["react/server.ts", 2048],
  ])("of %s shows the progress and the picture", async (name, width) => {
    const command = [process.execPath, join(PROGRAMS, name)];
    const { program, cwd } = await world.start(command, { PORT: "0" });
    try {
      const address = await program.until("http://localhost:");
      const found = await pressPaint(address, cwd);
      expect(found.width).toBe(width);
      expectRising(found.seen);
      await expectPictureAt(found.src);
    } finally {
      program.kill();
    }
  });
});
