/** What the built-in voice costs. */

import { expect, test } from "vitest";
import { createVoiceOffers } from "../../../src/realtime/voice-offers.ts";

const PRICE = { kind: "per_session", minuteMicros: 50_000, reserveMinuteMicros: 50_000 } as const;

test("the built-in voice is free, unless the settings price it", () => {
  const priced = (prices: Parameters<typeof createVoiceOffers>[0]["prices"]) =>
    createVoiceOffers({ keys: {}, providers: {}, prices }).flatMap(({ models }) => models);
  expect(priced({})).toEqual([{ providerModel: "echo", price: { kind: "free" } }]);
  expect(priced({ "local/echo": PRICE })).toEqual([{ providerModel: "echo", price: PRICE }]);
});
