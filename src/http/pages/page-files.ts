/** The files of the web pages that come with the gateway, as each host has them. */

export type PageFile = {
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** The same compressed; null where what stands before the gateway compresses. */
  readonly gzip: Uint8Array<ArrayBuffer> | null;
};

export interface PageFiles {
  /**
   * A file by its page and name, such as `console/index.html`; null where there is none, or where the page was not built. A name
   * other than `index.html` holds a hash of what is in it.
   */
  read(path: string): Promise<PageFile | null>;
}
