/** A stream whose beginning can be looked at before it is read as a whole. */

export class PeekedStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #head: Uint8Array = new Uint8Array();
  #ended = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** What has been looked at so far. */
  get head(): Uint8Array {
    return this.#head;
  }

  /** Whether everything there is has been looked at. */
  get isWhole(): boolean {
    return this.#ended;
  }

  /** Reads until at least `bytes` are looked at, or everything there is. */
  async read(bytes: number): Promise<Uint8Array> {
    const chunks = [this.#head];
    let length = this.#head.byteLength;
    while (length < bytes && !this.#ended) {
      const { done, value } = await this.#reader.read();
      if (done) this.#ended = true;
      else {
        chunks.push(value);
        length += value.byteLength;
      }
    }
    this.#head = chunks.length === 1 ? this.#head : joined(chunks, length);
    return this.#head;
  }

  /** The stream from its beginning. Nothing may be looked at afterwards. */
  whole(): ReadableStream<Uint8Array> {
    let head: Uint8Array | null = this.#head;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (head !== null && head.byteLength > 0) {
            controller.enqueue(head);
            head = null;
            return;
          }
          const { done, value } = this.#ended ? { done: true, value: undefined } : await this.#reader.read();
          if (done || value === undefined) controller.close();
          else controller.enqueue(value);
        },
        cancel: (reason) => this.#reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }

  /** Leaves the stream; that it may be broken already is no error. */
  async cancel(reason: unknown): Promise<void> {
    await this.#reader.cancel(reason).catch(() => {});
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
