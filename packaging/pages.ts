/**
 * `bun run build:pages`: builds the web pages that come with the gateway into `dist/pages` of the folder it is started in, which
 * `bun run` and wrangler make the project's, or into the folder that is named; one folder for each page.
 */

import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { gzipSync } from "bun";
import { buildPage, PAGE_NAMES } from "../src/runtime/bun/page-builds.ts";
import { PAGES_FOLDER } from "../src/runtime/process/pages/process-pages.ts";
import type { PageBuild } from "../src/runtime/process/process-host.ts";

const DOCUMENT = "index.html";
const target = resolve(process.argv[2] ?? PAGES_FOLDER);
/** Beside the target: what is not yet whole is nobody's page. */
const fresh = join(dirname(target), `.pages-${process.pid}`);

await mkdir(fresh, { recursive: true });
try {
  for (const page of PAGE_NAMES) {
    const files = await buildPage(page);
    await replace(join(target, page), files);
    const zipped = [...files.values()].reduce((sum, bytes) => sum + gzipSync(bytes).byteLength, 0);
    console.log(`${page.padEnd(10)} ${files.size} files, ${zipped} bytes gzip in all`);
  }
} finally {
  await rm(fresh, { recursive: true, force: true });
}
console.log(`in ${target}`);

/**
 * Puts the files into the folder, the document last: whoever reads it meanwhile, or builds the same, finds the page of before or this
 * one, because a file that is another one has another name.
 */
async function replace(folder: string, files: PageBuild): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = [...files.keys()].filter((name) => name !== DOCUMENT);
  for (const name of [...names, DOCUMENT]) {
    await writeFile(join(fresh, name), files.get(name) ?? "");
    await rename(join(fresh, name), join(folder, name));
  }
  const old = (await readdir(folder)).filter((name) => !files.has(name));
  await Promise.all(old.map((name) => rm(join(folder, name), { force: true })));
}
