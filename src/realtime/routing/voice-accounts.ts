/** The accounts under which a voice provider is reached. */

import type { AccountHolder } from "../../tasks/engine/provider-health.ts";
import type { ProviderAccount } from "../../tasks/ports/media-provider.ts";
import type { UpstreamEndpoint } from "../translator.ts";

export type VoiceAccountsOptions = {
  /** The provider's. */
  readonly name: string;
  /** Where it is reached, and with the only key where there are no named accounts. */
  readonly endpoint: UpstreamEndpoint;
  readonly accounts: readonly ProviderAccount[];
  /** The address of voice sessions where an account has a base address of its own. */
  addressOf(baseUrl: string): string;
};

export class VoiceAccounts implements AccountHolder {
  readonly #options: VoiceAccountsOptions;

  constructor(options: VoiceAccountsOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** None: there is one, without a name. */
  get accounts(): readonly ProviderAccount[] {
    return this.#options.accounts;
  }

  /**
   * Where the provider is reached under that account; null where it is configured no more. Without a name: the only account, else
   * the first one.
   */
  endpointOf(account: string | null): UpstreamEndpoint | null {
    const { endpoint, accounts, addressOf } = this.#options;
    if (accounts.length === 0) return account === null ? endpoint : null;
    const found = account === null ? accounts[0] : accounts.find(({ name }) => name === account);
    if (found === undefined) return null;
    const { key, baseUrl } = found;
    return { ...endpoint, key, ...(baseUrl !== null && { baseUrl: addressOf(baseUrl) }) };
  }
}
