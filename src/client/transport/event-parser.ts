/** Reads server-sent events: text in, events out. Knows no connection. */

export type ServerSentEvent = { event: string; id: string | null; data: string };

/** Larger than every event with its result. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

export class EventParser {
  #rest = "";
  #event = "";
  #id: string | null = null;
  #data: string[] = [];
  #size = 0;

  /** The events that are complete with this text; throws when one is larger than 4 MiB. */
  feed(text: string): ServerSentEvent[] {
    const found: ServerSentEvent[] = [];
    const lines = `${this.#rest}${text}`.split("\n");
    this.#rest = lines.pop() ?? "";
    this.#size += text.length;
    for (const line of lines) this.#line(line.endsWith("\r") ? line.slice(0, -1) : line, found);
    if (this.#size > MOST_CHARACTERS) throw new RangeError("An event of the stream is larger than 4 MiB.");
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
