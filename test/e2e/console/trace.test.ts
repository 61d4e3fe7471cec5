/** The console's trace of one connection in a real browser against a started gateway. */

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { WireAccepted } from "../../../src/protocol/task.ts";
import {
  BROWSER_MS,
  type ConsolePage,
  missingBrowser,
  named,
  openBrowser,
  openConsole,
  SHOWN,
} from "../../fixture/console/console-page.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../../fixture/server-process.ts";

const UNKNOWN = "01a00000-0000-7000-8000-000000000000";

describe.skipIf(missingBrowser !== null)(named("the console's trace"), { timeout: BROWSER_MS }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ServerProcess;
  let browser: Browser;
  let shown: ConsolePage | undefined;

  beforeAll(async () => {
    folder = await temporaryFolder();
    [server, browser] = await Promise.all([ServerProcess.start({ dataDir: folder.path }), openBrowser()]);
  });
  afterEach(async () => {
    await shown?.close();
    shown = undefined;
  });
  afterAll(async () => {
    await browser.close();
    await server.kill();
    await folder.remove();
  });

  async function open(query = ""): Promise<ConsolePage["page"]> {
    shown = await openConsole(browser, server.url, {
      at: `trace${query}`,
      permissions: ["clipboard-read", "clipboard-write"],
    });
    await shown.page.getByRole("heading", { name: "Trace" }).waitFor();
    return shown.page;
  }

  async function create(prompt: string, options: object = { steps: 1 }): Promise<string> {
    const body = { model: "local/canvas", prompt, size: "64x64", provider_options: options };
    const answer = await server.postJson("/v1/images/generations/async", body);
    return ((await answer.json()) as WireAccepted).taskId;
  }

  test("shows every frame of a hub in both directions, and the key in none", async () => {
    const page = await open();
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("button", { name: /"result":/ }).waitFor();
    await create("a heron");
    await page.getByRole("button", { name: /"type":"completed"/ }).waitFor();
    const lines = await page
      .getByRole("region", { name: "Frames, newest last" })
      .getByRole("listitem")
      .allInnerTexts();
    const kinds = lines.map((line) => line.replaceAll(/\s+/g, " ").replace(/^[\d:.]+ /, ""));
    expect(kinds.slice(0, 7)).toEqual([
      "out → 45 B POST /hubs/tasks/negotiate?negotiateVersion=1",
      expect.stringMatching(/^in ← \d+ B 200 OK .*"connectionToken":"\[hidden\]"/),
      "note GET /hubs/tasks, to become a WebSocket",
      'out → 32 B {"protocol":"json","version":1}',
      "in ← 3 B {}",
      'out → 69 B {"type":1,"invocationId":"1","target":"SubscribeAll","arguments":[]}',
      expect.stringMatching(/^in ← \d+ B \{"type":3,"invocationId":"1","result":/),
    ]);
    await page.getByLabel("Whole frames").check();
    await page.getByText('"target": "TaskEvent"').first().waitFor();
    await page.getByRole("button", { name: "Copy all" }).click();
    await page.getByText(/^Copied \d+ frames/).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toContain('"target": "TaskEvent"');
    for (const text of [copied, await page.content()]) {
      expect(text).not.toContain(BOOTSTRAP_KEY);
      expect(text).not.toContain("access_token");
    }
    await page.getByRole("button", { name: "Disconnect" }).click();
    await page.getByText("Not connected").waitFor();
    expect(shown?.complaints).toEqual([]);
  });

  test("follows one task over the hub of pictures, and another one besides", async () => {
    const page = await open("?source=image-generation");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("This hub follows single tasks: name one.").waitFor();
    const first = await create("a heron");
    await page.getByLabel("Task").fill(first);
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("button", { name: /"TaskCompleted"/ }).waitFor();
    await page.getByLabel("Task").fill(UNKNOWN);
    await page.getByRole("button", { name: "Follow this task" }).click();
    await page.getByRole("button", { name: /Task not found/ }).waitFor();
    await page.getByLabel("Only frames with this text").fill(first);
    const rows = page.getByRole("region", { name: "Frames, newest last" }).getByRole("listitem");
    await expect.poll(() => rows.filter({ hasText: "Task not found" }).count(), SHOWN).toBe(0);
    expect(await rows.filter({ hasText: "TaskCompleted" }).count()).toBe(1);
  });

  test("is opened from the page of a task that runs, to follow that one", async () => {
    const running = await create("a heron", { steps: 100, step_ms: 1_000 });
    shown = await openConsole(browser, server.url, { at: `tasks/${running}` });
    const { page } = shown;
    await page.getByRole("link", { name: "Trace it" }).click();
    expect(await page.getByRole("combobox", { name: "Task" }).inputValue()).toBe(running);
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("button", { name: /"target":"Subscribe"/ }).waitFor();
    await page.getByRole("button", { name: /"type":"snapshot"/ }).waitFor();
    await server.postJson(`/v1/tasks/${running}/cancel`, {});
  });

  test("shows an event stream with its comments, stands still while it is paused, and is cleared", async () => {
    const page = await open("?source=events");
    await page.getByRole("button", { name: "Connect" }).click();
    await page
      .getByRole("button", { name: /in ← \d+ B :/ })
      .first()
      .waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await create("a heron");
    await page.getByText(/^[\d]+ frames shown\. Paused, [1-9]\d* more since\./).waitFor();
    expect(await page.getByRole("button", { name: /event: completed/ }).count()).toBe(0);
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("button", { name: /event: completed/ }).waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByText("No frames yet").waitFor();
  });

  test("says that its code could not be loaded, and offers to load the console again", async () => {
    shown = await openConsole(browser, server.url);
    const { page } = shown;
    await page.route("**/trace-page-*.js", (route) => route.abort());
    await page.getByRole("link", { name: "Trace" }).click();
    await page.getByRole("alert").getByText("This page could not be loaded from the gateway.").waitFor();
    await page.unroute("**/trace-page-*.js");
    await page.getByRole("button", { name: "Load the console again" }).click();
    await page.getByRole("heading", { name: "Trace" }).waitFor();
  });

  test("says what a refusal and what the end of a connection mean", async () => {
    const page = await open(`?source=events&task=${UNKNOWN}`);
    await page.getByRole("button", { name: "Connect" }).click();
    await page
      .getByRole("alert")
      .getByText(/^Refused with 404: task_not_found/)
      .waitFor();
    await page.getByLabel("Connection").selectOption("tasks");
    await page.getByLabel("Task").fill("");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("Open", { exact: true }).waitFor();
    await server.stop();
    await page
      .getByRole("alert")
      .getByText(/^Closed with 1001.*The gateway stops/)
      .waitFor();
  });
});
