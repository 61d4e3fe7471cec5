import { describe, expect, test } from "vitest";
import { detectedContentType } from "../../../../src/providers/upstream/answers/store-media.ts";
import { accountOf, hasAccount } from "../../../../src/providers/upstream/calls/account.ts";
import { createStatusWords } from "../../../../src/providers/upstream/jobs/status-words.ts";
import {
  nearestRatio,
  nearestResolution,
  nearestSize,
  parseSize,
} from "../../../../src/providers/upstream/requests/sizes.ts";

describe("sizes", () => {
  test("are read as sides in pixels", () => {
    expect(parseSize("1536x1024")).toEqual({ width: 1536, height: 1024 });
    for (const other of ["auto", "0x10", "10x", "1e3x5", " 10x10", undefined])
      expect(parseSize(other)).toBeNull();
  });

  test.each([
    ["1024x1024", "1:1"],
    ["1792x1024", "16:9"],
    ["1536x1024", "3:2"],
    ["1080x1920", "9:16"],
    ["2560x1080", "21:9"],
    ["4096x64", "21:9"],
  ])("%s has the shape %s", (size, ratio) => {
    const ratios = ["1:1", "16:9", "4:3", "3:2", "2:3", "3:4", "9:16", "21:9"];
    expect(nearestRatio(parseSize(size) ?? { width: 1, height: 1 }, ratios)).toBe(ratio);
  });

  test("are translated to the nearest shape, and of equal shapes to the nearest area", () => {
    const sizes = ["1024x1024", "1536x1024", "1024x1536", "2048x2048"];
    const nearest = (text: string) => nearestSize(parseSize(text) ?? { width: 1, height: 1 }, sizes);
    expect(nearest("512x512")).toBe("1024x1024");
    expect(nearest("1900x1900")).toBe("2048x2048");
    expect(nearest("1792x1024")).toBe("1536x1024");
    expect(nearest("1024x1792")).toBe("1024x1536");
    expect(nearestSize({ width: 1, height: 1 }, [])).toBeNull();
  });

  test("have a resolution by their shorter side", () => {
    const resolutions = ["512P", "768P", "1080P"];
    expect(nearestResolution({ width: 1280, height: 720 }, resolutions)).toBe("768P");
    expect(nearestResolution({ width: 1080, height: 1920 }, resolutions)).toBe("1080P");
  });
});

describe("status words", () => {
  test("9.14: an unknown one is running, and is logged once", () => {
    const lines: unknown[] = [];
    const statusOf = createStatusWords(
      "Painters",
      { Queueing: "waiting", Success: "completed", Fail: "failed" },
      { warn: (_, fields) => lines.push(fields) },
    );
    expect(["Queueing", "success", "FAIL"].map(statusOf)).toEqual(["waiting", "completed", "failed"]);
    expect(["Dreaming", "Dreaming", undefined, 7, "constructor"].map(statusOf)).toEqual(
      Array(5).fill("running"),
    );
    expect(lines.slice(0, 1)).toEqual([{ provider: "Painters", word: "Dreaming" }]);
    expect(lines).toHaveLength(4);
  });
});

describe("the account of a job", () => {
  const main = { name: "main", key: "k1", baseUrl: null };
  const other = { name: "other", key: "k2", baseUrl: "https://other.test/v1/" };

  test("is the one the engine chose, else the single key, else the first of several", () => {
    const of = (credential: typeof main | typeof other | null, apiKey: string | null) =>
      accountOf(
        { credential },
        { apiKey, baseUrl: null, credentials: [main, other] },
        "https://usual.test/v1",
      );
    expect(of(other, "k0")).toEqual({ name: "other", key: "k2", baseUrl: "https://other.test/v1" });
    expect(of(null, "k0")).toEqual({ name: null, key: "k0", baseUrl: "https://usual.test/v1" });
    expect(of(null, null)).toEqual({ name: "main", key: "k1", baseUrl: "https://usual.test/v1" });
  });

  test("is missing only where there is neither a key nor an account", () => {
    expect(hasAccount({ apiKey: null, baseUrl: null, credentials: [] })).toBe(false);
    expect(hasAccount({ apiKey: null, baseUrl: null, credentials: [main] })).toBe(true);
    expect(hasAccount({ apiKey: "k", baseUrl: null, credentials: [] })).toBe(true);
  });
});

describe("the type of a file", () => {
  test.each([
    ["\x89PNG\r\n\x1a\n....", "image/png"],
    ["\xff\xd8\xff\xe0", "image/jpeg"],
    ["RIFF....WEBPVP8 ", "image/webp"],
    ["GIF89a...", "image/gif"],
    ["....ftypisom", "video/mp4"],
    ["\x1a\x45\xdf\xa3", "video/webm"],
    ['<?xml version="1.0"?>\n<svg xmlns="x">', "image/svg+xml"],
    ["<html><svg>", null],
    ['{"error":1}', null],
    ["", null],
  ])("is told by its first bytes: %j", (text, expected) => {
    expect(detectedContentType(Uint8Array.from(text, (letter) => letter.charCodeAt(0)))).toBe(expected);
  });
});
