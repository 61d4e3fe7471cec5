/** Lets tests in workerd import mediabunny, whose package says that its file access does not exist outside Node. */

const NOTHING = "\0mediabunny-without-files";

/** A Vite plugin. Vite's own answer to such a mapping is a module that workerd cannot import. */
export function withoutFileSystem() {
  return {
    name: "mediabunny-without-files",
    enforce: "pre" as const,
    resolveId(source: string, importer: string | undefined) {
      return source.endsWith("/node.js") && importer?.includes("/mediabunny/") ? NOTHING : null;
    },
    load(id: string) {
      return id === NOTHING ? "export const fs = {};" : null;
    },
  };
}
