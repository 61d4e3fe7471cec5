/** `createConduit`: a provider of the AI SDK, as `createOpenAI` and the others are. */

import {
  type Experimental_VideoModelV4,
  LoadAPIKeyError,
  NoSuchModelError,
  type ProviderV4,
} from "@ai-sdk/provider";
import type { ConnectionOptions } from "../transport/requester.ts";
import { VideoModel } from "./video-model.ts";

export type ConduitModelsSettings = Pick<ConnectionOptions, "fetch"> & {
  /** Of the gateway, with or without `/v1` at its end: `http://localhost:8787/v1`. */
  baseURL: string;
  /** A virtual key (`condt_…`) or an ephemeral one (`ek_…`). */
  apiKey: string;
  /** Sent with every request, such as `x-conduit-customer`. */
  headers?: Record<string, string> | undefined;
};

export interface ConduitModels extends ProviderV4 {
  /** A model that makes films, such as `local/motion`; `GET /v1/models` has them. */
  video(modelId: string): Experimental_VideoModelV4;
  /** The same; registries of the SDK call it so. */
  videoModel(modelId: string): Experimental_VideoModelV4;
}

/** Throws a `LoadAPIKeyError` without a key. Models of other kinds are refused with a `NoSuchModelError`. */
export function createConduit({ baseURL, apiKey, headers, fetch }: ConduitModelsSettings): ConduitModels {
  if (!apiKey)
    throw new LoadAPIKeyError({ message: "Expected apiKey, a key of the gateway: condt_… or ek_…" });
  const video = (modelId: string) =>
    new VideoModel(modelId, { baseUrl: baseURL, virtualKey: apiKey, headers, fetch });
  const refuse = (modelType: "languageModel" | "embeddingModel" | "imageModel") => (modelId: string) => {
    const message =
      modelType === "imageModel"
        ? `Pictures of ${modelId} are made by createOpenAI({ baseURL, apiKey }).image("${modelId}") of @ai-sdk/openai.`
        : `The gateway makes pictures and films; ${modelId} is asked for as a ${modelType}.`;
    throw new NoSuchModelError({ modelId, modelType, message });
  };
  return {
    specificationVersion: "v4",
    video,
    videoModel: video,
    imageModel: refuse("imageModel"),
    languageModel: refuse("languageModel"),
    embeddingModel: refuse("embeddingModel"),
  };
}
