/**
 * Opens a page in Chromium, presses its button and waits for a picture. Prints what was seen: the picture's address and width, and the
 * values that the page's progress bar went through. Arguments: the browser, the page's address, and the cookies of whoever is signed in.
 */

import { chromium } from "playwright-core";

const [executablePath, address, cookies = ""] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const context = await browser.newContext();
  for (const cookie of cookies.split("; ").filter(Boolean)) {
    const [name, value] = cookie.split("=");
    await context.addCookies([{ name, value, url: address }]);
  }
  const page = await context.newPage();
  const failed = new Promise((_, reject) => page.on("pageerror", reject));
  page.on("console", (message) => console.error(message.text()));
  await page.goto(address);
  await page.evaluate(() => {
    window.seen = [];
    const watch = () => {
      const value = document.querySelector("progress")?.value;
      if (value !== undefined && value !== window.seen.at(-1)) window.seen.push(value);
      requestAnimationFrame(watch);
    };
    watch();
  });
  const painted = (async () => {
    await page.getByRole("button", { name: "Paint" }).click();
    const picture = page.locator("img");
    await picture.waitFor();
    await page.waitForFunction(() => document.querySelector("img").naturalWidth > 0);
    const found = await picture.evaluate(({ src, naturalWidth }) => ({ src, width: naturalWidth }));
    return { ...found, seen: await page.evaluate(() => window.seen) };
  })();
  console.log(JSON.stringify(await Promise.race([painted, failed])));
} finally {
  await browser.close();
}
