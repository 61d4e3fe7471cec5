import { describe, expect, test } from "vitest";
import { ApiError } from "../../../src/protocol/error.ts";
import type { ModelCapabilities, NumberRule, SizeRule } from "../../../src/protocol/model.ts";
import { requireFit } from "../../../src/tasks/model-fit.ts";
import type { JobRequest } from "../../../src/tasks/task.ts";

const SIZES: SizeRule = {
  kind: "range",
  minSide: 64,
  maxSide: 1280,
  multipleOf: 2,
  maxPixels: 921_600,
  default: "640x360",
};

function model(
  durations: NumberRule | null,
  fps: NumberRule | null,
  sizes: SizeRule = SIZES,
): ModelCapabilities {
  return {
    type: "video",
    maxN: 1,
    sizes,
    durations,
    fps,
    qualities: [],
    styles: [],
    backgrounds: [],
    outputFormats: [],
    seed: true,
    measuredProgress: true,
    providerOptions: [],
    furtherFields: [],
  };
}

/** What is wrong with a request: the field and the sentence; null when nothing is. */
function fault(
  capabilities: ModelCapabilities,
  request: Partial<JobRequest>,
): { param: string; message: string } | null {
  try {
    requireFit(capabilities, { prompt: "x", n: 1, ...request });
    return null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    expect(error.code).toBe("invalid_parameter");
    return { param: error.param ?? "", message: error.message };
  }
}

describe("a model of films", () => {
  const range: NumberRule = { kind: "range", min: 1, max: 10, default: 4 };
  const listed: NumberRule = { kind: "listed", values: [6, 10], default: 6 };

  test("takes durations and frame rates within its bounds, the bounds included", () => {
    for (const value of [1, 2.5, 10])
      expect(fault(model(range, range), { duration: value, fps: value })).toBeNull();
    for (const value of [0.5, 10.5]) {
      expect(fault(model(range, null), { duration: value })).toEqual({
        param: "duration",
        message: `duration must be from 1 to 10 seconds for this model; ${value} came.`,
      });
      expect(fault(model(null, range), { fps: value })).toEqual({
        param: "fps",
        message: `fps must be from 1 to 10 frames a second for this model; ${value} came.`,
      });
    }
  });

  test("takes only the durations it lists", () => {
    for (const duration of [6, 10]) expect(fault(model(listed, null), { duration })).toBeNull();
    expect(fault(model(listed, null), { duration: 8 })?.message).toBe(
      "duration must be one of 6, 10 seconds for this model; 8 came.",
    );
  });

  test("does not object to a field it knows nothing of, nor to one that is absent", () => {
    expect(fault(model(null, null), { duration: 3_600, fps: 240 })).toBeNull();
    expect(fault(model(listed, listed), {})).toBeNull();
  });

  test("bounds the area of a frame beside its sides", () => {
    for (const size of ["1280x720", "720x1280", "64x64", "auto"])
      expect(fault(model(null, null), { size })).toBeNull();
    for (const size of ["1280x722", "1280x1280", "1282x64", "65x64", "huge"])
      expect(fault(model(null, null), { size })).toEqual({
        param: "size",
        message: `size must be auto or WxH with sides from 64 to 1280 pixels, multiples of 2, at most 921600 pixels in all; "${size}" came.`,
      });
  });
});
