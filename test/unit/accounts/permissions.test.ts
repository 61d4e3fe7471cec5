import { describe, expect, it } from "vitest";
import {
  allowsModel,
  requireModel,
  requirePermission,
  requirePriority,
} from "../../../src/accounts/permissions.ts";
import { principalOf } from "../../../src/accounts/principal.ts";
import { ApiError } from "../../../src/protocol/error.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";

const KEY = virtualKey({
  id: "key_1",
  name: "App",
  permissions: { canGenerateImages: true, canGenerateVideos: false, canUseRealtimeAudio: false },
});

function codeOf(action: () => unknown): string | null {
  try {
    action();
  } catch (error) {
    if (error instanceof ApiError) return error.code;
    throw error;
  }
  return null;
}

describe("the permissions of a principal", () => {
  it("is refused work its key lacks the permission for", () => {
    const principal = principalOf(KEY);
    expect(codeOf(() => requirePermission(principal, "image"))).toBeNull();
    expect(codeOf(() => requirePermission(principal, "video"))).toBe("permission_denied");
    expect(codeOf(() => requirePermission(principal, "realtime"))).toBe("permission_denied");
  });

  it.each([
    [null, "anything", true],
    [[], "local/canvas", false],
    [["local/canvas"], "local/canvas", true],
    [["local/canvas"], "local/canvas2", false],
    [["local/*"], "local/canvas", true],
    [["local/*"], "local", false],
    [["*"], "anything", true],
    [["dall-e-*", "local/canvas"], "dall-e-3", true],
    [["a.c"], "abc", false],
    [["l*l/canvas"], "local/canvas", false],
  ])("with allowed models %j may use %s: %s", (allowedModels, model, allowed) => {
    expect(allowsModel({ allowedModels }, model)).toBe(allowed);
  });

  it("may use a model when either the name it used or the one behind it is allowed", () => {
    const principal = principalOf({ ...KEY, allowedModels: ["local/canvas"] });
    expect(codeOf(() => requireModel(principal, "dall-e-3", "local/canvas"))).toBeNull();
    expect(codeOf(() => requireModel(principal, "dall-e-3", "openai/gpt-image-2"))).toBe("model_not_allowed");
  });

  it("gets normal priority by default, never more than its ceiling, and is refused when it asks for more", () => {
    expect(requirePriority(principalOf(KEY), undefined)).toBe("normal");
    expect(requirePriority(principalOf(KEY), "high")).toBe("high");
    const low = principalOf({ ...KEY, maxPriority: "low" });
    expect(requirePriority(low, undefined)).toBe("low");
    expect(codeOf(() => requirePriority(low, "normal"))).toBe("permission_denied");
  });
});
