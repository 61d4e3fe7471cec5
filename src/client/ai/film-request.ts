/** From a call of the AI SDK to the body of a create. */

import type {
  Experimental_VideoModelV4CallOptions,
  Experimental_VideoModelV4File,
  SharedV4Warning,
} from "@ai-sdk/provider";
import type { PictureInput, VideoRequest } from "../resources/creation.ts";

/** The name under which the SDK's callers pass options to this provider. */
export const PROVIDER = "conduit";

export type FilmRequest = {
  readonly body: VideoRequest;
  /** What the SDK's caller asked for and the gateway has no field for. */
  readonly warnings: SharedV4Warning[];
};

const NOT_TAKEN: Readonly<Record<string, string>> = {
  aspectRatio: "Name a resolution; GET /v1/models has those of the model.",
  generateAudio: "Name the model's own field in providerOptions.conduit.",
  inputReferences: "A film works from its first frame: pass it as prompt.image.",
  lastFrame: "A film works from its first frame alone.",
};

/** `providerOptions.conduit` are further fields of the body; those that the SDK has a name for win. */
export function filmRequest(modelId: string, options: Experimental_VideoModelV4CallOptions): FilmRequest {
  const { prompt, resolution, duration, fps, seed, image, providerOptions } = options;
  const named = {
    prompt,
    size: resolution,
    duration,
    fps,
    seed,
    image: image === undefined ? undefined : pictureOf(image),
  };
  const given = Object.entries(named).filter(([, value]) => value !== undefined);
  const body = { ...providerOptions[PROVIDER], ...Object.fromEntries(given), model: modelId };
  return { body: body as VideoRequest, warnings: warningsOf(options) };
}

function warningsOf(options: Experimental_VideoModelV4CallOptions): SharedV4Warning[] {
  const { aspectRatio, generateAudio, inputReferences, frameImages } = options;
  const asked = {
    aspectRatio: aspectRatio !== undefined,
    generateAudio: generateAudio !== undefined,
    inputReferences: (inputReferences ?? []).length > 0,
    lastFrame: (frameImages ?? []).some(({ frameType }) => frameType === "last_frame"),
  };
  return Object.entries(asked)
    .filter(([, is]) => is)
    .map(([feature]) => ({ type: "unsupported", feature, details: NOT_TAKEN[feature] ?? "" }));
}

function pictureOf(file: Experimental_VideoModelV4File): PictureInput {
  if (file.type === "url") return file.url;
  const { data, mediaType } = file;
  return new Blob([typeof data === "string" ? bytesOf(data) : new Uint8Array(data)], { type: mediaType });
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
