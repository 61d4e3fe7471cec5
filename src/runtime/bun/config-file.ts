/** Reads `conduit.json` from the folder the process was started in. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CONFIG_FILE } from "../../config.ts";

/** Its text, or null when there is none. Throws when it is there and cannot be read. */
export function readConfigFile(folder: string): string | null {
  const file = join(folder, CONFIG_FILE);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new Error(
      `The settings cannot be read from ${file}. Make it a file this user can read, or remove it.`,
      {
        cause: error,
      },
    );
  }
}
