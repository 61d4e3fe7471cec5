/** The thread that makes thumbnails, one at a time. The other end is thread-shrinker.ts. */

import { parentPort } from "node:worker_threads";
import { createShrinker } from "../../../media/thumbnails/codecs.ts";
import { codecModules } from "./codec-wasm.ts";

export type ToThumbnailThread = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  readonly longest: number;
};
/** Null for what cannot be read. */
export type FromThumbnailThread = Uint8Array<ArrayBuffer> | null;

const ready = codecModules().then(createShrinker);

parentPort?.on("message", ({ bytes, contentType, longest }: ToThumbnailThread) => {
  ready
    .then((shrink) => shrink(bytes, contentType, longest))
    .then(
      (copy) => parentPort?.postMessage(copy satisfies FromThumbnailThread, [copy.buffer]),
      () => parentPort?.postMessage(null satisfies FromThumbnailThread),
    );
});
