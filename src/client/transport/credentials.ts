/** Which key a request is sent with: a fixed one, or one from a provider that is asked again when it has expired. */

import { type ClientClock, orAborted } from "../clock.ts";
import { TokenProviderError } from "./errors.ts";

/**
 * What a provider of keys may answer: the key alone, or the whole answer of `POST /v1/auth/ephemeral-keys` or of
 * `POST /v1/realtime/client_secrets`, whose `expires_at` is in seconds since the epoch.
 */
export type ProvidedToken =
  | string
  | { key: string; expiresAt?: string | undefined }
  | { value: string; expires_at?: number | undefined };
export type TokenProvider = () => ProvidedToken | Promise<ProvidedToken>;

/** Exactly one of both. */
export type KeyOptions =
  | { virtualKey: string; tokenProvider?: undefined }
  | { virtualKey?: undefined; tokenProvider: TokenProvider };

/** So long before its end a key is renewed, so that it does not expire on its way. */
const EARLY_MS = 5_000;
const PROVIDER_MS = 30_000;

/** A key and when it ends by this machine's clock; null where that is not known. */
type HeldKey = { key: string; endsAt: number | null };

export class Credentials {
  readonly #options: KeyOptions;
  readonly #clock: ClientClock;
  #asked: Promise<HeldKey> | null = null;
  #held: HeldKey | null = null;

  constructor(options: KeyOptions, clock: ClientClock) {
    const { virtualKey, tokenProvider } = options;
    if (!virtualKey && !tokenProvider)
      throw new TypeError("Expected virtualKey (condt_… or ek_…) or tokenProvider, got neither.");
    this.#options = options;
    this.#clock = clock;
  }

  /** Whether another key can be had when this one is refused. */
  get renewable(): boolean {
    return this.#options.tokenProvider !== undefined;
  }

  /**
   * The key; callers that come at once share one question to the provider. Rejects with a `TokenProviderError`, also where the
   * provider does not answer within 30 s, or with the signal's reason.
   */
  async token(signal?: AbortSignal): Promise<string> {
    const { virtualKey, tokenProvider } = this.#options;
    if (tokenProvider === undefined) return virtualKey;
    const { endsAt = 0 } = this.#held ?? {};
    if (endsAt !== null && endsAt - EARLY_MS <= this.#clock.now()) this.#held = null;
    const held = this.#held ?? (await orAborted(this.#ask(tokenProvider), signal));
    return held.key;
  }

  /** The key was refused: the next question goes to the provider, unless another key is held by now. */
  refused(token: string): void {
    if (this.#held?.key === token) this.#held = null;
  }

  #ask(tokenProvider: TokenProvider): Promise<HeldKey> {
    if (this.#asked !== null) return this.#asked;
    const asked = this.#answered(tokenProvider);
    this.#asked = asked;
    const over = () => {
      this.#asked = null;
    };
    asked.then(over, over);
    return asked;
  }

  async #answered(tokenProvider: TokenProvider): Promise<HeldKey> {
    const late = Promise.withResolvers<never>();
    const timer = this.#clock.after(PROVIDER_MS, () =>
      late.reject(new TokenProviderError(`The token provider did not answer within ${PROVIDER_MS} ms.`)),
    );
    try {
      const provided = await Promise.race([Promise.resolve().then(tokenProvider), late.promise]);
      const { key, endsAt } = read(provided);
      if (typeof key !== "string" || key === "")
        throw new TokenProviderError("Expected a key from the token provider, got something else.");
      // A fresh key that has ended already is one of a machine whose clock is wrong: its end shows when it is refused.
      const known = endsAt - EARLY_MS > this.#clock.now();
      this.#held = { key, endsAt: known ? endsAt : null };
      return this.#held;
    } catch (cause) {
      if (cause instanceof TokenProviderError) throw cause;
      throw new TokenProviderError("The token provider failed.", { cause });
    } finally {
      timer.cancel();
    }
  }
}

/** `endsAt` in milliseconds since the epoch, NaN where it is not known; from a provider that may answer anything. */
function read(provided: ProvidedToken | null | undefined): { key: unknown; endsAt: number } {
  if (typeof provided !== "object" || provided === null) return { key: provided, endsAt: Number.NaN };
  if ("value" in provided)
    return { key: provided.value, endsAt: (provided.expires_at ?? Number.NaN) * 1_000 };
  const { key, expiresAt } = provided;
  return { key, endsAt: expiresAt === undefined ? Number.NaN : Date.parse(expiresAt) };
}
