/** Why something could not be fetched, in words for whoever named the address. */

export type FetchFailure =
  /** The address is none that may be fetched; trying again gives the same. */
  | "refused"
  /** No connection, or one that broke off. */
  | "unreachable"
  | "timeout"
  | "too_large"
  | "too_many_redirects"
  /** The answer is compressed although it was asked for as it is. */
  | "encoded";

/**
 * A fetch that failed. Its message is a sentence part without a subject, fit for callers: it quotes no address, neither
 * the one that was named nor one that it led to.
 */
export class FetchError extends Error {
  override readonly name = "FetchError";
  constructor(
    readonly failure: FetchFailure,
    message: string,
    options?: { cause: unknown },
  ) {
    super(message, options);
  }
}
