/** Reads `conduit.json` from the folder the process was started in. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CONFIG_FILE, ConfigError } from "../../config/load.ts";

/** Its text, or null when there is none. Throws `ConfigError` when it is there and cannot be read. */
export function readConfigFile(folder: string): string | null {
  const file = join(folder, CONFIG_FILE);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOENT") return null;
    throw new ConfigError([{ name: file, expected: "a file this user can read, or none", came: code }]);
  }
}
