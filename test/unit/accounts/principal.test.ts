import { describe, expect, it } from "vitest";
import { principalOf } from "../../../src/accounts/principal.ts";
import { virtualKey } from "../../fixture/virtual-key.ts";

const KEY = virtualKey({
  id: "key_1",
  name: "App",
  permissions: { canGenerateImages: true, canGenerateVideos: false, canUseRealtimeAudio: false },
});

describe("a principal", () => {
  it("owns what it makes under its key and sees every subject of it", () => {
    const principal = principalOf(KEY);
    expect(principal.tenant).toEqual({ keyId: "key_1", subject: "" });
    expect(principal.scope).toEqual({ keyId: "key_1", subject: null });
  });

  it("holds neither the hash nor anything a request could change", () => {
    const principal = principalOf({ ...KEY, allowedModels: ["local/*"] });
    expect(JSON.stringify(principal)).not.toContain(KEY.hash);
    expect(Object.isFrozen(principal)).toBe(true);
    expect(Object.isFrozen(principal.permissions)).toBe(true);
    expect(Object.isFrozen(principal.allowedModels)).toBe(true);
  });
});
