/**
 * `bun run build:pages`: builds the web pages that come with the gateway into `dist/pages` of the folder it is started in, which
 * `bun run` and wrangler make the project's, or into the folder that is named; one folder for each page.
 */

import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gzipSync } from "bun";
import { buildPage, PAGE_NAMES } from "../src/runtime/bun/page-builds.ts";
import { PAGES_FOLDER } from "../src/runtime/process/pages/built-pages.ts";

const target = resolve(process.argv[2] ?? PAGES_FOLDER);

for (const page of PAGE_NAMES) {
  const files = await buildPage(page);
  const fresh = join(target, `.${page}-${process.pid}`);
  await mkdir(fresh, { recursive: true });
  let zipped = 0;
  for (const [name, bytes] of files) {
    await writeFile(join(fresh, name), bytes);
    zipped += gzipSync(bytes).byteLength;
  }
  // Whoever reads the folder meanwhile finds the page of before or this one.
  await rm(join(target, page), { recursive: true, force: true });
  await rename(fresh, join(target, page));
  console.log(`${page.padEnd(10)} ${files.size} files, ${zipped} bytes gzip in all`);
}
console.log(`in ${target}`);
