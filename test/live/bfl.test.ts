/** One cheap picture by Black Forest Labs itself, through the whole gateway. Skipped without BFL_API_KEY. */

import { liveTest } from "../fixture/providers/live.ts";

liveTest({
  title: "Black Forest Labs",
  provider: "bfl",
  variable: "BFL_API_KEY",
  type: "image",
  request: { model: "bfl/flux-2-klein-4b", prompt: "a red boat", size: "512x512" },
  contentType: "image/png",
  leastBytes: 10_000,
});
