/** Cuts an event stream into what a trace shows as frames: events and comments, as they were on the wire. */

/** Longer than any event; what never ends is cut here. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

export class EventBlocks {
  #rest = "";

  /** What is complete with this text, without the empty line that ends it. */
  feed(text: string): string[] {
    const blocks = `${this.#rest}${text.replaceAll("\r\n", "\n")}`.split("\n\n");
    this.#rest = blocks.pop() ?? "";
    if (this.#rest.length > MOST_CHARACTERS) {
      blocks.push(this.#rest);
      this.#rest = "";
    }
    return blocks.filter((block) => block !== "");
  }
}
