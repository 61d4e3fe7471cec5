/** Which key a request is sent with: a fixed one, or one from a provider that is asked again when it has expired. */

/** What a provider of keys may answer: the key alone, or the whole answer of `POST /v1/auth/ephemeral-keys`. */
export type ProvidedToken = string | { key: string; expiresAt?: string | undefined };
export type TokenProvider = () => ProvidedToken | Promise<ProvidedToken>;

/** Exactly one of both. */
export type KeyOptions =
  | { virtualKey: string; tokenProvider?: undefined }
  | { virtualKey?: undefined; tokenProvider: TokenProvider };

/** So long before its end a key is renewed, so that it does not expire on its way. */
const EARLY_MS = 5_000;

export class Credentials {
  readonly #options: KeyOptions;
  readonly #now: () => number;
  #current: Promise<ProvidedToken> | null = null;

  constructor(options: KeyOptions, now: () => number) {
    const { virtualKey, tokenProvider } = options;
    if (!virtualKey && !tokenProvider)
      throw new TypeError("Expected virtualKey (condt_… or ek_…) or tokenProvider, got neither.");
    this.#options = options;
    this.#now = now;
  }

  /** Whether another key can be had when this one is refused. */
  get renewable(): boolean {
    return this.#options.tokenProvider !== undefined;
  }

  /** The key; callers that come at once share one question to the provider. */
  async token(): Promise<string> {
    const { virtualKey, tokenProvider } = this.#options;
    if (tokenProvider === undefined) return virtualKey;
    const asked = this.#current ?? this.#ask(tokenProvider);
    const provided = await asked;
    if (typeof provided === "string") return provided;
    const ends = provided.expiresAt === undefined ? Number.NaN : Date.parse(provided.expiresAt);
    if (this.#current === asked && ends - EARLY_MS <= this.#now()) this.#current = null;
    return provided.key;
  }

  /** The key was refused: the next question goes to the provider, unless it did so in between. */
  async refused(token: string): Promise<void> {
    const asked = this.#current;
    if (asked === null) return;
    const provided = await asked.catch(() => null);
    const key = typeof provided === "string" ? provided : provided?.key;
    if (key === token && this.#current === asked) this.#current = null;
  }

  #ask(tokenProvider: TokenProvider): Promise<ProvidedToken> {
    const asked = Promise.resolve().then(tokenProvider);
    this.#current = asked;
    asked.catch(() => {
      if (this.#current === asked) this.#current = null;
    });
    return asked;
  }
}
