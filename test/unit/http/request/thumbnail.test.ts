import { describe, expect, test } from "vitest";
import { thumbnailOf } from "../../../../src/http/request/thumbnail.ts";
import { ApiError } from "../../../../src/protocol/error.ts";
import { ThumbnailError, type ThumbnailRefusal } from "../../../../src/tasks/ports/thumbnails.ts";

async function errorOf(work: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (error instanceof ApiError) return error;
  throw error;
}

describe("a thumbnail", () => {
  test("is refused by name where none are made, unless its size is wrong already", async () => {
    expect(await errorOf(thumbnailOf("a", "256", null))).toMatchObject({ code: "not_supported" });
    expect(await errorOf(thumbnailOf("a", "255", null))).toMatchObject({
      code: "invalid_parameter",
      message: "thumbnail must be 64, 128, 256, or 512: the longest side in pixels.",
    });
  });

  test.each<[ThumbnailRefusal, string, RegExp]>([
    [{ kind: "not_a_picture", contentType: "video/webm" }, "not_supported", /no thumbnails of films/],
    [{ kind: "not_a_picture", contentType: "image/gif" }, "not_supported", /this is image\/gif/],
    [{ kind: "too_large", flaw: "has 18 million pixels" }, "payload_too_large", /picture has 18 million/],
    [{ kind: "unreadable" }, "not_supported", /cannot be read/],
    [{ kind: "busy" }, "overloaded", /Ask again/],
  ])("refused as %j answers %s", async (refusal, code, message) => {
    const refusing = { get: () => Promise.reject(new ThumbnailError(refusal)) };
    expect(await errorOf(thumbnailOf("a", "64", refusing))).toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test("that fails for another reason is no answer about the picture", async () => {
    const failing = { get: () => Promise.reject(new Error("the disk is full")) };
    await expect(thumbnailOf("a", "64", failing)).rejects.toThrow("the disk is full");
  });
});
