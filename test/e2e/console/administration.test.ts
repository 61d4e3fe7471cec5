/** The console's pages for keys, money and webhooks, in a real browser against a started gateway. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireKeyPage, WireOwnKey } from "../../../src/protocol/key.ts";
import { BROWSER_MS, missingBrowser, named, SHOWN } from "../../fixture/console/console-page.ts";
import { consoleWorld } from "../../fixture/console/console-world.ts";
import { ADMIN_KEY } from "../../fixture/server-process.ts";

const PICTURE_USD = 0.25;

describe.skipIf(missingBrowser !== null)(named("the console"), { timeout: BROWSER_MS }, () => {
  const world = consoleWorld({
    CONDUITLLM__PRICES: JSON.stringify({ "local/canvas": { unit: "image", usd: PICTURE_USD } }),
    CONDUITLLM__WEBHOOKS__ALLOWEDHOSTS__0: "127.0.0.1",
    CONDUITLLM__WEBHOOKS__ALLOWHTTP: "true",
  });
  const open = (at: string) => world.open({ at });
  const received: string[] = [];
  let receiver: Bun.Server<undefined>;
  beforeAll(() => {
    receiver = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        received.push(((await request.json()) as { type: string }).type);
        return new Response(null, { status: 204 });
      },
    });
  });
  afterAll(() => receiver.stop(true));

  async function openAsAdmin(at: string): Promise<Page> {
    const page = await open(at);
    await page.getByLabel("Admin key").fill(ADMIN_KEY);
    await page.getByRole("button", { name: "Go on" }).click();
    return page;
  }
  const asAdmin = (path: string, init: RequestInit = {}) =>
    world.server.request(
      path,
      { ...init, headers: { "content-type": "application/json", ...init.headers } },
      ADMIN_KEY,
    );
  async function idOf(name: string): Promise<string> {
    const { data } = (await (await asAdmin(`/admin/v1/keys?name=${name}`)).json()) as WireKeyPage;
    return data[0]?.id ?? "";
  }

  test("a wrong admin key is told, and the virtual key stays signed in", async () => {
    const page = await open("admin");
    await page.getByLabel("Admin key").fill("not-the-admin-key");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByRole("link", { name: "Tasks" }).click();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  });

  test("a key is made with its limits, shown once, and works", async () => {
    const page = await openAsAdmin("admin");
    await page.getByRole("button", { name: "Make a key" }).click();
    await page.getByLabel("Name").fill("shop");
    await page.getByLabel("Budget, $ monthly").fill("12.5");
    await page.getByLabel("Requests per minute").fill("60");
    await page.getByLabel("Voice").uncheck();
    await page.getByRole("button", { name: "Make it" }).click();
    const plain = (await page.locator(".secret").textContent()) ?? "";
    const own = (await (await world.server.request("/v1/key", {}, plain)).json()) as WireOwnKey;
    expect(own).toMatchObject({
      name: "shop",
      budgets: [{ limit: 12.5, period: "monthly" }],
      requestsPerMinute: 60,
      permissions: { canGenerateImages: true, canUseRealtimeAudio: false },
    });
    await page.getByRole("button", { name: "I have it" }).click();
    await expect.poll(() => page.locator(".secret").count(), SHOWN).toBe(0);
    await page.getByRole("link", { name: "shop" }).waitFor();
  });

  test("an edit that came after another administrator's is refused and loses nothing", async () => {
    await asAdmin("/admin/v1/keys", { method: "POST", body: JSON.stringify({ name: "shared" }) });
    const id = await idOf("shared");
    const page = await openAsAdmin(`admin/keys/${id}`);
    await page.getByLabel("Requests per day").fill("10");
    const other = await asAdmin(`/admin/v1/keys/${id}`, {
      method: "PATCH",
      body: JSON.stringify({ requestsPerMinute: 7 }),
    });
    expect(other.status).toBe(200);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").waitFor();
    const { requestsPerMinute, requestsPerDay } = (await (
      await asAdmin(`/admin/v1/keys/${id}`)
    ).json()) as WireOwnKey;
    expect({ requestsPerMinute, requestsPerDay }).toEqual({ requestsPerMinute: 7, requestsPerDay: null });
  });

  test("a key is replaced and deleted after a question", async () => {
    await asAdmin("/admin/v1/keys", { method: "POST", body: JSON.stringify({ name: "short-lived" }) });
    const id = await idOf("short-lived");
    const page = await openAsAdmin(`admin/keys/${id}`);
    await page.getByRole("button", { name: "Replace it at once" }).click();
    await page.getByRole("button", { name: "Replace it", exact: true }).click();
    const plain = (await page.locator(".secret").textContent()) ?? "";
    expect((await world.server.request("/v1/key", {}, plain)).status).toBe(200);
    await page.getByRole("button", { name: "I have it" }).click();
    const remove = page.getByRole("button", { name: "Delete the key" });
    await remove.click();
    await page.getByRole("button", { name: "Leave it" }).click();
    // Who uses the keyboard goes on where the question was asked.
    await expect.poll(() => remove.evaluate((button) => button === document.activeElement), SHOWN).toBe(true);
    await remove.click();
    await page.getByRole("button", { name: "Delete it" }).click();
    await page.getByText("The key was deleted").waitFor();
    expect((await world.server.request("/v1/key", {}, plain)).status).toBe(401);
    await page.getByRole("tab", { name: "changes" }).click();
    await page.getByRole("cell", { name: "key.deleted" }).first().waitFor();
  });

  test("what a picture cost is in the plot, the table and the file", async () => {
    const made = await world.server.postJson("/v1/images/generations", {
      model: "local/canvas",
      prompt: "a fox",
      size: "64x64",
    });
    expect(made.status).toBe(200);
    const page = await open("spend");
    await page.getByRole("heading", { name: "$0.25" }).waitFor();
    await page.getByRole("cell", { name: "local/canvas" }).waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as CSV" }).click();
    expect((await download).suggestedFilename()).toBe("usage-by-model.csv");
    await page.getByRole("tab", { name: "day" }).click();
    await page.getByRole("columnheader", { name: "Day" }).waitFor();
    await page.route(/format=csv/, (route) => route.fulfill({ status: 403, body: "" }));
    await page.getByRole("button", { name: "Save as CSV" }).click();
    await page.getByText("got HTTP status 403").waitFor();
  });

  test("an endpoint is added, pinged, switched off and removed; an address of the inside is refused", async () => {
    const page = await open("webhooks");
    await page.getByRole("button", { name: "Add an endpoint" }).click();
    await page.getByLabel("Address").fill("https://169.254.169.254/hooks");
    await page.getByRole("button", { name: "Add it" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Address").fill(`http://127.0.0.1:${receiver.port}/hooks`);
    await page.getByLabel("task.progress").check();
    await page.getByRole("button", { name: "Add it" }).click();
    expect(await page.locator(".secret").textContent()).toMatch(/^whsec_/);
    await page.getByRole("button", { name: "I have it" }).click();
    await page.getByText("Receives task.progress.").waitFor();
    await page.getByRole("button", { name: "Send a ping" }).click();
    await page.getByText("The ping arrived: status 204").waitFor();
    expect(received).toEqual(["endpoint.ping"]);
    await page.getByRole("button", { name: "Switch off" }).click();
    await page.getByRole("button", { name: "Switch on" }).waitFor();
    await page.getByRole("button", { name: "Remove…" }).click();
    await page.getByRole("button", { name: "Remove it" }).click();
    await page.getByText("No endpoints yet").waitFor();
  });

  test("providers are shown with how their accounts are", async () => {
    const page = await openAsAdmin("admin?view=providers");
    await page.getByRole("heading", { name: "local" }).waitFor();
    await page.getByText("2 models").waitFor();
  });
});
