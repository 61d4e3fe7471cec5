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

/** An event of a synchronous image request with `stream: true`: previews, then one `completed` for each picture. */
export type OpenAiImageEvent = {
  type:
    | "image_generation.partial_image"
    | "image_generation.completed"
    | "image_edit.partial_image"
    | "image_edit.completed";
  b64_json: string;
  /** Of previews: which one, from 0. */
  partial_image_index?: number;
  /** Seconds since the epoch. */
  created_at: number;
  background: string;
  output_format: string;
  quality: string;
  size: string;
};
