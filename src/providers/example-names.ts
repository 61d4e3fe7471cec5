/**
 * Model names that published examples and older clients send. While only the built-in models are offered such a name
 * leads to one of them, so that an unconfigured client works at once; afterwards it leads to its successor.
 */

export type ExampleName = {
  readonly name: string;
  /** What a client that sends it wants made. */
  readonly type: "image" | "video" | "realtime";
  /** The offered model it leads to. */
  readonly successor: string;
};

/** Named by OpenAI as successors of what ended in 2026: the larger and the quicker one. */
const SUNBURST = "openai/gpt-image-2.6-sunburst";
const FLARE = "openai/gpt-image-2.6-flare";
const HAILUO = "minimax/MiniMax-Hailuo-2.3";
const OMNI = "gemini/gemini-omni-1.1-flash";
const GPT_REALTIME = "openai/gpt-realtime-2.1";

export const EXAMPLE_NAMES: readonly ExampleName[] = [
  { name: "dall-e-2", type: "image", successor: FLARE },
  { name: "dall-e-3", type: "image", successor: SUNBURST },
  { name: "gpt-image-1", type: "image", successor: SUNBURST },
  { name: "gpt-image-1-mini", type: "image", successor: FLARE },
  { name: "gpt-image-1.5", type: "image", successor: SUNBURST },
  { name: "chatgpt-image-latest", type: "image", successor: SUNBURST },
  { name: "gpt-image-2", type: "image", successor: "openai/gpt-image-2" },
  { name: "image-01", type: "image", successor: "minimax/image-01" },
  { name: "minimax-image", type: "image", successor: "minimax/image-01" },
  { name: "minimax-video", type: "video", successor: HAILUO },
  { name: "video-01", type: "video", successor: HAILUO },
  { name: "T2V-01", type: "video", successor: HAILUO },
  { name: "T2V-01-Director", type: "video", successor: HAILUO },
  { name: "I2V-01", type: "video", successor: HAILUO },
  { name: "I2V-01-Director", type: "video", successor: HAILUO },
  { name: "I2V-01-live", type: "video", successor: HAILUO },
  { name: "sora", type: "video", successor: OMNI },
  { name: "sora-2", type: "video", successor: OMNI },
  { name: "sora-2-pro", type: "video", successor: OMNI },
  { name: "veo-3.1-generate-preview", type: "video", successor: OMNI },
  { name: "veo-3.1-fast-generate-preview", type: "video", successor: OMNI },
  { name: "gpt-4o-realtime-preview", type: "realtime", successor: GPT_REALTIME },
  { name: "conversational-v1", type: "realtime", successor: GPT_REALTIME },
];
