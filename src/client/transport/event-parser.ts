/** Reads server-sent events: text in, events out. Knows no connection. */

export type ServerSentEvent = { event: string; id: string | null; data: string };

/** Larger than every event of a task with its result. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

export class EventParser {
  readonly #mostCharacters: number;
  /** Of the line that is not whole yet. */
  #pieces: string[] = [];
  #event = "";
  #id: string | null = null;
  #data: string[] = [];
  #size = 0;

  /** `mostCharacters`: the largest event that is taken. Default 4 MiB. */
  constructor(mostCharacters: number = MOST_CHARACTERS) {
    this.#mostCharacters = mostCharacters;
  }

  /** The events that are complete with this text; throws a `RangeError` when one is larger than it may be. */
  feed(text: string): ServerSentEvent[] {
    const found: ServerSentEvent[] = [];
    const [first = "", ...others] = text.split("\n");
    this.#pieces.push(first);
    this.#size += text.length;
    for (const next of others) {
      const line = this.#pieces.join("");
      this.#pieces = [next];
      this.#line(line.endsWith("\r") ? line.slice(0, -1) : line, found);
    }
    if (this.#size > this.#mostCharacters)
      throw new RangeError(`An event of the stream has more than ${this.#mostCharacters} characters.`);
    return found;
  }

  #line(line: string, found: ServerSentEvent[]): void {
    if (line === "") {
      if (this.#data.length > 0)
        found.push({ event: this.#event || "message", id: this.#id, data: this.#data.join("\n") });
      this.#event = "";
      this.#data = [];
      this.#size = 0;
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) {
      this.#size = 0;
      return;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id") this.#id = value;
  }
}
