/** OpenAI's library for Python, unmodified, against the started program: with a fake OpenAI behind it, and with the built-in models. */

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../fixture/foreign-clients.ts";
import { FAKE_KEY, type FakeOpenAi, startFakeOpenAi } from "../fixture/providers/fake-openai.ts";
import { installPythonPackage, PYTHON_INSTALL_MS, type PythonPackage } from "../fixture/python-package.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

const PROGRAM = resolve(import.meta.dirname, "../foreign/python/use_openai.py");
/** As it was when these tests were written. */
const PACKAGE = "openai==3.57.0";
const TEST_MS = 60_000;

type Saw = { saw: string } & Record<string, unknown>;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let python: PythonPackage;

beforeAll(async () => {
  folder = await temporaryFolder();
  python = await installPythonPackage(PACKAGE, folder.path);
}, PYTHON_INSTALL_MS * 2);
afterAll(() => folder.remove());

/** What the program says it saw, by name. */
async function use(command: string, url: string, part: "paid" | "local"): Promise<Map<string, Saw>> {
  const printed = await run([command, PROGRAM, url, BOOTSTRAP_KEY, part], folder.path, TEST_MS);
  const lines = printed
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Saw);
  return new Map(lines.map((line) => [line.saw, line]));
}

describe("OpenAI's library for Python", { timeout: TEST_MS }, () => {
  let upstream: FakeOpenAi;
  let server: ServerProcess | null = null;
  beforeAll(async () => {
    upstream = await startFakeOpenAi();
  });
  afterAll(async () => {
    await server?.kill();
    await upstream.close();
  });

  const start = async (name: string, env: Record<string, string>) => {
    await server?.kill();
    const dataDir = join(folder.path, name);
    await mkdir(dataDir);
    server = await ServerProcess.start({ dataDir, env });
    return server.url;
  };

  test("makes, edits and streams pictures of OpenAI's models", async ({ skip }) => {
    if ("missing" in python) return skip(python.missing);
    const url = await start("paid", {
      OPENAI_API_KEY: FAKE_KEY,
      CONDUITLLM__PROVIDERS__OPENAI__BASEURL: upstream.baseUrl,
    });
    const saw = await use(python.command, url, "paid");
    expect(saw.get("generate")).toMatchObject({ types: ["png", "png"], size: "1536x864" });
    expect(saw.get("edit")).toMatchObject({ types: ["png"] });
    expect(saw.get("stream")).toMatchObject({
      events: [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
      ],
      indexes: [0, 1],
      types: ["png", "png", "png"],
    });
    expect(saw.get("edit stream")).toMatchObject({
      events: ["image_edit.partial_image", "image_edit.completed"],
    });
    expect(saw.get("refusal")).toMatchObject({ param: "size" });
    expect(saw.get("models")).toMatchObject({ has: true });
    const edit = upstream.calls.find(({ operation }) => operation === "edits");
    expect(edit?.files.map(({ name }) => name)).toEqual(["image[]", "image[]", "mask"]);
  });

  test("makes pictures and films of the built-in models, by the names it knows", async ({ skip }) => {
    if ("missing" in python) return skip(python.missing);
    const url = await start("local", {});
    const saw = await use(python.command, url, "local");
    expect(saw.get("generate")).toMatchObject({ types: ["png"] });
    expect(saw.get("link")).toMatchObject({ links: [true] });
    expect(saw.get("edit refused")).toMatchObject({ param: "image" });
    expect(saw.get("film")).toMatchObject({
      status: "completed",
      progress: 100,
      seconds: "1",
      size: "128x72",
      model: "sora-2",
    });
    expect(saw.get("retrieve")).toMatchObject({ same: true, status: "completed" });
    expect(saw.get("content")).toMatchObject({ type: "webm" });
    expect(saw.get("list")).toMatchObject({ first: true });
    expect(saw.get("delete")).toMatchObject({ deleted: true });
    expect(saw.get("gone")).toMatchObject({ code: expect.any(String) });
  });
});
