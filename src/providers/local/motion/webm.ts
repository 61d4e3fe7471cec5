/** A WebM file of one VP8 track. To be imported when a film is drawn: with its library it is large. */

import { BufferTarget, EncodedPacket, EncodedVideoPacketSource, Output, WebMOutputFormat } from "mediabunny";

/**
 * Nobody uses it. The library's modules import each other in circles. Bundled for Workers together with the film reader
 * (src/media/film-reader.ts) and without this one, they are evaluated in an order in which the reader of Matroska finds the names
 * of its elements undefined.
 */
export { FlacOutputFormat } from "mediabunny";

export class WebmWriter {
  readonly #target = new BufferTarget();
  readonly #output = new Output({ format: new WebMOutputFormat(), target: this.#target });
  readonly #track = new EncodedVideoPacketSource("vp8");
  readonly #config: VideoDecoderConfig;
  readonly #fps: number;
  #frames = 0;

  /** `fps` is frames a second. */
  constructor(width: number, height: number, fps: number) {
    this.#fps = fps;
    this.#config = { codec: "vp8", codedWidth: width, codedHeight: height };
    this.#output.addVideoTrack(this.#track, { frameRate: fps });
  }

  /** Adds the next frame, a key frame. */
  async add(frame: Uint8Array): Promise<void> {
    if (this.#frames === 0) await this.#output.start();
    const packet = new EncodedPacket(frame, "key", this.#frames / this.#fps, 1 / this.#fps);
    await this.#track.add(packet, this.#frames === 0 ? { decoderConfig: this.#config } : undefined);
    this.#frames += 1;
  }

  /** The finished file; nothing can be added afterwards. */
  async finish(): Promise<Uint8Array<ArrayBuffer>> {
    await this.#output.finalize();
    if (this.#target.buffer === null) throw new Error("The film came out empty");
    return new Uint8Array(this.#target.buffer);
  }
}
