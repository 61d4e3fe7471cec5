/** The console's way in and its playground, in a real browser against a started gateway. */

import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import type { WireAccepted, WireTask } from "../../../src/protocol/task.ts";
import { BROWSER_MS, missingBrowser, named, SHOWN } from "../../fixture/console/console-page.ts";
import { consoleWorld } from "../../fixture/console/console-world.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY } from "../../fixture/server-process.ts";

describe.skipIf(missingBrowser !== null)(named("the console"), { timeout: BROWSER_MS }, () => {
  const world = consoleWorld({
    CONDUITLLM__PRICES: JSON.stringify({ "local/motion": { unit: "video", usd: 0.25 } }),
  });
  const { open } = world;

  const run = (page: Page) => page.getByRole("button", { name: /^Run/ });
  const prompt = (page: Page) => page.getByLabel("Prompt");

  test("is signed in to by a link, out of which the key goes at once, and the tab alone keeps it", async () => {
    const page = await open();
    expect(page.url()).toBe(`${world.server.url}/#/`);
    await page.reload();
    await prompt(page).waitFor();
    const kept = await page.evaluate(() => [Object.values(sessionStorage), Object.values(localStorage)]);
    expect(kept).toEqual([[BOOTSTRAP_KEY], []]);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in with a key" }).waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  });

  test("is signed in to by a link that is opened in a tab which has the console already", async () => {
    const page = await open({ key: null });
    const follow = (hash: string) => page.evaluate((address) => window.location.assign(address), hash);
    await follow("#key=%");
    await expect.poll(() => page.getByRole("alert").textContent(), SHOWN).toMatch(/^The gateway refused/);
    await follow(`#key=${BOOTSTRAP_KEY}`);
    await prompt(page).waitFor();
    expect(page.url()).toBe(`${world.server.url}/#/`);
    await follow(`#key=condt_${"x".repeat(43)}`);
    await expect.poll(() => page.getByRole("alert").textContent(), SHOWN).toMatch(/^The gateway refused/);
    expect(page.url()).toBe(`${world.server.url}/#/`);
  });

  test("refuses a wrong key with the gateway's words, and takes a right one afterwards", async () => {
    const page = await open({ key: null });
    await page.getByLabel("Key").fill(`condt_${"x".repeat(43)}`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect
      .poll(() => page.getByRole("alert").textContent(), SHOWN)
      .toMatch(/^The gateway refused this key: /);
    await page.getByLabel("Key").fill("schlüssel ✓");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect.poll(() => page.getByRole("alert").textContent(), SHOWN).toMatch(/no key/);
    await page.getByLabel("Key").fill(BOOTSTRAP_KEY);
    await page.getByRole("button", { name: "Sign in" }).click();
    await prompt(page).waitFor();
  });

  test("signs out by itself when its key is deleted", async () => {
    const authorization = { authorization: `Bearer ${ADMIN_KEY}` };
    const made = await world.server.postJson("/admin/v1/keys", { name: "short" }, authorization);
    const { id, key } = (await made.json()) as { id: string; key: string };
    const page = await open({ key });
    await page.getByText("Live", { exact: true }).waitFor();
    await world.server.request(`/admin/v1/keys/${id}`, { method: "DELETE", headers: authorization });
    await page.getByRole("heading", { name: "Sign in with a key" }).waitFor();
    expect(await page.getByRole("alert").textContent()).toMatch(/^You were signed out: /);
  });

  test("paints a picture, whose progress is seen on the way", async () => {
    const page = await open();
    await prompt(page).fill("a red fox in the snow");
    await page.getByLabel("Size").fill("256x128");
    await page.getByText("More settings").click();
    await page.getByLabel("Provider options").fill('{"steps": 8, "step_ms": 150}');
    await page.getByText("Free", { exact: true }).waitFor();
    await run(page).click();
    const seen = new Set<string>();
    const progress = page.getByRole("progressbar");
    const picture = page.getByRole("img", { name: "a red fox in the snow" });
    // In one look: a bar that is gone by the second would be waited for.
    const look = () => progress.evaluateAll((bars) => bars.map((bar) => bar.getAttribute("aria-valuenow")));
    while (!(await picture.isVisible())) for (const percent of await look()) seen.add(percent ?? "");
    expect(seen.size).toBeGreaterThan(2);
    const size = () =>
      picture.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight]);
    await expect.poll(size, SHOWN).toEqual([256, 128]);
    await page.getByText("completed").waitFor();
  });

  test("films, tells the price before, and plays what came", async () => {
    const page = await open();
    await page.getByLabel("local/canvas").uncheck();
    await page.getByLabel("local/motion").check();
    await prompt(page).fill("a boat on the sea");
    await page.getByLabel("Duration").fill("1");
    await page.getByLabel("Size").fill("160x90");
    await page.getByText("At most $0.25").waitFor();
    await run(page).click();
    const film = page.getByLabel("Result 1: a boat on the sea");
    await film.waitFor();
    await expect.poll(() => film.evaluate((video: HTMLVideoElement) => video.duration), SHOWN).toBe(1);
    await expect
      .poll(() => film.evaluate((video: HTMLVideoElement) => video.currentTime > 0 && !video.paused), SHOWN)
      .toBe(true);
    // The next run says how long this one took.
    await run(page).click();
    await page.getByText(/^Usually /).waitFor();
  });

  test("cancels what runs", async () => {
    const page = await open();
    await prompt(page).fill("a long picture");
    await page.getByText("More settings").click();
    await page.getByLabel("Provider options").fill('{"steps": 100, "step_ms": 1000}');
    await run(page).click();
    await page.getByText("running").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("cancelled", { exact: true }).waitFor();
    const { data } = (await (await world.server.request("/v1/tasks?limit=1")).json()) as { data: WireTask[] };
    expect(data[0]).toMatchObject({ status: "cancelled" });
  });

  test("says at the field what the gateway would refuse, and runs nothing without a prompt", async () => {
    const page = await open();
    await page.getByLabel("Size").fill("9000x9000");
    await expect
      .poll(() => page.getByLabel("Size").evaluate((input) => input.getAttribute("aria-invalid")), SHOWN)
      .toBe("true");
    await run(page).click();
    await page.getByText("Say what is to be made.").waitFor();
    await page.getByText("Nothing was run yet").waitFor();
  });

  test("copies what ran as a program that runs, without the key in it", async () => {
    const page = await open();
    await prompt(page).fill("it's a fox & a $moon");
    await page.getByLabel("Size").fill("64x64");
    await page.getByLabel("Seed").fill("7");
    await run(page).click();
    await page.getByText("completed").waitFor();
    await page.getByRole("button", { name: "Copy as code" }).click();
    const code = async () => (await page.locator("pre").textContent()) ?? "";
    const curl = await code();
    await page.getByRole("tab", { name: "Python" }).click();
    const python = await code();
    await page.keyboard.press("ArrowLeft");
    const typescript = await code();
    for (const text of [curl, python, typescript]) expect(text).not.toContain(BOOTSTRAP_KEY);

    const env = { PATH: process.env.PATH, CONDUIT_KEY: BOOTSTRAP_KEY };
    const shell = Bun.spawn(["sh", "-c", curl], { env, stdout: "pipe" });
    const answer = (await new Response(shell.stdout).json()) as WireAccepted & WireTask;
    expect(answer).toMatchObject({ status: "completed", model: "local/canvas" });
    const read = (await (await world.server.request(`/v1/tasks/${answer.taskId}`)).json()) as WireTask;
    expect(read.request).toMatchObject({ prompt: "it's a fox & a $moon", size: "64x64", seed: 7 });
    expect(new Bun.Transpiler({ loader: "ts" }).scanImports(typescript)).toMatchObject([
      { path: "@conduit-gateway/client" },
    ]);
    expect(python).toContain(`"prompt": "it's a fox & a $moon",`);
  });
});
