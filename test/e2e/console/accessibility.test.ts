/** What axe finds on the console's pages, in both themes; and that nothing is wider than a phone. */

import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireAccepted } from "../../../src/protocol/task.ts";
import {
  BROWSER_MS,
  missingBrowser,
  named,
  openBrowser,
  openConsole,
} from "../../fixture/console/console-page.ts";
import { ADMIN_KEY, ServerProcess, temporaryFolder } from "../../fixture/server-process.ts";

const THEMES = ["light", "dark"] as const;
const PHONE = { width: 360, height: 740 };
const FAILING = { steps: 1, fail_at: 1, fail: "permanent" };
const ENDLESS = { steps: 100, step_ms: 1_000 };

/** A page of the console as the tests look at it: what is done to get there, and what shows that it is there. */
type View = { name: string; key?: null; reach(page: Page): Promise<void> };

describe.skipIf(missingBrowser !== null)(named("the console"), { timeout: BROWSER_MS }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ServerProcess;
  let browser: Browser;
  const tasks = { completed: "", failed: "", running: "" };

  const at = async (page: Page, path: string) => {
    await page.evaluate((hash) => {
      window.location.hash = hash;
    }, `#/${path}`);
  };
  const openAdmin = async (page: Page, path: string) => {
    await at(page, path);
    await page.getByLabel("Admin key").fill(ADMIN_KEY);
    await page.getByRole("button", { name: "Go on" }).click();
  };
  const VIEWS: readonly View[] = [
    {
      name: "the way in, with a refusal",
      key: null,
      async reach(page) {
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.getByRole("alert").waitFor();
      },
    },
    {
      name: "the playground with all its fields and a picture",
      async reach(page) {
        await page.getByText("More settings").click();
        await page.getByLabel("Prompt").fill("a heron at the lake");
        await page.getByLabel("Provider options").fill("no JSON");
        await page.getByText(/^Enter a JSON object/).waitFor();
        await page.getByLabel("Provider options").fill("");
        await page
          .getByText(/^(?:Free|Usually)/)
          .first()
          .waitFor();
        await page.getByRole("button", { name: "Run" }).click();
        await page.getByRole("img", { name: "Result 1: a heron at the lake" }).waitFor();
      },
    },
    {
      name: "the program to copy",
      async reach(page) {
        await at(page, `tasks/${tasks.completed}`);
        await page.getByRole("button", { name: "Copy as code" }).click();
        await page.getByRole("dialog").waitFor();
      },
    },
    {
      name: "the list of tasks in every state",
      async reach(page) {
        await at(page, "tasks");
        for (const status of ["completed", "failed", "running"])
          await page.getByRole("row").getByText(status, { exact: true }).first().waitFor();
        await page.getByRole("row").getByRole("checkbox").nth(1).check();
      },
    },
    {
      name: "an empty list",
      async reach(page) {
        await at(page, "tasks?type=video");
        await page.getByText("No tasks here").waitFor();
      },
    },
    {
      name: "the page of a task that runs",
      async reach(page) {
        await at(page, `tasks/${tasks.running}`);
        await page.getByText(/^[1-9]\d? %/).waitFor();
      },
    },
    {
      name: "the page of a task that failed",
      async reach(page) {
        await at(page, `tasks/${tasks.failed}`);
        await page.getByText(/^provider_error/).waitFor();
      },
    },
    {
      name: "the page of a task that there is not",
      async reach(page) {
        await at(page, "tasks/01a00000-0000-7000-8000-000000000000");
        await page.getByText("There is no such task").waitFor();
      },
    },
    {
      name: "spend in its plot and table",
      async reach(page) {
        await at(page, "spend");
        await page.getByRole("cell", { name: "local/canvas" }).waitFor();
      },
    },
    {
      name: "the form of a webhook endpoint",
      async reach(page) {
        await at(page, "webhooks");
        await page.getByRole("button", { name: "Add an endpoint" }).click();
        await page.getByLabel("Address").waitFor();
      },
    },
    {
      name: "the question for the admin key",
      async reach(page) {
        await at(page, "admin");
        await page.getByLabel("Admin key").waitFor();
      },
    },
    ...["keys", "spend", "providers", "changes"].map(
      (view): View => ({
        name: `administration, ${view}`,
        async reach(page) {
          await openAdmin(page, `admin?view=${view}`);
          await page.getByRole("tab", { name: view, selected: true }).waitFor();
        },
      }),
    ),
    {
      name: "the page of a key",
      async reach(page) {
        await openAdmin(page, "admin/keys/key_bootstrap");
        await page.getByRole("heading", { name: "Bootstrap key" }).waitFor();
        await page.getByRole("heading", { name: /in 30 days$/ }).waitFor();
      },
    },
    {
      name: "the page of voice without a microphone",
      async reach(page) {
        await at(page, "voice");
        await page.getByRole("button", { name: "Start" }).click();
        await page.getByRole("alert").waitFor();
      },
    },
    {
      name: "the trace of a connection, with a frame that is open",
      async reach(page) {
        await at(page, "trace");
        await page.getByRole("button", { name: "Connect" }).click();
        await page.getByRole("button", { name: /"result":/ }).click();
        await page.locator("pre").waitFor();
      },
    },
    {
      name: "a page that there is not",
      async reach(page) {
        await at(page, "nowhere");
        await page.getByText("There is no such page").waitFor();
      },
    },
  ];

  beforeAll(async () => {
    folder = await temporaryFolder();
    [server, browser] = await Promise.all([ServerProcess.start({ dataDir: folder.path }), openBrowser()]);
    const create = async (options: object) => {
      const body = { model: "local/canvas", prompt: "a heron", size: "64x64", provider_options: options };
      const answer = await server.postJson("/v1/images/generations/async", body);
      return ((await answer.json()) as WireAccepted).taskId;
    };
    tasks.running = await create(ENDLESS);
    tasks.failed = await create(FAILING);
    tasks.completed = await create({ steps: 1 });
  });
  afterAll(async () => {
    await browser.close();
    await server.kill();
    await folder.remove();
  });

  describe.each(THEMES)("in the %s theme", (colorScheme) => {
    test.each(VIEWS)("has nothing that axe finds wrong on $name", async ({ reach, key }) => {
      const { page, complaints, close } = await openConsole(browser, server.url, {
        colorScheme,
        // Nothing is half on its way from one colour to another.
        reducedMotion: "reduce",
        ...(key === null && { key }),
      });
      await reach(page);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => {
        const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
        return axe.run();
      });
      const found = violations.map(({ id, impact, nodes }) => [id, impact, nodes.map(({ html }) => html)]);
      expect(found).toEqual([]);
      expect(complaints).toEqual([]);
      await close();
    });
  });

  test.each(VIEWS)("fits the width of a phone: $name", async ({ reach, key }) => {
    const { page, close } = await openConsole(browser, server.url, {
      viewport: PHONE,
      ...(key === null && { key }),
    });
    await reach(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(PHONE.width);
    await close();
  });

  test("is used by keyboard alone, from the first key to a picture", async () => {
    const { page, close } = await openConsole(browser, server.url);
    await page.getByLabel("Prompt").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("MAIN");
    const reachPrompt = async () => {
      for (let tabs = 0; tabs < 10; tabs += 1) {
        await page.keyboard.press("Tab");
        if (await page.evaluate(() => document.activeElement?.tagName === "TEXTAREA")) return;
      }
      throw new Error("The prompt is not reached.");
    };
    await reachPrompt();
    await page.keyboard.type("a hare");
    await page.keyboard.press("Control+Enter");
    await page.getByRole("img", { name: "Result 1: a hare" }).waitFor();
    await close();
  });
});
