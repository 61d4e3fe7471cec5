import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/load.ts";
import { readConfigFile } from "../../src/runtime/process/config-file.ts";
import { temporaryFolder } from "../fixture/server-process.ts";

let folder: { path: string; remove(): Promise<void> };

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(() => folder.remove());

describe("conduit.json", () => {
  it("is read from the folder of the start, and may be missing", () => {
    expect(readConfigFile(folder.path)).toBeNull();
    writeFileSync(join(folder.path, "conduit.json"), '{"server":{}}');
    expect(readConfigFile(folder.path)).toBe('{"server":{}}');
  });

  it("stops the start with its path when it is there and cannot be read", () => {
    mkdirSync(join(folder.path, "conduit.json"));
    expect(() => readConfigFile(folder.path)).toThrow(ConfigError);
    expect(() => readConfigFile(folder.path)).toThrow(join(folder.path, "conduit.json"));
  });
});
