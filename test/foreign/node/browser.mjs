/**
 * Opens a page in Chromium, whose microphone is a file, and prints `window.talked` once the page has left it there. Arguments: the
 * browser, the page's address, the WAVE file (with `%noloop`: played once), further flags of the browser.
 */

import { chromium } from "playwright-core";

const [executablePath, address, sound, ...flags] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-audio-capture=${sound}`,
    "--autoplay-policy=no-user-gesture-required",
    ...flags,
  ],
});
try {
  const page = await browser.newPage();
  const failed = new Promise((_, reject) => page.on("pageerror", reject));
  page.on("console", (message) => console.error(message.text()));
  await page.goto(address);
  const talked = page
    .waitForFunction(() => window.talked, null, { timeout: 0 })
    .then((handle) => handle.jsonValue());
  console.log(JSON.stringify(await Promise.race([talked, failed])));
} finally {
  await browser.close();
}
