/** The WebAssembly of picture codecs, read from their packages and compiled. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { CodecModules } from "../../../media/thumbnails/codecs.ts";

/** Of film frames and thumbnails: some 350 kB, some 10 ms. */
export function encoderWasm(): Promise<WebAssembly.Module> {
  return compiled("@jsquash/webp/codec/enc/webp_enc_simd.wasm");
}

export async function codecModules(): Promise<CodecModules> {
  const [png, jpeg, webp, encoder] = await Promise.all([
    compiled("@jsquash/png/codec/pkg/squoosh_png_bg.wasm"),
    compiled("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm"),
    compiled("@jsquash/webp/codec/dec/webp_dec.wasm"),
    encoderWasm(),
  ]);
  return { png, jpeg, webp, encoder };
}

async function compiled(file: string): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(createRequire(import.meta.url).resolve(file)));
}
