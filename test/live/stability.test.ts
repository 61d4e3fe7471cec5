/** One cheap picture by Stability itself, through the whole gateway. Skipped without STABILITY_API_KEY. */

import { liveTest } from "../fixture/providers/live.ts";

liveTest({
  title: "Stability",
  provider: "stability",
  variable: "STABILITY_API_KEY",
  type: "image",
  request: { model: "stability/core", prompt: "a red boat", size: "1024x1024" },
  contentType: "image/png",
  leastBytes: 10_000,
});
