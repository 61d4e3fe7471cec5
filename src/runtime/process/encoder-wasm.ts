/** The encoder of film frames, read from its package. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** Reads and compiles it: some 350 kB, some 10 ms. */
export async function encoderWasm(): Promise<WebAssembly.Module> {
  const path = createRequire(import.meta.url).resolve("@jsquash/webp/codec/enc/webp_enc_simd.wasm");
  return WebAssembly.compile(await readFile(path));
}
