/** The console's list of tasks and the page of one, in a real browser against a started gateway. */

import type { Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import type { WireAccepted, WireTaskPage } from "../../../src/protocol/task.ts";
import { BROWSER_MS, missingBrowser, named, SHOWN } from "../../fixture/console/console-page.ts";
import { consoleWorld } from "../../fixture/console/console-world.ts";

const FAILING = { steps: 1, fail_at: 1, fail: "permanent" };
const ENDLESS = { steps: 100, step_ms: 1_000 };

describe.skipIf(missingBrowser !== null)(named("the list of tasks"), { timeout: BROWSER_MS }, () => {
  const world = consoleWorld();
  const open = (at: string) => world.open({ at });
  afterEach(async () => {
    await world.server.postJson("/v1/tasks/cancel", { all: true });
    const { data } = (await (await world.server.request("/v1/tasks?limit=100")).json()) as WireTaskPage;
    for (const { taskId } of data)
      await world.server.request(`/v1/tasks/${taskId}?purge=true`, { method: "DELETE" });
  });

  async function create(body: object = {}): Promise<string> {
    const small = { model: "local/canvas", prompt: "a fox", size: "64x64" };
    const answer = await world.server.postJson("/v1/images/generations/async", { ...small, ...body });
    return ((await answer.json()) as WireAccepted).taskId;
  }
  const ended = (taskId: string) =>
    world.server.request(`/v1/tasks/${taskId}/events`).then((stream) => stream.text());
  const rowOf = (page: Page, taskId: string) => page.getByRole("row").filter({ hasText: taskId.slice(-8) });

  test("shows new tasks and their ends without a reload", async () => {
    const page = await open("tasks");
    await page.getByText("No tasks here").waitFor();
    const taskId = await create({ provider_options: { steps: 5, step_ms: 200 } });
    await rowOf(page, taskId).getByText("running").waitFor();
    await rowOf(page, taskId).getByText("completed").waitFor();
    await expect
      .poll(
        () =>
          rowOf(page, taskId)
            .locator("img")
            .evaluate((image: HTMLImageElement) => image.naturalWidth),
        SHOWN,
      )
      .toBeGreaterThan(0);
    const other = await create();
    await rowOf(page, other).getByText("completed").waitFor();
    const links = await page
      .getByRole("row")
      .getByRole("link")
      .evaluateAll((all) => all.map((one) => one.getAttribute("href")));
    expect(links).toEqual([`#/tasks/${other}`, `#/tasks/${taskId}`]);
  });

  test("has filters that are links: they can be opened elsewhere and gone back from", async () => {
    const [failed, done] = [await create({ provider_options: FAILING }), await create()];
    await Promise.all([ended(failed), ended(done)]);
    const page = await open("tasks");
    await rowOf(page, done).waitFor();
    await page.getByRole("link", { name: "failed" }).click();
    await rowOf(page, done).waitFor({ state: "detached" });
    await rowOf(page, failed).waitFor();
    expect(new URL(page.url()).hash).toBe("#/tasks?status=failed");
    await page.getByRole("link", { name: "cancelled" }).click();
    await expect.poll(() => new URL(page.url()).hash, SHOWN).toBe("#/tasks?status=failed%2Ccancelled");

    const elsewhere = await page.context().newPage();
    await elsewhere.goto(page.url());
    // Another tab has no key of this one's.
    await elsewhere
      .getByLabel("Key")
      .fill(await page.evaluate(() => sessionStorage.getItem("conduit.key") ?? ""));
    await elsewhere.getByRole("button", { name: "Sign in" }).click();
    await rowOf(elsewhere, failed).waitFor();
    expect(await rowOf(elsewhere, done).count()).toBe(0);

    await page.getByRole("link", { name: "Films" }).click();
    await page.getByText("No tasks here").waitFor();
    await page.goBack();
    await page.goBack();
    await page.goBack();
    await rowOf(page, done).waitFor();
  });

  test("drops a task that no longer fits the filter, and takes in one that does now", async () => {
    const page = await open("tasks?status=cancelled");
    await page.getByText("No tasks here").waitFor();
    const taskId = await create({ provider_options: ENDLESS });
    await world.server.request(`/v1/tasks/${taskId}`, { method: "DELETE" });
    await rowOf(page, taskId).getByText("cancelled", { exact: true }).waitFor();
    await page.getByRole("link", { name: "running" }).click();
    await page.getByRole("link", { name: "cancelled" }).click();
    await expect.poll(() => new URL(page.url()).hash, SHOWN).toBe("#/tasks?status=running");
    const other = await create({ provider_options: ENDLESS });
    await rowOf(page, other).waitFor();
    await world.server.request(`/v1/tasks/${other}`, { method: "DELETE" });
    await rowOf(page, other).waitFor({ state: "detached" });
  });

  test("cancels and retries many at once, those that are picked and all of the filter", async () => {
    const failed = [await create({ provider_options: FAILING }), await create({ provider_options: FAILING })];
    await Promise.all(failed.map(ended));
    const running = [
      await create({ provider_options: ENDLESS }),
      await create({ provider_options: ENDLESS }),
    ];
    const page = await open("tasks");
    for (const taskId of running) await rowOf(page, taskId).getByText("running").waitFor();
    await rowOf(page, running[0] ?? "")
      .getByRole("checkbox")
      .check();
    await page.getByRole("button", { name: "Cancel picked (1)" }).click();
    await page.getByText("1 task cancelled.").waitFor();
    await rowOf(page, running[0] ?? "")
      .getByText("cancelled", { exact: true })
      .waitFor();

    await page.getByRole("button", { name: "Cancel all…" }).click();
    await page.getByRole("button", { name: "Cancel them" }).click();
    await rowOf(page, running[1] ?? "")
      .getByText("cancelled", { exact: true })
      .waitFor();

    await page.getByRole("link", { name: "failed" }).click();
    await rowOf(page, running[0] ?? "").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Retry all…" }).click();
    await page.getByRole("button", { name: "Retry 2" }).click();
    await page.getByText("2 tasks started again.").waitFor();
    // The new ones fail as well.
    await expect.poll(() => page.getByRole("row").count(), SHOWN).toBe(1 + 4);
  });

  test("has a few rows in the document, however many are loaded, and goes on to the oldest", async () => {
    const created = new Date("2026-01-01").getTime();
    const taskOf = (index: number) => {
      const id = `01a00000-0000-7000-8000-${String(99_999 - index).padStart(12, "0")}`;
      const at = new Date(created - index * 1_000).toISOString();
      const fields = {
        type: "image",
        status: "completed",
        progress: 100,
        message: null,
        model: "local/canvas",
      };
      return {
        taskId: id,
        task_id: id,
        created: at,
        updated: at,
        finished: at,
        cost: 0,
        metadata: {},
        ...fields,
      };
    };
    const page = await world.open();
    await page.route("**/v1/tasks?*", (route) => {
      const after = new URL(route.request().url()).searchParams.get("after");
      const from = after === null ? 0 : 99_999 - Number(after.slice(-12)) + 1;
      const data = Array.from({ length: 100 }, (_, offset) => taskOf(from + offset));
      return route.fulfill({ json: { data, hasMore: from + 100 < 5_000, after: data.at(-1)?.taskId } });
    });
    await page.evaluate(() => {
      window.location.hash = "#/tasks";
    });
    const list = page.getByRole("region", { name: "Tasks" });
    await list.waitFor();
    await expect
      .poll(async () => {
        await list.evaluate((region) => region.scrollTo(0, region.scrollHeight));
        return page.getByText("5000 loaded", { exact: true }).count();
      }, SHOWN)
      .toBe(1);
    await list.evaluate((region) => region.scrollTo(0, region.scrollHeight));
    await rowOf(page, taskOf(4_999).taskId).waitFor();
    expect(await page.getByRole("row").count()).toBeLessThan(60);
    expect(await page.getByRole("table").getAttribute("aria-rowcount")).toBe("5001");
    await list.focus();
    await page.keyboard.press("Home");
    await rowOf(page, taskOf(0).taskId).waitFor();
  });

  test("leads to the page of a task: what was asked for, tried and told, and what came of it", async () => {
    const options = { steps: 2, step_ms: 50, fail_at: 1, fail: "transient" };
    const taskId = await create({ prompt: "a ship", metadata: { order: "42" }, provider_options: options });
    const page = await open("tasks");
    await rowOf(page, taskId).getByRole("link").click();
    await page.getByRole("img", { name: "Result 1: a ship" }).waitFor();
    const timeline = page.getByRole("region", { name: "Timeline" });
    for (const text of ["Queue", "Attempt 1", "Attempt 2", "provider_unavailable", "local/canvas: completed"])
      await timeline.getByText(text).first().waitFor();
    const facts = await page.getByRole("region", { name: "Facts" }).textContent();
    for (const text of [taskId, "Attempts2 of 3", "Cost$0", "order42", "Queued for"])
      expect(facts).toContain(text);
    expect(await page.getByRole("region", { name: "Input" }).textContent()).toContain('"fail": "transient"');
    await page.getByText("No webhook was told about this task.").waitFor();

    await page.getByRole("link", { name: "Rerun with edits" }).click();
    await expect.poll(() => page.getByLabel("Prompt").inputValue(), SHOWN).toBe("a ship");
    expect(await page.getByLabel("Size").inputValue()).toBe("64x64");
    await page.getByLabel("Prompt").fill("a ship at night");
    await page.getByText("More settings").click();
    await page.getByLabel("Provider options").fill("");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByRole("img", { name: "Result 1: a ship at night" }).waitFor();
  });

  test("shows on the page of a task its progress, its end and how it is repeated and removed", async () => {
    const taskId = await create({ prompt: "never", provider_options: ENDLESS });
    const page = await open(`tasks/${taskId}`);
    await page.getByRole("region", { name: "Progress" }).getByText(/%/).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("region", { name: "Result" }).getByText("It was cancelled.").waitFor();
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByRole("link", { name: `…${taskId.slice(-8)}` }).waitFor();
    await page.goto(`${world.server.url}/#/tasks/${taskId}`);
    await page.getByRole("button", { name: "Remove…" }).click();
    await page.getByRole("button", { name: "Remove it" }).click();
    await page.getByRole("heading", { name: "Tasks" }).waitFor();
    expect((await world.server.request(`/v1/tasks/${taskId}`)).status).toBe(404);
    await page.goto(`${world.server.url}/#/tasks/${taskId}`);
    await page.getByText("There is no such task").waitFor();
  });
});
