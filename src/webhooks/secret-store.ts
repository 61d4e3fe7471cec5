/** The port of the secrets that sign a key's own webhooks: those that a request names for what it asks for. */

export type SigningSecret = {
  /** `whsec_` and Base64. */
  readonly secret: string;
  /** Until when it signs beside a newer one, ms; null for the current one. */
  readonly validUntil: number | null;
};

export interface SecretStore {
  /** The current one first; none as long as none was made. They go with the key. */
  signingSecrets(keyId: string): Promise<SigningSecret[]>;
  /**
   * Replaces them if the current one is still `expected` (null: if there is none). False, and nothing is written, when it
   * is another one.
   */
  setSigningSecrets(
    keyId: string,
    secrets: readonly SigningSecret[],
    expected: string | null,
  ): Promise<boolean>;
}
