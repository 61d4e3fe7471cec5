/** The console of a Worker in a real workerd: its files are the Worker's assets, and its tasks are worked on there. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPage } from "../../../src/runtime/bun/page-builds.ts";
import {
  BROWSER_MS,
  missingBrowser,
  named,
  openBrowser,
  openConsole,
  SHOWN,
} from "../../fixture/console/console-page.ts";
import { temporaryFolder } from "../../fixture/server-process.ts";
import { WorkerProcess } from "../../fixture/worker-process.ts";

const BROWSER = { headers: { accept: "text/html" } };

describe("a Worker with the built pages", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let worker: WorkerProcess;
  beforeAll(async () => {
    folder = await temporaryFolder();
    const pages = join(folder.path, "pages");
    await mkdir(join(pages, "console"), { recursive: true });
    for (const [name, bytes] of await buildPage("console"))
      await writeFile(join(pages, "console", name), bytes);
    worker = await WorkerProcess.start({ pages });
  });
  afterAll(async () => {
    await worker.stop();
    await folder.remove();
  });

  test("answers the console to a browser with its policy, its files to keep, and the overview to others", async () => {
    const page = await fetch(worker.url, BROWSER);
    const document = await page.text();
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    const [, script = ""] = /src="(console\/main-[^"]+)"/.exec(document) ?? [];
    const code = await fetch(`${worker.url}/${script}`);
    expect(code.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(code.headers.get("cache-control")).toContain("immutable");
    expect((await code.text()).length).toBeGreaterThan(100_000);
    expect((await fetch(`${worker.url}/console/main-none.js`)).status).toBe(404);
    expect(await (await fetch(worker.url)).json()).toMatchObject({ name: "Conduit" });
  });

  test.skipIf(missingBrowser !== null)(
    named("paints a picture in a browser, and lists it"),
    async () => {
      const browser = await openBrowser();
      try {
        const { page, complaints } = await openConsole(browser, worker.url);
        await page.getByLabel("Prompt").fill("a fox at the edge");
        await page.getByLabel("Size").fill("128x64");
        await page.getByRole("button", { name: "Run" }).click();
        await page.getByRole("img", { name: "Result 1: a fox at the edge" }).waitFor();
        await page.getByRole("link", { name: "Tasks" }).click();
        const picture = page.getByRole("row").locator("img");
        // No small copies are made there: the picture itself stands in the row.
        await expect
          .poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth), SHOWN)
          .toBe(128);
        expect(complaints).toEqual([]);
      } finally {
        await browser.close();
      }
    },
    BROWSER_MS,
  );
});

test("a Worker without pages answers the overview to a browser as well", async () => {
  const worker = await WorkerProcess.start();
  try {
    expect(await (await fetch(worker.url, BROWSER)).json()).toMatchObject({ name: "Conduit" });
  } finally {
    await worker.stop();
  }
});
