/** The console's page of voice in a real browser, whose microphone is a recording, against a started gateway. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { WireVoiceSessionPage } from "../../../src/protocol/voice-session.ts";
import {
  BROWSER_MS,
  type ConsolePage,
  missingBrowser,
  named,
  openBrowser,
  openConsole,
  SHOWN,
} from "../../fixture/console/console-page.ts";
import { ServerProcess, temporaryFolder } from "../../fixture/server-process.ts";
import { waveOf } from "../../fixture/voice/wave.ts";

const SPOKEN_PRICE = { unit: "session", audioMinuteUsd: 60, reserveMinuteUsd: 60 };
/** The microphone is a recording; whether a page may hear it is asked of nobody, and so refused. */
const RECORDED = ["--use-fake-device-for-media-stream"];

describe.skipIf(missingBrowser !== null)(
  named("the console's page of voice"),
  { timeout: BROWSER_MS },
  () => {
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    let server: ServerProcess;
    let browser: Browser;
    let unheard: Browser;
    let shown: ConsolePage | undefined;

    beforeAll(async () => {
      folder = await temporaryFolder();
      const sound = join(folder.path, "spoken.wav");
      // An answer is as long as what was said: the first is heard, the second is still going on when the next words begin.
      await writeFile(sound, waveOf([2, 4], [2, 1.2]));
      const recorded = `--use-file-for-fake-audio-capture=${sound}`;
      const env = { CONDUITLLM__PRICES: JSON.stringify({ "local/echo": SPOKEN_PRICE }) };
      [server, browser, unheard] = await Promise.all([
        ServerProcess.start({ dataDir: folder.path, env }),
        openBrowser([...RECORDED, "--use-fake-ui-for-media-stream", recorded]),
        openBrowser(RECORDED),
      ]);
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

    async function open(from = browser): Promise<ConsolePage["page"]> {
      shown = await openConsole(from, server.url, { at: "voice" });
      return shown.page;
    }

    async function sessions(path: "connections" | "sessions"): Promise<WireVoiceSessionPage["data"]> {
      const answer = await server.request(`/v1/realtime/${path}`);
      return ((await answer.json()) as WireVoiceSessionPage).data;
    }

    test("completes a turn, and shows what both said, how loud they are and what it costs", async () => {
      const page = await open();
      const microphone = page.getByLabel("Microphone");
      const answer = page.getByRole("meter", { name: "Answer" });
      expect(await page.getByRole("combobox", { name: "Model" }).inputValue()).toBe("local/echo");
      await page.getByRole("button", { name: "Start" }).click();
      await page.getByText("Listening", { exact: true }).waitFor();
      await expect.poll(() => microphone.evaluate(loudness), SHOWN).toBeGreaterThan(50);
      await page.getByText("Speaking", { exact: true }).waitFor();
      await expect.poll(() => answer.evaluate(loudness), SHOWN).toBeGreaterThan(50);
      const lines = page.getByRole("region", { name: "Transcript" }).getByRole("listitem");
      await expect
        .poll(async () => (await lines.allInnerTexts()).slice(0, 2), SHOWN)
        .toEqual([
          expect.stringMatching(/^You\s+I heard \d\.\d seconds/),
          expect.stringMatching(/^Answer\s+I heard \d\.\d seconds/),
        ]);
      // A dollar for each second of sound.
      const cost = page.locator("dt", { hasText: "Cost so far" }).locator("xpath=following-sibling::dd");
      await expect.poll(() => cost.textContent(), SHOWN).toMatch(/^\$[1-9]/);
      await page.getByText("Usage", { exact: true }).click();
      await page.getByText("audio out", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Stop" }).click();
      await page.getByText("No session").waitFor();
      expect(await microphone.evaluate(loudness)).toBe(0);
      await expect
        .poll(async () => (await sessions("sessions"))[0]?.closeReason, SHOWN)
        .toBe("client_closed");
      expect(shown?.complaints).toEqual([]);
    });

    test("shows an answer that its user speaks into as interrupted", async () => {
      const page = await open();
      await page.getByRole("button", { name: "Start" }).click();
      await page.getByText("Interrupted, listening").waitFor();
      await page.getByText(/^Interrupted after \d/).waitFor();
    });

    test("sends silence while it is muted", async () => {
      const page = await open();
      await page.getByRole("button", { name: "Start" }).click();
      await page.getByText("Listening", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Mute" }).click();
      await expect.poll(() => page.getByLabel("Microphone").evaluate(loudness), SHOWN).toBe(0);
      // The turn that was begun ends, and once it is answered nobody speaks.
      await page.getByText("Muted", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Unmute" }).click();
      await page.getByText("Listening", { exact: true }).waitFor();
    });

    test("ends the session when its page is left", async () => {
      const page = await open();
      await page.getByRole("button", { name: "Start" }).click();
      await page.getByText("Listening", { exact: true }).waitFor();
      expect(await sessions("connections")).toHaveLength(1);
      await page.getByRole("link", { name: "Tasks" }).click();
      await expect.poll(() => sessions("connections"), SHOWN).toEqual([]);
      expect((await sessions("sessions"))[0]?.closeReason).toBe("client_closed");
    });

    test("says why a session was ended, and keeps what was said", async () => {
      const page = await open();
      await page.getByRole("button", { name: "Start" }).click();
      await page
        .getByText(/^I heard/)
        .first()
        .waitFor();
      const [session] = await sessions("connections");
      await server.request(`/v1/realtime/connections/${session?.id}`, { method: "DELETE" });
      await page.getByRole("alert").getByText("the session was ended by its owner").waitFor();
      expect(await page.getByText(/^I heard/).count()).toBeGreaterThan(0);
      await page.getByRole("button", { name: "Start" }).waitFor();
    });

    test("says that the microphone may not be used, and what to do about it", async () => {
      const page = await open(unheard);
      await page.getByRole("button", { name: "Start" }).click();
      await page
        .getByRole("alert")
        .getByText(/^The microphone may not be used.*Allow it/)
        .waitFor();
      await page.getByText("No session").waitFor();
      expect(await sessions("connections")).toEqual([]);
    });
  },
);

function loudness(meter: HTMLElement | SVGElement): number {
  return (meter as HTMLMeterElement).value;
}
