/**
 * Builds the console: one script with chunks for what is loaded later, one style sheet, the program of the audio thread, and the document
 * that names them.
 */

import { resolve } from "node:path";
import type { PageBuild } from "../process/process-host.ts";
import { hashedName } from "./hashed-name.ts";

const SOURCE = resolve(import.meta.dirname, "../../console");
/** Exports the program as a text. It is an input of the build, as the console is, and no part of the gateway. */
const WORKLET_SOURCE = resolve(import.meta.dirname, "../../client/voice/sound/worklet-text.ts");
/** Smaller chunks are folded into others: each is a request of its own. */
const MIN_CHUNK_BYTES = 16_384;
/** One that is missing is named by every file that imports it. */
const SHOWN_REASONS = 3;

/** Rejects with what is wrong with the sources, or which package is not installed. */
export async function buildConsole(): Promise<PageBuild> {
  const built = await Bun.build({
    entrypoints: [`${SOURCE}/main.tsx`, `${SOURCE}/design/styles.css`],
    root: SOURCE,
    target: "browser",
    format: "esm",
    splitting: true,
    minChunkSize: MIN_CHUNK_BYTES,
    minify: true,
    throw: false,
    define: { "process.env.NODE_ENV": '"production"' },
    naming: { entry: "[name]-[hash].[ext]", chunk: "[name]-[hash].[ext]", asset: "[name]-[hash].[ext]" },
  });
  if (!built.success) {
    const reasons = built.logs.slice(0, SHOWN_REASONS).map(({ message }) => message);
    throw new Error(`The console cannot be built. ${reasons.join(" ")}`);
  }
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const output of built.outputs)
    files.set(output.path.replace(/^.*\//, ""), new Uint8Array(await output.arrayBuffer()));
  const names = [...files.keys()];
  const script = names.find((name) => name.startsWith("main-") && name.endsWith(".js"));
  const style = names.find((name) => name.startsWith("styles-"));
  if (script === undefined || style === undefined) throw new Error("The console was built without its entry");
  const { WORKLET_TEXT }: { WORKLET_TEXT: string } = await import(WORKLET_SOURCE);
  const program = new Uint8Array(new TextEncoder().encode(WORKLET_TEXT));
  const worklet = hashedName("worklet", "js", program);
  files.set(worklet, program);
  const template = await Bun.file(`${SOURCE}/index.html`).text();
  const document = template
    .replace("{{style}}", style)
    .replace("{{script}}", script)
    .replace("{{worklet}}", worklet);
  files.set("index.html", new Uint8Array(new TextEncoder().encode(document)));
  return files;
}
