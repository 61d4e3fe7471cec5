/** `conduit.images` and `conduit.videos`: what makes pictures and films. */

import type { ImageFields, InputReference, VideoFields } from "../../protocol/create-request.ts";
import type { OpenAiImages } from "../../protocol/openai-images.ts";
import type { WireAccepted } from "../../protocol/task.ts";
import type { CallOptions, Requester } from "../transport/requester.ts";
import { bodyOf } from "./form.ts";

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
export type VideoRequest = Omit<VideoFields, "image" | "images"> & Pick<Pictures, "image"> & Further;

/** The gateway answers after 300 s at the latest unless the request says otherwise. */
const SYNCHRONOUS_TIMEOUT_MS = 330_000;
const ANSWERING_MS = 30_000;

export class ImagesResource {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Makes pictures and waits for them. `ServerError` with code `timeout` has the task's id in `param`: its work goes on. */
  generate(body: ImageRequest, options: CallOptions = {}): Promise<OpenAiImages> {
    return this.#synchronous("/v1/images/generations", body, options);
  }

  /** The same from a picture. */
  edit(body: ImageRequest, options: CallOptions = {}): Promise<OpenAiImages> {
    return this.#synchronous("/v1/images/edits", body, options);
  }

  /** Accepts a task; `conduit.tasks` reads and follows it. */
  generateAsync(body: ImageRequest, options: CallOptions = {}): Promise<WireAccepted> {
    return createTask(this.#requester, "image", body, options);
  }

  #synchronous(path: string, body: ImageRequest, options: CallOptions): Promise<OpenAiImages> {
    const asked = body.timeout_seconds;
    return this.#requester.json("POST", path, {
      timeoutMs: asked === undefined ? SYNCHRONOUS_TIMEOUT_MS : asked * 1_000 + ANSWERING_MS,
      ...options,
      body: bodyOf(body),
      creates: true,
    });
  }
}

export class VideosResource {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Accepts a task; `conduit.tasks` reads and follows it. */
  generateAsync(body: VideoRequest, options: CallOptions = {}): Promise<WireAccepted> {
    return createTask(this.#requester, "video", body, options);
  }
}

const CREATE_PATHS = {
  image: "/v1/images/generations/async",
  video: "/v1/videos/generations/async",
} as const;

export function createTask(
  requester: Requester,
  type: keyof typeof CREATE_PATHS,
  body: ImageRequest | VideoRequest,
  options: CallOptions,
): Promise<WireAccepted> {
  return requester.json("POST", CREATE_PATHS[type], { ...options, body: bodyOf(body), creates: true });
}
