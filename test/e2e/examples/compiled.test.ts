/** The programs of examples/ in Go, Java, C# and shell against the started gateway, each as its line in examples/README.md starts it. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  build,
  ExampleWorld,
  expectFile,
  expectRising,
  type Installed,
  percentages,
} from "../../fixture/examples.ts";

const INSTALL_MS = 600_000;
const TEST_MS = 180_000;
const PROMPT = "a lighthouse in a storm";
const FILE = "lighthouse.png";

type Program = {
  name: string;
  /** The folder of examples/ that it is in. */
  example: string;
  /** What has to be installed, and how it is built; the first word is the tool. */
  build: readonly string[];
  run(place: string): readonly string[];
};

const maven = (mainClass: string): Omit<Program, "name"> => ({
  example: "java",
  build: ["mvn", "--quiet", "--batch-mode", "compile"],
  run: (place) => [
    ...["mvn", "--quiet", "--batch-mode", "--file", join(place, "pom.xml"), "exec:java"],
    ...[`-Dexec.mainClass=${mainClass}`, `-Dexec.args='${PROMPT}' ${FILE}`],
  ],
});
const go = (program: string): Omit<Program, "name"> => ({
  example: "go",
  build: ["go", "build", "-o", "bin/", "./..."],
  run: (place) => [join(place, "bin", program), PROMPT, FILE],
});
const PROGRAMS: readonly Program[] = [
  { name: "Go over Server-Sent Events", ...go("plain") },
  { name: "Go over a WebSocket", ...go("websocket") },
  { name: "Java over Server-Sent Events", ...maven("Plain") },
  { name: "Java over SignalR", ...maven("Follow") },
  {
    name: "C#",
    example: "csharp",
    build: ["dotnet", "build", "Conduit.Paint"],
    run: (place) => [
      ...["dotnet", "run", "--no-build", "--project", join(place, "Conduit.Paint"), "--"],
      ...[PROMPT, FILE],
    ],
  },
  {
    name: "curl",
    example: "curl",
    build: ["jq", "--version"],
    run: (place) => [join(place, "paint.sh"), PROMPT, FILE],
  },
];

let world: ExampleWorld;
const built = new Map<string, Installed<{ place: string }>>();
beforeAll(async () => {
  world = await ExampleWorld.open();
  const places = join(world.folder, "built");
  await mkdir(places);
  for (const program of PROGRAMS)
    if (!built.has(program.example))
      built.set(program.example, await build(places, program.example, program.build));
}, INSTALL_MS);
afterAll(() => world.close());

describe.each(PROGRAMS)("the program in $name", { timeout: TEST_MS }, ({ example, run }) => {
  const place = () => built.get(example) ?? { missing: "It was not built" };

  test("paints, shows the progress and saves the picture", async ({ skip }) => {
    const found = place();
    if ("missing" in found) return skip(found.missing);
    const { lines, cwd } = await world.run(run(found.place));
    expectRising(percentages(lines));
    expect(lines.at(-1)).toBe(`saved ${FILE}`);
    await expectFile(join(cwd, FILE));
  });

  test("goes on where it was when the gateway is killed and started again", async ({ skip }) => {
    const found = place();
    if ("missing" in found) return skip(found.missing);
    const { program, cwd } = await world.start(run(found.place));
    try {
      await program.untilLine((line) => percentages([line]).some((one) => one > 0), "progress");
      await world.restart();
      const code = await program.ended();
      expect({ code, errors: code === 0 ? "" : program.errors }).toEqual({ code: 0, errors: "" });
    } finally {
      program.kill();
    }
    expectRising(percentages(program.lines));
    await expectFile(join(cwd, FILE));
  });

  test("ends with the gateway's words when its key is refused", async ({ skip }) => {
    const found = place();
    if ("missing" in found) return skip(found.missing);
    await world.runRefused(run(found.place));
  });
});

test("the site in C# answers the id of the task it made", { timeout: TEST_MS }, async ({ skip }) => {
  const found = built.get("csharp");
  if (found === undefined || "missing" in found) return skip(found?.missing ?? "It was not built");
  const project = join(found.place, "Conduit.Web");
  const serve = ["dotnet", "run", "--project", project, "--", "--urls", "http://127.0.0.1:0"];
  const { program } = await world.start(serve);
  try {
    const line = await program.untilLine((one) => one.includes("Now listening on"), "address");
    const address = /http:\S+/.exec(line)?.[0] ?? "";
    const answer = await fetch(`${address}/api/image/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: PROMPT }),
    });
    expect(await answer.json()).toEqual({ taskId: expect.any(String) });
    await program.untilLine((one) => one.includes("is completed"), "word of its end");
  } finally {
    program.kill();
  }
});
