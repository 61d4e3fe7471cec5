/** The bodies of create requests: the documented fields of pictures and films. */

import type { Json, Priority } from "./task.ts";

/**
 * A picture to work from: an https address, a data URL, the address or path of a file of this gateway's, or a result of an
 * earlier task (the first, when `index` does not say which). `image_url` is OpenAI's spelling.
 */
export type InputReference =
  | string
  | { image_url: string | { url: string } }
  | { url: string }
  | { task_id: string; index?: number }
  /** Of OpenAI's Files API; refused by name. */
  | { file_id: string };
export type InputField = InputReference | InputReference[];

/** Where word of a task goes. */
export type WebhookFields = {
  webhook_url?: string | undefined;
  /** Sent along; none of host, content, signature or the connection. */
  webhook_headers?: Record<string, string> | undefined;
  /** Of `task.started`, `task.progress` and the default, the three ends. */
  webhook_events?: string[] | undefined;
};

/** Fields that pictures and films have in common. */
type CommonFields = WebhookFields & {
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
  /** Pictures to work from, for models that take some; of a film the first one is its first frame. */
  image?: InputField | undefined;
  images?: InputField | undefined;
  /** Asynchronous routes only: the answer has a key that may read, follow and cancel this task. */
  access_token?: AccessTokenField | undefined;
};

/** How long such a key is valid: 10 to 7,200 seconds, default 3,600. */
export type AccessTokenField = { ttl_seconds?: number };

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
  /** Says where the picture is to change. */
  mask?: InputField | undefined;
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
