/** One cheap picture by fal itself, through the whole gateway. Skipped without FAL_KEY. */

import { liveTest } from "../fixture/providers/live.ts";

liveTest({
  title: "fal",
  provider: "fal",
  variable: "FAL_KEY",
  type: "image",
  request: { model: "fal/fal-ai/flux/schnell", prompt: "a red boat", size: "512x512" },
  contentType: "image/",
  leastBytes: 5_000,
});
