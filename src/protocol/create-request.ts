/** The bodies of create requests: the documented fields of pictures and films. */

import type { Json, Priority } from "./task.ts";

/** Fields that pictures and films have in common. */
type CommonFields = {
  prompt: string;
  /** One of `GET /v1/models`. */
  model: string;
  /** An opaque id of the caller's own user. */
  user?: string | undefined;
  seed?: number | undefined;
  metadata?: Record<string, string> | undefined;
  priority?: Priority | undefined;
  /** Seconds until the task fails with `timeout`. */
  timeout_seconds?: number | undefined;
  /** Fields of the provider's own, passed on as they are. */
  provider_options?: Record<string, Json> | undefined;
  /** Such as `1024x1024`. */
  size?: string | undefined;
};

/** The documented fields of `POST /v1/images/generations` and of its asynchronous twin. */
export type ImageFields = CommonFields & {
  n?: number | undefined;
  quality?: string | undefined;
  style?: string | undefined;
  background?: string | undefined;
  output_format?: string | undefined;
  response_format?: "url" | "b64_json" | undefined;
  /** Synchronous route only: answers server-sent events. */
  stream?: boolean | undefined;
  partial_images?: number | undefined;
};

/** The documented fields of `POST /v1/videos/generations/async`. */
export type VideoFields = CommonFields & {
  /** Seconds. */
  duration?: number | undefined;
  fps?: number | undefined;
};

/** Further fields are passed on where the model's capabilities name them. */
type Further = { [field: string]: Json | undefined };

export type CreateImageRequest = ImageFields & Further;
export type CreateVideoRequest = VideoFields & Further;
