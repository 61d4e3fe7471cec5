import { describe, expect, test } from "vitest";
import { assertReadable, DATA_RELEASE } from "../../../src/stores/release.ts";
import { StoreUnavailableError } from "../../../src/tasks/ports/store-error.ts";

describe("data of another release", () => {
  const own = { writes: 5, minReader: 3 };

  test.each([0, 3, 4, 5])("that needs release %i is readable by release 5", (minReader) => {
    expect(() => assertReadable(minReader, own)).not.toThrow();
  });

  test("that needs a later release is refused, naming both and saying that nothing was changed", () => {
    let refusal: unknown;
    try {
      assertReadable(6, own);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(StoreUnavailableError);
    expect(refusal).toMatchObject({ reason: "newer_schema" });
    for (const part of ["release 6", "release 5", "Nothing was changed"])
      expect((refusal as Error).message).toContain(part);
  });

  test("is readable where this release wrote it", () => {
    expect(DATA_RELEASE.minReader).toBeLessThanOrEqual(DATA_RELEASE.writes);
    expect(() => assertReadable(DATA_RELEASE.minReader, DATA_RELEASE)).not.toThrow();
  });
});
