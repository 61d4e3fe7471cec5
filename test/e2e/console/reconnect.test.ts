/** The console while its gateway is away: it says so, goes on by itself, and loses nothing. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireAccepted } from "../../../src/protocol/task.ts";
import {
  BROWSER_MS,
  missingBrowser,
  named,
  openBrowser,
  openConsole,
} from "../../fixture/console/console-page.ts";
import { ServerProcess, temporaryFolder } from "../../fixture/server-process.ts";
import { freePort } from "../../fixture/workerd.ts";

describe.skipIf(missingBrowser !== null)(named("the console"), { timeout: 2 * BROWSER_MS }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ServerProcess;
  let browser: Browser;
  const env = { PORT: String(freePort()) };
  beforeAll(async () => {
    folder = await temporaryFolder();
    [server, browser] = await Promise.all([
      ServerProcess.start({ dataDir: folder.path, env }),
      openBrowser(),
    ]);
  });
  afterAll(async () => {
    await browser.close();
    await server.kill();
    await folder.remove();
  });

  test("shows the picture of a gateway that was killed meanwhile, and the tasks it took since", async () => {
    const { page, close } = await openConsole(browser, server.url);
    await page.getByLabel("Prompt").fill("a survivor");
    await page.getByLabel("Size").fill("64x64");
    await page.getByText("More settings").click();
    await page.getByLabel("Provider options").fill('{"steps": 12, "step_ms": 400}');
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText(/^[1-9]\d? %/).waitFor();
    await server.kill();
    await page.getByText("Connecting…", { exact: true }).waitFor();
    server = await ServerProcess.start({ dataDir: folder.path, env });
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("img", { name: "Result 1: a survivor" }).waitFor();

    await page.getByRole("link", { name: "Tasks" }).click();
    await page.getByRole("row").getByText("completed", { exact: true }).waitFor();
    await server.kill();
    await page.getByText("Connecting…", { exact: true }).waitFor();
    server = await ServerProcess.start({ dataDir: folder.path, env });
    const body = { model: "local/canvas", prompt: "taken since", size: "64x64" };
    const answer = await server.postJson("/v1/images/generations/async", body);
    const { taskId } = (await answer.json()) as WireAccepted;
    const row = page.getByRole("row").filter({ hasText: taskId.slice(-8) });
    await row.getByText("completed", { exact: true }).waitFor();
    expect(await page.getByRole("row").count()).toBe(1 + 2);
    await close();
  });
});
