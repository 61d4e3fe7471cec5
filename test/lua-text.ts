/** Lets test files import Lua scripts as texts, as the hosts do. */

import { readFileSync } from "node:fs";

/** A Vite plugin. */
export function luaText() {
  return {
    name: "lua-text",
    enforce: "pre" as const,
    load(id: string) {
      const path = id.split("?", 1)[0] ?? id;
      if (!path.endsWith(".lua")) return null;
      return `export default ${JSON.stringify(readFileSync(path, "utf8"))};`;
    },
  };
}
