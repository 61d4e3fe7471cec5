/** `conduit.images` and `conduit.videos`: what makes pictures and films. */

import type { ImageFields, InputReference, VideoFields } from "../../protocol/create-request.ts";
import type { OpenAiImageEvent, OpenAiImages } from "../../protocol/openai-images.ts";
import type { WireAccepted } from "../../protocol/task.ts";
import type { CallOptions, Requester } from "../transport/requester.ts";
import { bodyOf } from "./form.ts";
import { imageEvents } from "./image-stream.ts";

/** A picture to work from: a file of this program, or where the gateway finds one. */
export type PictureInput = Blob | InputReference;

type Pictures = {
  image?: PictureInput | PictureInput[] | undefined;
  /** Says where the picture is to change. */
  mask?: PictureInput | undefined;
};
/** Fields that the model alone knows are passed on. */
type Further = { [field: string]: unknown };

/** OpenAI's names of fields; pictures may be files, which are sent as a form. */
export type ImageRequest = Omit<ImageFields, "image" | "images" | "mask" | "stream" | "partial_images"> &
  Pictures &
  Further;
/** Previews, as many as `partial_images` (1 to 3) asks for where the model makes some, then each picture. */
export type StreamingImageRequest = ImageRequest & { stream: true; partial_images?: number | undefined };
export type VideoRequest = Omit<VideoFields, "image" | "images"> & Pick<Pictures, "image"> & Further;

/** The gateway answers after 300 s at the latest unless the request says otherwise. */
const SYNCHRONOUS_TIMEOUT_MS = 330_000;
const ANSWERING_MS = 30_000;

export class ImagesResource {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /**
   * Makes pictures and waits for them. `ServerError` with code `timeout` has the task's id in `param`: its work goes on. With
   * `stream: true` previews and pictures come as they are made: `for await (const event of conduit.images.generate({ … }))`.
   */
  generate(body: StreamingImageRequest, options?: CallOptions): AsyncGenerator<OpenAiImageEvent, void, void>;
  generate(body: ImageRequest, options?: CallOptions): Promise<OpenAiImages>;
  generate(body: ImageRequest, options: CallOptions = {}) {
    return this.#synchronous("/v1/images/generations", body, options);
  }

  /** The same from a picture. */
  edit(body: StreamingImageRequest, options?: CallOptions): AsyncGenerator<OpenAiImageEvent, void, void>;
  edit(body: ImageRequest, options?: CallOptions): Promise<OpenAiImages>;
  edit(body: ImageRequest, options: CallOptions = {}) {
    return this.#synchronous("/v1/images/edits", body, options);
  }

  /** Accepts a task; `conduit.tasks` reads and follows it. */
  generateAsync(body: ImageRequest, options: CallOptions = {}): Promise<WireAccepted> {
    return postTask(this.#requester, "image", body, options);
  }

  #synchronous(
    path: string,
    body: ImageRequest,
    options: CallOptions,
  ): Promise<OpenAiImages> | AsyncGenerator<OpenAiImageEvent, void, void> {
    const asked = body.timeout_seconds;
    const timeoutMs =
      options.timeoutMs ?? (asked === undefined ? SYNCHRONOUS_TIMEOUT_MS : asked * 1_000 + ANSWERING_MS);
    if (body.stream === true) return imageEvents(this.#requester, path, body, { ...options, timeoutMs });
    return this.#requester.json("POST", path, { ...options, timeoutMs, body: bodyOf(body), creates: true });
  }
}

export class VideosResource {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Accepts a task; `conduit.tasks` reads and follows it. */
  generateAsync(body: VideoRequest, options: CallOptions = {}): Promise<WireAccepted> {
    return postTask(this.#requester, "video", body, options);
  }
}

const CREATE_PATHS = {
  image: "/v1/images/generations/async",
  video: "/v1/videos/generations/async",
} as const;

export function postTask(
  requester: Requester,
  type: keyof typeof CREATE_PATHS,
  body: ImageRequest | VideoRequest,
  options: CallOptions,
): Promise<WireAccepted> {
  return requester.json("POST", CREATE_PATHS[type], { ...options, body: bodyOf(body), creates: true });
}
