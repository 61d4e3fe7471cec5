/** Answers of the routes that exist at OpenAI, in its names. */

import { z } from "zod";
import type { OpenAiImage, OpenAiImages } from "../../../protocol/openai-images.ts";
import type { OpenAiVideo, OpenAiVideoDeleted, OpenAiVideoList } from "../../../protocol/openai-videos.ts";
import { about, named, type Shape } from "../shape.ts";

const seconds = z.int().meta({ description: "Seconds since the epoch." });

export const openAiImages = named(
  "OpenAiImages",
  "Pictures as OpenAI answers them.",
  z.object({
    created: seconds,
    data: z.array(
      z.object({
        url: z.string().exactOptional(),
        b64_json: z.string().exactOptional(),
        revised_prompt: z.string().exactOptional(),
      } satisfies Shape<OpenAiImage>),
    ),
    background: z.string().exactOptional(),
    output_format: z.string().exactOptional(),
    quality: z.string().exactOptional(),
    size: z.string().exactOptional(),
  } satisfies Shape<OpenAiImages>),
);

export const openAiVideo = named(
  "OpenAiVideo",
  "A film in the making as OpenAI answers it. One that was cancelled is `failed` with the code `cancelled`.",
  z.object({
    id: about("The task's id.", z.string()),
    object: z.literal("video"),
    model: z.string(),
    status: z.enum(["queued", "in_progress", "completed", "failed"]),
    progress: about("Percent.", z.int()),
    created_at: seconds,
    completed_at: seconds.nullable(),
    expires_at: about("Seconds since the epoch: when the file is removed.", z.int().nullable()),
    prompt: about("Empty where the caller was only given the task.", z.string()),
    size: about("Such as `1280x720`.", z.string()),
    seconds: about("A number as text.", z.string()),
    remixed_from_video_id: z.null(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  } satisfies Shape<OpenAiVideo>),
);
export const openAiVideoList = named(
  "OpenAiVideoList",
  "Films, newest first unless `order` says otherwise.",
  z.object({
    object: z.literal("list"),
    data: z.array(openAiVideo),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  } satisfies Shape<OpenAiVideoList>),
);
export const openAiVideoDeleted = named(
  "OpenAiVideoDeleted",
  "The film and its task are gone.",
  z.object({
    id: z.string(),
    object: z.literal("video.deleted"),
    deleted: z.literal(true),
  } satisfies Shape<OpenAiVideoDeleted>),
);
