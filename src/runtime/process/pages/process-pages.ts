/**
 * The web pages as a process has them: those in `dist/pages` while they are no older than their sources; else built in this process at
 * the first request for one, where the runtime can, and kept in memory. A start reads and builds nothing.
 */

import { type Dirent, readdirSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { PageFile, PageFiles } from "../../../http/pages/page-files.ts";
import { describeError, type Log } from "../../../tasks/ports/log.ts";
import type { ProcessHost } from "../process-host.ts";

export type ProcessPagesOptions = {
  /** The project's folder. */
  root: string;
  /** Null where the runtime has no bundler. */
  build: NonNullable<ProcessHost["buildPage"]> | null;
  log: Pick<Log, "info" | "warn">;
};

/** Of this program, with its sources. */
export const PROJECT_FOLDER = join(import.meta.dirname, "../../../..");

type Files = ReadonlyMap<string, PageFile>;

/** Where built pages are, a folder for each. */
export const PAGES_FOLDER = "dist/pages";
const DOCUMENT = "index.html";
/** What a page is built from, and where. */
const SOURCES = ["src", "package.json"];
const compressed = promisify(gzip);

/** Whether a page of the project was built, or can be. */
export function hasPage(page: string, build: ProcessPagesOptions["build"]): boolean {
  return build !== null || changedAt(join(PROJECT_FOLDER, PAGES_FOLDER, page, DOCUMENT)) > 0;
}

export class ProcessPages implements PageFiles {
  readonly #options: ProcessPagesOptions;
  readonly #pages = new Map<string, Promise<Files | null>>();

  constructor(options: ProcessPagesOptions) {
    this.#options = options;
  }

  async read(path: string): Promise<PageFile | null> {
    const [page = "", name = ""] = path.split("/", 2);
    // Requests that come at once share one build; one that failed is not tried again.
    const files = this.#pages.get(page) ?? this.#loadOnce(page);
    return (await files)?.get(name) ?? null;
  }

  /** Where built files cannot be read, the next request tries again. */
  #loadOnce(page: string): Promise<Files | null> {
    const files = this.#load(page);
    this.#pages.set(page, files);
    files.catch(() => this.#pages.delete(page));
    return files;
  }

  async #load(page: string): Promise<Files | null> {
    const { root, build, log } = this.#options;
    const folder = join(root, PAGES_FOLDER, page);
    const builtAt = changedAt(join(folder, DOCUMENT));
    const sourcesAt = Math.max(...SOURCES.map((name) => newestIn(join(root, name))));
    if (builtAt >= sourcesAt && builtAt > 0) return filesIn(folder);
    if (build !== null) {
      try {
        const files = await build(page);
        log.info("a web page was built", { page, files: files.size });
        return await withGzip(files);
      } catch (error) {
        log.warn("a web page could not be built", { page, cause: describeError(error) });
      }
    }
    if (builtAt > 0) return filesIn(folder);
    log.warn("a web page was not built: run `bun run build:pages`", { page });
    return null;
  }
}

async function filesIn(folder: string): Promise<Files> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of await readdir(folder))
    files.set(name, new Uint8Array(await readFile(join(folder, name))));
  return withGzip(files);
}

async function withGzip(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Promise<Files> {
  const pairs = [...files].map(async ([name, body]): Promise<[string, PageFile]> => {
    return [name, { body, gzip: new Uint8Array(await compressed(body)) }];
  });
  return new Map(await Promise.all(pairs));
}

/** When anything in it changed last, ms since the epoch; 0 where there is none. */
function newestIn(path: string): number {
  let entries: Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch {
    return changedAt(path);
  }
  return entries.reduce((newest, entry) => {
    const within = join(path, entry.name);
    return Math.max(newest, entry.isDirectory() ? newestIn(within) : changedAt(within));
  }, 0);
}

function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
