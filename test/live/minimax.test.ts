/** One cheap picture by MiniMax itself, through the whole gateway. Skipped without MINIMAX_API_KEY. */

import { liveTest } from "../fixture/providers/live.ts";

liveTest({
  title: "MiniMax",
  provider: "minimax",
  variable: "MINIMAX_API_KEY",
  type: "image",
  request: { model: "minimax/image-01", prompt: "a red boat", size: "512x512" },
  contentType: "image/",
  leastBytes: 10_000,
});
