/** Frames as VP8 key frames, made by libwebp: a lossy WebP picture is one such frame in a wrapping of its own. */

import createModule from "@jsquash/webp/codec/enc/webp_enc_simd.js";
import { defaultOptions } from "@jsquash/webp/meta.js";

/** Encodes one RGBA frame; the answer is the caller's own. */
export type FrameEncoder = (
  rgba: Uint8ClampedArray,
  width: number,
  height: number,
) => Uint8Array<ArrayBuffer>;

/** Above this films grow faster than they get better. */
const QUALITY = 72;
/** The fastest method: a frame of 640x360 in some 5 ms. */
const OPTIONS = { ...defaultOptions, quality: QUALITY, method: 0 };
/** `RIFF`, a size, `WEBP`, and then chunks of a name, a size and a body of even length. */
const FIRST_CHUNK = 12;
const CHUNK_HEADER = 8;

/** What the encoder's glue offers, as far as it is used here. */
type WebpModule = {
  encode(rgba: Uint8ClampedArray, width: number, height: number, options: typeof OPTIONS): Uint8Array | null;
};

/** An encoder of its own memory. `wasm` is `@jsquash/webp/codec/enc/webp_enc_simd.wasm`, compiled. */
export async function createFrameEncoder(wasm: WebAssembly.Module): Promise<FrameEncoder> {
  const module: WebpModule = await createModule({
    noInitialRun: true,
    instantiateWasm(imports: WebAssembly.Imports, ready: (instance: WebAssembly.Instance) => void) {
      const instance = new WebAssembly.Instance(wasm, imports);
      ready(instance);
      return instance.exports;
    },
  });
  return (rgba, width, height) => {
    const webp = module.encode(rgba, width, height, OPTIONS);
    if (webp === null) throw new Error(`A frame of ${width}x${height} could not be encoded`);
    return keyFrameOf(webp);
  };
}

/** The body of the `VP8 ` chunk. */
function keyFrameOf(webp: Uint8Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength);
  for (let at = FIRST_CHUNK; at + CHUNK_HEADER <= webp.length; ) {
    const size = view.getUint32(at + 4, true);
    const body = at + CHUNK_HEADER;
    if (String.fromCharCode(...webp.subarray(at, at + 4)) === "VP8 ") return webp.slice(body, body + size);
    at = body + size + (size % 2);
  }
  throw new Error("The encoder's answer holds no VP8 frame");
}
