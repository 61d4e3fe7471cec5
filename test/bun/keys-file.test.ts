import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isPlainKey } from "../../src/accounts/keys/plain-key.ts";
import { KeysFileError, loadKeys } from "../../src/runtime/process/data/keys-file.ts";
import { temporaryFolder } from "../fixture/server-process.ts";

const BOOTSTRAP = `condt_${"b".repeat(43)}`;
const ADMIN = "an admin key of the operator";
const NOTHING = { bootstrap: null, admin: null };

let folder: { path: string; remove(): Promise<void> };
let file: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder.path, "keys.json");
});

afterEach(() => folder.remove());

describe("the keys of a start", () => {
  it("are made on the first start and kept for the second", () => {
    const first = loadKeys(file, NOTHING);
    expect(isPlainKey(first.bootstrap.plain)).toBe(true);
    expect(first.admin.plain).toMatch(/^cadm_[A-Za-z0-9]{43}$/);
    expect(first.bootstrap.configured).toBe(false);
    expect(loadKeys(file, NOTHING)).toEqual(first);
  });

  it("are readable for their owner only, also when the file was opened to others meanwhile", () => {
    loadKeys(file, NOTHING);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o644);
    loadKeys(file, NOTHING);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(["keys.json"]);
  });

  it("are written nowhere when they come from the configuration", () => {
    expect(loadKeys(file, { bootstrap: BOOTSTRAP, admin: ADMIN })).toEqual({
      bootstrap: { plain: BOOTSTRAP, configured: true },
      admin: { plain: ADMIN, configured: true },
    });
    expect(existsSync(file)).toBe(false);
  });

  it("are made one by one, only where the configuration leaves one open", () => {
    const first = loadKeys(file, { bootstrap: BOOTSTRAP, admin: null });
    expect(readFileSync(file, "utf8")).not.toContain(BOOTSTRAP);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ adminKey: first.admin.plain });
    const second = loadKeys(file, NOTHING);
    expect(second.admin.plain).toBe(first.admin.plain);
    expect(second.bootstrap.plain).not.toBe(BOOTSTRAP);
    expect(loadKeys(file, NOTHING)).toEqual(second);
  });

  it("come from the configuration when it and the file both have them, and the file keeps its own", () => {
    const kept = loadKeys(file, NOTHING);
    expect(loadKeys(file, { bootstrap: BOOTSTRAP, admin: null })).toMatchObject({
      bootstrap: { plain: BOOTSTRAP, configured: true },
      admin: { plain: kept.admin.plain },
    });
    expect(loadKeys(file, NOTHING)).toEqual(kept);
  });

  it.each(["", "{", "[]", '{"bootstrapKey":"condt_short"}', '{"adminKey":""}', '{"adminKey":7}'])(
    "stop the start when the file holds %j, instead of being replaced",
    (text) => {
      writeFileSync(file, text);
      expect(() => loadKeys(file, NOTHING)).toThrow(KeysFileError);
      expect(readFileSync(file, "utf8")).toBe(text);
    },
  );
});
