/** OpenAI's answer to a synchronous image request. */

export type OpenAiImage = { url?: string; b64_json?: string; revised_prompt?: string };

export type OpenAiImages = {
  /** Seconds since the epoch. */
  created: number;
  data: OpenAiImage[];
  background?: string;
  output_format?: string;
  quality?: string;
  size?: string;
};
