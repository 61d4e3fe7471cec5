/** One cheap picture by Replicate itself, through the whole gateway. Skipped without REPLICATE_API_TOKEN. */

import { liveTest } from "../fixture/providers/live.ts";

liveTest({
  title: "Replicate",
  provider: "replicate",
  variable: "REPLICATE_API_TOKEN",
  type: "image",
  request: { model: "replicate/black-forest-labs/flux-schnell", prompt: "a red boat", size: "512x512" },
  contentType: "image/",
  leastBytes: 5_000,
});
