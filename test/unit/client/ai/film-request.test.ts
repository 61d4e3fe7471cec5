import type { Experimental_VideoModelV4CallOptions } from "@ai-sdk/provider";
import { describe, expect, test } from "vitest";
import { filmRequest } from "../../../../src/client/ai/film-request.ts";

const CALL: Experimental_VideoModelV4CallOptions = {
  prompt: "a sailboat",
  n: 1,
  aspectRatio: undefined,
  resolution: undefined,
  duration: undefined,
  fps: undefined,
  seed: undefined,
  image: undefined,
  frameImages: undefined,
  inputReferences: undefined,
  generateAudio: undefined,
  providerOptions: {},
};

describe("a call of the AI SDK", () => {
  test("becomes the fields that it names, and no others", () => {
    expect(filmRequest("local/motion", CALL)).toEqual({
      body: { model: "local/motion", prompt: "a sailboat" },
      warnings: [],
    });
    const named = { ...CALL, resolution: "1280x720" as const, duration: 5, fps: 24, seed: 7 };
    expect(filmRequest("local/motion", named).body).toEqual({
      model: "local/motion",
      prompt: "a sailboat",
      size: "1280x720",
      duration: 5,
      fps: 24,
      seed: 7,
    });
  });

  test("takes the provider's own options as further fields, under those that the SDK has names for", () => {
    const conduit = { priority: "low", provider_options: { steps: 3 }, prompt: "another", model: "another" };
    const { body } = filmRequest("local/motion", {
      ...CALL,
      providerOptions: { conduit, fal: { loop: true } },
    });
    expect(body).toEqual({
      model: "local/motion",
      prompt: "a sailboat",
      priority: "low",
      provider_options: { steps: 3 },
    });
  });

  test("hands an address on, and a file as a file of its type", async () => {
    const url = "https://a.example/fox.png";
    expect(filmRequest("m", { ...CALL, image: { type: "url", url } }).body.image).toBe(url);
    for (const data of [new Uint8Array([1, 2, 250]), "AQL6"]) {
      const { image } = filmRequest("m", {
        ...CALL,
        image: { type: "file", mediaType: "image/png", data },
      }).body;
      expect(image).toBeInstanceOf(Blob);
      expect((image as Blob).type).toBe("image/png");
      expect(await (image as Blob).bytes()).toEqual(new Uint8Array([1, 2, 250]));
    }
  });

  test("is warned of everything that the gateway has no field for", () => {
    const image = { type: "url" as const, url: "https://a.example/fox.png" };
    const { warnings } = filmRequest("m", {
      ...CALL,
      aspectRatio: "16:9",
      generateAudio: false,
      inputReferences: [image],
      frameImages: [
        { frameType: "first_frame", image },
        { frameType: "last_frame", image },
      ],
    });
    expect(warnings.map((warning) => warning.type === "unsupported" && warning.feature)).toEqual([
      "aspectRatio",
      "generateAudio",
      "inputReferences",
      "lastFrame",
    ]);
    const first = filmRequest("m", { ...CALL, frameImages: [{ frameType: "first_frame", image }] });
    expect(first.warnings).toEqual([]);
  });
});
