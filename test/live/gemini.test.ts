/** One cheap picture by Google itself, through the whole gateway. Skipped without GEMINI_API_KEY. */

import { liveTest } from "../fixture/providers/live.ts";

liveTest({
  title: "Google",
  provider: "gemini",
  variable: "GEMINI_API_KEY",
  type: "image",
  request: { model: "gemini/gemini-3.1-flash-lite-image", prompt: "a red boat", size: "1024x1024" },
  contentType: "image/",
  leastBytes: 10_000,
});
