/** The account a job runs under: the one the engine chose, else the provider's single key. */

import type { Credential, MediaJob } from "../../../tasks/ports/media-provider.ts";

/** What an operator configured for a provider. */
export type ProviderAccounts = {
  readonly apiKey: string | null;
  /** Where the provider is reached; null for its usual address. */
  readonly baseUrl: string | null;
  readonly credentials: readonly Credential[];
};

export type Account = { readonly name: string | null; readonly key: string; readonly baseUrl: string };

/** Whether there is any account at all; a provider without one is not offered. */
export function hasAccount({ apiKey, credentials }: ProviderAccounts): boolean {
  return apiKey !== null || credentials.length > 0;
}

/**
 * The account for a job; addresses come without a slash at their end. A provider that is offered without any key (a local
 * server) has the empty one.
 */
export function accountOf(
  { credential }: Pick<MediaJob, "credential">,
  accounts: ProviderAccounts,
  usualBaseUrl: string,
): Account {
  const baseUrl = accounts.baseUrl ?? usualBaseUrl;
  const chosen = credential ?? (accounts.apiKey === null ? (accounts.credentials[0] ?? null) : null);
  if (chosen === null) return { name: null, key: accounts.apiKey ?? "", baseUrl: trimmed(baseUrl) };
  return { name: chosen.name, key: chosen.key, baseUrl: trimmed(chosen.baseUrl ?? baseUrl) };
}

/** Every account there is, for what is not about a job. */
export function accountsIn(accounts: ProviderAccounts, usualBaseUrl: string): Account[] {
  const single = accounts.apiKey === null ? [] : [accountOf({ credential: null }, accounts, usualBaseUrl)];
  const named = accounts.credentials.map((credential) => accountOf({ credential }, accounts, usualBaseUrl));
  return [...single, ...named];
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, "");
}
