/**
 * `bun run build`: makes the client package in `dist/client`: a bundle for each entry, their types, package.json, licence
 * and README. Prints what each entry weighs and fails when one is too heavy.
 */

import { mkdir, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gzipSync } from "bun";
import { ENTRIES, PROGRAMS } from "./entries.ts";

const ROOT = resolve(import.meta.dirname, "..");
const SOURCE = join(ROOT, "src/client");
const FILES = Object.values(ENTRIES).map(({ file }) => join(SOURCE, file));

type Described = { peerDependencies: Record<string, string> };
const described = (await Bun.file(join(SOURCE, "package.json")).json()) as Described;
/** What the package never carries along. */
const PEERS = Object.keys(described.peerDependencies);

const target = resolve(process.argv[2] ?? join(ROOT, "dist/client"));
await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });

await bundle(target, { minify: false });
await writePrograms(target);
await writeTypes(target);
await writeManifest(target);
await printSizes();

async function bundle(outdir: string, { minify }: { minify: boolean }): Promise<void> {
  const built = await Bun.build({
    entrypoints: FILES,
    root: SOURCE,
    outdir,
    target: "browser",
    format: "esm",
    splitting: true,
    minify,
    external: PEERS,
  });
  if (!built.success) throw new AggregateError(built.logs, "The bundle cannot be made");
}

/** Declarations of what the entries reach, with the endings that the bundles have. */
async function writeTypes(outdir: string): Promise<void> {
  const options = [
    "--declaration",
    "--emitDeclarationOnly",
    "--outDir",
    outdir,
    "--rootDir",
    join(ROOT, "src"),
  ];
  const { compilerOptions } = (await Bun.file(join(ROOT, "tsconfig.json")).json()) as {
    compilerOptions: Record<string, string | boolean | string[]>;
  };
  const kept = Object.entries(compilerOptions)
    .filter(([name]) => name !== "noEmit")
    .flatMap(([name, value]) => [`--${name}`, Array.isArray(value) ? value.join(",") : String(value)]);
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  const run = Bun.spawn([tsc, "--ignoreConfig", ...kept, ...options, ...FILES], {
    cwd: ROOT,
    stdout: "pipe",
  });
  const said = await new Response(run.stdout).text();
  if ((await run.exited) !== 0) throw new Error(`The types cannot be made:\n${said}`);
  for (const path of await readdir(outdir, { recursive: true })) {
    if (!path.endsWith(".d.ts")) continue;
    const text = await Bun.file(join(outdir, path)).text();
    await Bun.write(join(outdir, path), text.replace(/((?:from|import\()\s*"\.[^"]*)\.ts"/g, '$1.js"'));
  }
}

/** Each with a declaration that says that there is nothing to import from it. */
async function writePrograms(outdir: string): Promise<void> {
  for (const [path, text] of Object.entries(PROGRAMS)) {
    await Bun.write(join(outdir, path), text);
    await Bun.write(join(outdir, declarationOf(path)), "export {};\n");
  }
}

function declarationOf(path: string): string {
  return path.replace(/\.js$/, ".d.ts");
}

async function writeManifest(outdir: string): Promise<void> {
  const { version, license } = (await Bun.file(join(ROOT, "package.json")).json()) as Record<string, string>;
  const exports = Object.fromEntries(
    Object.entries(ENTRIES).map(([entry, { file }]) => [
      entry,
      { types: `./client/${file.replace(/\.ts$/, ".d.ts")}`, default: `./${file.replace(/\.ts$/, ".js")}` },
    ]),
  );
  const programs = Object.fromEntries(
    Object.keys(PROGRAMS).map((path) => [path, { types: declarationOf(path), default: path }]),
  );
  const manifest = {
    ...described,
    version,
    license,
    exports: { ...exports, ...programs, "./package.json": "./package.json" },
  };
  await Bun.write(join(outdir, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await Bun.write(join(outdir, "LICENSE"), Bun.file(join(ROOT, "LICENSE")));
  await Bun.write(join(outdir, "README.md"), Bun.file(join(SOURCE, "README.md")));
}

/** Each entry with everything it reaches, minified and compressed. */
async function printSizes(): Promise<void> {
  for (const [entry, { file, mostGzipBytes }] of Object.entries(ENTRIES)) {
    const built = await Bun.build({
      entrypoints: [join(SOURCE, file)],
      target: "browser",
      format: "esm",
      minify: true,
      external: PEERS,
    });
    const [output] = built.outputs;
    if (output === undefined) throw new Error(`Nothing was built of ${file}`);
    const bytes = new Uint8Array(await output.arrayBuffer());
    const zipped = gzipSync(bytes).byteLength;
    console.log(`${entry.padEnd(10)} ${bytes.byteLength} bytes minified, ${zipped} gzip`);
    if (zipped > mostGzipBytes) throw new Error(`Entry ${entry} weighs more than ${mostGzipBytes} bytes`);
  }
  console.log(`in ${target}`);
}
