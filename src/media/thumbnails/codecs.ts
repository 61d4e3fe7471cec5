/** Reads PNG, JPEG and WebP and writes WebP, with the codecs of browsers compiled to WebAssembly. */

import createJpegReader from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import preparePng, { decode as readPng } from "@jsquash/png/codec/pkg/squoosh_png.js";
import createWebpReader from "@jsquash/webp/codec/dec/webp_dec.js";
import createWebpWriter from "@jsquash/webp/codec/enc/webp_enc_simd.js";
import { defaultOptions } from "@jsquash/webp/meta.js";
import { type Pixels, shrink } from "./shrink.ts";

/** Makes a copy of a picture whose longest side is at most `longest` pixels, as WebP. Throws for what it cannot read. */
export type Shrinker = (bytes: Uint8Array, contentType: string, longest: number) => Uint8Array<ArrayBuffer>;

/** The codecs' WebAssembly, compiled. */
export type CodecModules = {
  /** `@jsquash/png/codec/pkg/squoosh_png_bg.wasm` */
  readonly png: WebAssembly.Module;
  /** `@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm` */
  readonly jpeg: WebAssembly.Module;
  /** `@jsquash/webp/codec/dec/webp_dec.wasm` */
  readonly webp: WebAssembly.Module;
  /** `@jsquash/webp/codec/enc/webp_enc_simd.wasm` */
  readonly encoder: WebAssembly.Module;
};

/** The pixels of a picture, upright; null for a kind that is not read and for what is broken. Throws for what is worse. */
export type PictureReader = (bytes: Uint8Array, contentType: string) => Pixels | null;

type JpegModule = { decode(bytes: Uint8Array, upright: boolean): Pixels | null };
type WebpModule = { decode(bytes: Uint8Array): Pixels | null };
type WriterModule = {
  encode(rgba: Uint8ClampedArray, width: number, height: number, options: typeof OPTIONS): Uint8Array | null;
};

const QUALITY = 80;
const OPTIONS = { ...defaultOptions, quality: QUALITY };

/** Codecs of their own memory, which grows with the largest picture and is given back with the thread alone. */
export async function createShrinker(modules: CodecModules): Promise<Shrinker> {
  const read = await createPictureReader(modules);
  const writer: WriterModule = await createWebpWriter(linked(modules.encoder));
  return (bytes, contentType, longest) => {
    const picture = read(bytes, contentType);
    if (picture === null) throw new Error("The picture cannot be read");
    const { data, width, height } = shrink(picture, longest);
    const copy = writer.encode(data, width, height, OPTIONS);
    if (copy === null) throw new Error("The copy cannot be written");
    return copy.slice();
  };
}

export async function createPictureReader(modules: CodecModules): Promise<PictureReader> {
  // What the PNG reader's pixels come in; the other two bring the same.
  globalThis.ImageData ??= PlainPixels as unknown as typeof ImageData;
  const [jpeg, webp]: [JpegModule, WebpModule, unknown] = await Promise.all([
    createJpegReader(linked(modules.jpeg)),
    createWebpReader(linked(modules.webp)),
    preparePng(Promise.resolve(modules.png)),
  ]);
  return (bytes, contentType) => {
    switch (contentType) {
      case "image/png":
        return readPng(bytes);
      case "image/jpeg":
        return jpeg.decode(bytes, true);
      case "image/webp":
        return webp.decode(bytes);
      default:
        return null;
    }
  };
}

class PlainPixels implements Pixels {
  constructor(
    readonly data: Uint8ClampedArray,
    readonly width: number,
    readonly height: number,
  ) {}
}

/** How the glue of Emscripten is told to take a module that is compiled already. */
function linked(module: WebAssembly.Module) {
  return {
    noInitialRun: true,
    instantiateWasm(imports: WebAssembly.Imports, ready: (instance: WebAssembly.Instance) => void) {
      const instance = new WebAssembly.Instance(module, imports);
      ready(instance);
      return instance.exports;
    },
  };
}
