/**
 * Opens the page of the API reference in Chromium, reads a route by its link and sends it from there. Prints what was asked of whom, what
 * the page's policy refused, and what could be read. Arguments: the browser, the page's address, a key, optionally a file for a picture.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [executablePath, address, key, picture] = process.argv.slice(2);
const profile = await mkdtemp(join(tmpdir(), "reference-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  viewport: { width: 1280, height: 900 },
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const page = await context.newPage();
  const seen = { requests: [], refused: [], errors: [] };
  page.on("request", (request) => seen.requests.push(`${request.method()} ${request.url()}`));
  page.on("pageerror", (error) => seen.errors.push(error.message));
  await page.exposeFunction("refused", (directive) => seen.refused.push(directive));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
      window.refused(`${effectiveDirective.replace(/-(?:elem|attr)$/, "")} ${blockedURI}`),
    );
  });
  const response = await page.goto(`${address}#tag/tasks/GET/v1/tasks`);
  await page.getByRole("heading", { name: "Conduit", level: 1 }).waitFor();
  const route = page.getByRole("heading", { name: "List tasks" });
  await route.waitFor();
  await page.getByText("One or several with commas").first().waitFor();
  if (picture !== undefined) await page.screenshot({ path: picture });
  const answered = await page.evaluate(async (bearer) => {
    const answer = await fetch("v1/tasks", { headers: { authorization: `Bearer ${bearer}` } });
    return [answer.status, await answer.json()];
  }, key);
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  console.log(
    JSON.stringify({
      ...seen,
      policy: response.headers()["content-security-policy"],
      answered,
      background,
      kept: await page.evaluate((bearer) => JSON.stringify(localStorage).includes(bearer), key),
    }),
  );
} finally {
  await context.close();
  await rm(profile, { recursive: true, force: true });
}
