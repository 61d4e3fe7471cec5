/** Builds the page of the API reference: Scalar's script and style sheet as its package has them, and the few lines that start it. */

import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import type { PageBuild } from "../process/process-host.ts";
import { hashedName } from "./hashed-name.ts";

const SOURCE = resolve(import.meta.dirname, "../../docs");
const PACKAGE = "@scalar/api-reference";
/** Leads to a file that is not served. */
const SOURCE_MAP = /\n\/\/# sourceMappingURL=\S+\s*$/;

type Manifest = {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly homepage: string;
};

/** Rejects when the package is not installed, as it is for development alone. */
export async function buildDocs(): Promise<PageBuild> {
  const built = dirname(createRequire(import.meta.url).resolve(PACKAGE));
  const manifest: Manifest = await Bun.file(resolve(built, "../package.json")).json();
  const [scalar, scalarStyle, style, script, template] = await Promise.all([
    Bun.file(`${built}/browser/standalone.js`).text(),
    Bun.file(`${built}/style.css`).text(),
    Bun.file(`${SOURCE}/style.css`).text(),
    bundled(`${SOURCE}/start.ts`),
    Bun.file(`${SOURCE}/index.html`).text(),
  ]);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const add = (name: string, extension: string, text: string): string => {
    const bytes = new Uint8Array(new TextEncoder().encode(text));
    const named = hashedName(name, extension, bytes);
    files.set(named, bytes);
    return named;
  };
  const words: Readonly<Record<string, string>> = {
    package: `${manifest.name} ${manifest.version}`,
    license: manifest.license,
    homepage: manifest.homepage,
    scalar: add("scalar", "js", scalar.replace(SOURCE_MAP, "\n")),
    scalarStyle: add("scalar", "css", scalarStyle),
    style: add("style", "css", style),
    script: add("start", "js", script),
  };
  const document = template.replace(/\{\{(\w+)\}\}/g, (_, word: string) => words[word] ?? "");
  files.set("index.html", new Uint8Array(new TextEncoder().encode(document)));
  return files;
}

async function bundled(entry: string): Promise<string> {
  const { success, outputs, logs } = await Bun.build({
    entrypoints: [entry],
    target: "browser",
    minify: true,
  });
  const [output] = outputs;
  if (!success || output === undefined) throw new AggregateError(logs, "The reference cannot be built");
  return output.text();
}
