/** Builds the web pages that come with the gateway, with Bun's bundler. */

import type { PageBuild } from "../process/process-host.ts";
import { buildConsole } from "./console-build.ts";
import { buildDocs } from "./docs-build.ts";

const BUILDS: ReadonlyMap<string, () => Promise<PageBuild>> = new Map([
  ["console", buildConsole],
  ["docs", buildDocs],
]);
/** Every page there is. */
export const PAGE_NAMES = [...BUILDS.keys()];

/** Rejects when the page is unknown, or cannot be built: a source is wrong, or a package is not installed. */
export async function buildPage(page: string): Promise<PageBuild> {
  const build = BUILDS.get(page);
  if (build === undefined) throw new RangeError(`There is no page ${page}.`);
  return build();
}
