import { describe, expect, expectTypeOf, test } from "vitest";
import {
  type ImageCreation,
  imageCreationSchema,
  type VideoCreation,
  videoCreationSchema,
} from "../../../src/http/creation/creation-schema.ts";
import type {
  CreateImageRequest,
  CreateVideoRequest,
  ImageFields,
  VideoFields,
} from "../../../src/protocol/create-request.ts";

const LIMITS = {
  promptCharacters: 100,
  imagesPerTask: 4,
  metadataPairs: 2,
  metadataKeyCharacters: 10,
  metadataValueCharacters: 10,
  providerOptionsBytes: 1_000,
};

describe("what a typed client may send", () => {
  test("is what the image schema takes, with further fields set apart", () => {
    const fields: ImageFields = {
      prompt: "a fox",
      model: "local/canvas",
      user: "u1",
      seed: 1,
      metadata: { shelf: "a" },
      priority: "low",
      timeout_seconds: 60,
      provider_options: { steps: 4 },
      size: "1024x1024",
      n: 2,
      quality: "high",
      style: "vivid",
      background: "auto",
      output_format: "png",
      response_format: "url",
      stream: false,
      partial_images: 0,
    };
    const request: CreateImageRequest = { ...fields, guidance: 7 };
    expect(imageCreationSchema(LIMITS).parse(request)).toEqual({ ...fields, further: { guidance: 7 } });
  });

  test("is what the video schema takes", () => {
    const request: CreateVideoRequest = { prompt: "a fox", model: "local/film", duration: 4, fps: 24 };
    expect(videoCreationSchema(LIMITS).parse(request)).toEqual(request);
  });

  test("has the same fields after validation", () => {
    expectTypeOf<keyof ImageCreation>().toEqualTypeOf<keyof ImageFields | "further">();
    expectTypeOf<keyof VideoCreation>().toEqualTypeOf<keyof VideoFields | "further">();
  });
});
