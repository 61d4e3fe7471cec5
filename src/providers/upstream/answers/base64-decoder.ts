/** Decodes base64 that comes in pieces, as it stands in JSON: with escapes, a data URL's head, and either alphabet. */

/** The text is no base64. */
export class Base64Error extends Error {
  override readonly name = "Base64Error";
  constructor() {
    super("the text is no base64");
  }
}

const GROUP = 4;
/** `data:image/png;base64,`: longer heads are none. */
const MAX_HEAD_CHARACTERS = 128;
const HEAD = "data:";

/** The bytes of a whole text, whose escapes are resolved. Throws `Base64Error`. */
export function decodeBase64(text: string): Uint8Array {
  return bytesOf(plain(withoutHead(text, true) ?? text));
}

export class Base64Decoder {
  readonly #ascii = new TextDecoder("latin1");
  /** Characters that are no whole group yet; at the beginning, what may be a data URL's head. */
  #rest = "";
  #started = false;
  /** A backslash whose letter has not come. */
  #escape = "";

  /** The bytes that are complete with this piece. */
  push(piece: Uint8Array): Uint8Array {
    return this.#decode(piece, false);
  }

  /** The bytes of the last piece. */
  finish(piece: Uint8Array): Uint8Array {
    return this.#decode(piece, true);
  }

  #decode(piece: Uint8Array, last: boolean): Uint8Array {
    let text = this.#rest + this.#unescape(this.#ascii.decode(piece));
    if (!this.#started) {
      const begun = withoutHead(text, last);
      if (begun === null) {
        this.#rest = text;
        return new Uint8Array();
      }
      this.#started = true;
      text = begun;
    }
    text = plain(text);
    const whole = last ? text.length : text.length - (text.length % GROUP);
    this.#rest = text.slice(whole);
    return bytesOf(text.slice(0, whole));
  }

  /** JSON's escapes, of which encoders put `\/` and `\n` into base64. */
  #unescape(piece: string): string {
    const text = this.#escape + piece;
    this.#escape = "";
    if (!text.includes("\\")) return text;
    const open = /\\(?:u[0-9a-fA-F]{0,3})?$/.exec(text);
    // Two backslashes at the end are a whole escape; base64 has none, so it is refused later.
    const closed = open === null ? text : text.slice(0, open.index);
    if (open !== null) this.#escape = open[0];
    return closed.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, code?: string, letter?: string) =>
      code !== undefined
        ? String.fromCharCode(Number.parseInt(code, 16))
        : letter === "/"
          ? "/"
          : /[nrt]/.test(letter ?? "")
            ? "\n"
            : "!",
    );
  }
}

/** In the usual alphabet, without blanks. */
function plain(text: string): string {
  return /[\s_-]/.test(text) ? text.replace(/\s+/g, "").replaceAll("-", "+").replaceAll("_", "/") : text;
}

function bytesOf(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw new Base64Error();
  }
}

/** The text behind a data URL's head, the text itself when it has none; null when that cannot be told yet. */
function withoutHead(text: string, last: boolean): string | null {
  const beginning = text.slice(0, HEAD.length).toLowerCase();
  if (!HEAD.startsWith(beginning)) return text;
  if (beginning.length < HEAD.length) return last ? text : null;
  const comma = text.indexOf(",");
  if (comma >= 0) return text.slice(comma + 1);
  if (last || text.length > MAX_HEAD_CHARACTERS) throw new Base64Error();
  return null;
}
