/** Which providers a deployment offers, by its settings. */

import { expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { createOffers } from "../../../src/providers/offers.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { scriptedFetch } from "../../fixture/providers/scripted-fetch.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

function offered(env: Record<string, string>, file: unknown = {}): string[] {
  const { settings } = loadConfig({ env, file: JSON.stringify(file) });
  const context = {
    settings,
    clock: new ManualClock(),
    log: recordingLog(),
    fetch: scriptedFetch().fetch,
    download: () => Promise.reject(new Error("nothing is downloaded here")),
  };
  return createOffers(context).map(({ provider }) => provider.name);
}

test("without any key only the built-in provider is offered", () => {
  expect(offered({})).toEqual(["local"]);
});
