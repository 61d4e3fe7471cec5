/**
 * `bun run build`: makes the client package in `dist/client`: one bundle and one type file tree for each entry, its package.json, and
 * a tarball that a package manager installs. Prints what each entry weighs and fails when the main one is too heavy.
 */

import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { gzipSync } from "bun";

const ROOT = resolve(import.meta.dirname, "..");
const SOURCE = join(ROOT, "src/client");
const ENTRIES = { ".": "index.ts", "./react": "react/index.ts", "./testing": "testing/index.ts" } as const;
/** What the package never carries along. */
const PEERS = ["@microsoft/signalr", "react"];
/** Of the main entry, minified. */
const MOST_GZIP_BYTES = 12_000;

const target = resolve(process.argv[2] ?? join(ROOT, "dist/client"));
await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });

await bundle(target, { minify: false });
await writeTypes(target);
await writeManifest(target);
await printSizes();

async function bundle(outdir: string, { minify }: { minify: boolean }): Promise<void> {
  const built = await Bun.build({
    entrypoints: Object.values(ENTRIES).map((file) => join(SOURCE, file)),
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
  const entries = Object.values(ENTRIES).map((file) => join(SOURCE, file));
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
  const run = Bun.spawn([tsc, "--ignoreConfig", ...kept, ...options, ...entries], {
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

async function writeManifest(outdir: string): Promise<void> {
  const { version, license } = (await Bun.file(join(ROOT, "package.json")).json()) as Record<string, string>;
  const described = (await Bun.file(join(SOURCE, "package.json")).json()) as Record<string, unknown>;
  const exports = Object.fromEntries(
    Object.entries(ENTRIES).map(([entry, file]) => [
      entry,
      { types: `./client/${file.replace(/\.ts$/, ".d.ts")}`, default: `./${file.replace(/\.ts$/, ".js")}` },
    ]),
  );
  const manifest = {
    ...described,
    version,
    license,
    exports: { ...exports, "./package.json": "./package.json" },
  };
  await Bun.write(join(outdir, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await Bun.write(join(outdir, "LICENSE"), Bun.file(join(ROOT, "LICENSE")));
  await Bun.write(join(outdir, "README.md"), Bun.file(join(SOURCE, "README.md")));
}

/** Each entry with everything it reaches, minified and compressed. */
async function printSizes(): Promise<void> {
  for (const [entry, file] of Object.entries(ENTRIES)) {
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
    if (entry === "." && zipped > MOST_GZIP_BYTES)
      throw new Error(`The client weighs ${zipped} bytes, more than ${MOST_GZIP_BYTES}`);
  }
  console.log(`in ${join(dirname(target), "client")}`);
}
