/** Secrets that sign webhooks: made, rotated with an overlap, and those of a key itself. */

import { ApiError } from "../protocol/error.ts";
import { cryptoRandom, type RandomFill } from "../tasks/ids.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { SecretStore, SigningSecret } from "./secret-store.ts";

/** Standard Webhooks asks for 24 to 64. */
const SECRET_BYTES = 32;
/** How often a rotation is tried again because somebody else rotates at the same moment. */
const MAX_ROTATIONS = 5;

/** A new secret, `whsec_` and Base64. */
export function makeSecret(random: RandomFill = cryptoRandom): string {
  const bytes = new Uint8Array(SECRET_BYTES);
  random(bytes);
  return `whsec_${bytes.toBase64()}`;
}

/** The secrets that sign at `now`, the current one first. */
export function validSecrets(secrets: readonly SigningSecret[], now: number): string[] {
  return secrets
    .filter(({ validUntil }) => validUntil === null || validUntil > now)
    .map(({ secret }) => secret);
}

/** `fresh` in the place of the current one, which signs beside it for `overlapMs` more. */
export function rotated(
  secrets: readonly SigningSecret[],
  fresh: string,
  overlapMs: number,
  now: number,
): SigningSecret[] {
  const [current] = secrets;
  const made: SigningSecret = { secret: fresh, validUntil: null };
  return current === undefined || overlapMs === 0
    ? [made]
    : [made, { secret: current.secret, validUntil: now + overlapMs }];
}

/** The secret of a key: it signs the webhooks that requests name. */
export class KeySecrets {
  readonly #store: SecretStore;
  readonly #clock: Pick<Clock, "now">;
  readonly #random: RandomFill;

  constructor(store: SecretStore, clock: Pick<Clock, "now">, random: RandomFill = cryptoRandom) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
  }

  /** The key's secrets; one is made where it has none. */
  async ensure(keyId: string): Promise<readonly SigningSecret[]> {
    const known = await this.#store.signingSecrets(keyId);
    if (known.length > 0) return known;
    const made = [{ secret: makeSecret(this.#random), validUntil: null }];
    if (await this.#store.setSigningSecrets(keyId, made, null)) return made;
    return this.#store.signingSecrets(keyId);
  }

  /** The one that signs first; it is made where there is none. */
  async current(keyId: string): Promise<string> {
    const [current] = await this.ensure(keyId);
    if (current === undefined) throw new Error("A key's secret is gone while it was read");
    return current.secret;
  }

  /** A new secret, which is answered this once; the one before signs beside it for `overlapMs`. */
  async rotate(keyId: string, overlapMs: number): Promise<string> {
    for (let tries = 0; tries < MAX_ROTATIONS; tries++) {
      const known = await this.#store.signingSecrets(keyId);
      const fresh = makeSecret(this.#random);
      const next = rotated(known, fresh, overlapMs, this.#clock.now());
      if (await this.#store.setSigningSecrets(keyId, next, known[0]?.secret ?? null)) return fresh;
    }
    throw new ApiError(
      "overloaded",
      "The secret is being rotated by others at the same time. Send the request again.",
      { retryAfterSeconds: 1 },
    );
  }
}
