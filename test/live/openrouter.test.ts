/** One second of film by OpenRouter itself, through the whole gateway. Skipped without OPENROUTER_API_KEY. */

import { liveTest } from "../fixture/providers/live.ts";

liveTest({
  title: "OpenRouter",
  provider: "openrouter",
  variable: "OPENROUTER_API_KEY",
  type: "video",
  request: {
    model: "openrouter/x-ai/grok-imagine-video",
    prompt: "a red boat",
    duration: 1,
    size: "854x480",
  },
  contentType: "video/",
  leastBytes: 10_000,
});
