/**
 * `Idempotency-Key` on requests of administrators that make a secret: the same request gets the same answer again. The store
 * keeps it sealed (accounts/keys/answer-seal.ts).
 */

import type { StoredAnswer } from "../../../accounts/keys/account-store.ts";
import { type AnswerSeal, createAnswerSeal } from "../../../accounts/keys/answer-seal.ts";
import { ApiError } from "../../../protocol/error.ts";
import type { HttpContext } from "../../exchange.ts";
import { presentedKey } from "../../middleware/credentials.ts";
import { fingerprint, idempotencyKey } from "../../request/idempotency-claim.ts";

/** What is kept of an answer: all of it that depends on the request. */
export type KeptBody = { readonly etag: string; readonly body: object };

export class Once {
  readonly id: string;
  readonly fingerprint: string;
  readonly #seal: AnswerSeal;

  private constructor(seal: AnswerSeal, print: string) {
    this.id = seal.id;
    this.fingerprint = print;
    this.#seal = seal;
  }

  /**
   * Of a request with an `Idempotency-Key`; null without. `route` scopes the key, equal bodies are one however they are
   * spelled. Rejects with `invalid_parameter` for a key that cannot be one.
   */
  static async of(c: HttpContext, route: string, body: unknown): Promise<Once | null> {
    const key = idempotencyKey(c.req.raw.headers);
    if (key === null) return null;
    const seal = await createAnswerSeal(presentedKey(c.req.raw) ?? "", route, key);
    return new Once(seal, await fingerprint(body));
  }

  seal(answer: KeptBody): Promise<string> {
    return this.#seal.seal(JSON.stringify(answer));
  }

  /** Answers as the first time. Rejects with `idempotency_key_reused` when the first body was another one. */
  async replay(c: HttpContext, { fingerprint: first, text }: StoredAnswer): Promise<Response> {
    if (first !== this.fingerprint)
      throw new ApiError(
        "idempotency_key_reused",
        "This Idempotency-Key was used with another body within the last hours. Send a new key with a new request.",
        { param: "Idempotency-Key" },
      );
    const { etag, body } = JSON.parse(await this.#seal.open(text)) as KeptBody;
    c.header("idempotent-replayed", "true");
    return answerSecret(c, { etag, body });
  }
}

/** An answer that holds a plain key. */
export function answerSecret(c: HttpContext, { etag, body }: KeptBody): Response {
  c.header("cache-control", "no-store");
  c.header("etag", etag);
  return c.json(body);
}
