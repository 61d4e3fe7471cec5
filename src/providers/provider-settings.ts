/** What an operator configures for a provider, as far as adapters need it. */

import type { Credential } from "../tasks/ports/media-provider.ts";
import type { ProviderAccounts } from "./upstream/calls/account.ts";

/** One model of an added provider. */
export type ConfiguredModel = {
  readonly name: string | null;
  readonly aliases: readonly string[];
  readonly maxN: number;
  readonly imagesPerCall: number;
  readonly sizes: readonly string[];
  readonly qualities: readonly string[];
  readonly styles: readonly string[];
  readonly backgrounds: readonly string[];
  readonly outputFormats: readonly string[];
  readonly responseFormat: "b64_json" | "url" | "none";
  readonly seed: boolean;
  readonly edits: boolean;
  readonly streaming: boolean;
  readonly furtherFields: readonly string[];
  readonly free: boolean;
  readonly pricePerImage: number | null;
};

export type ConfiguredCredential = {
  readonly name: string | null;
  readonly key: string | null;
  readonly weight: number;
  readonly baseUrl: string | null;
  readonly models: readonly string[];
};

export type ProviderSettings = {
  readonly kind: "openai-compatible" | null;
  readonly apiKey: string | null;
  readonly baseUrl: string | null;
  readonly credentials: readonly ConfiguredCredential[];
  readonly models: readonly ConfiguredModel[];
};

export type ProvidersSettings = Readonly<Record<string, ProviderSettings>>;

/** A configured account: with a key, and named after its place where it has no name. */
export type NamedCredential = Credential & Pick<ConfiguredCredential, "weight" | "models">;

/** The accounts of a provider, in their order. */
export function credentialsOf({ credentials }: Pick<ProviderSettings, "credentials">): NamedCredential[] {
  return credentials.flatMap(({ name, key, baseUrl, weight, models }, index) =>
    key === null ? [] : [{ name: name ?? String(index + 1), key, baseUrl, weight, models }],
  );
}

/** The same as adapters look accounts up. */
export function accountsOf(
  settings: Pick<ProviderSettings, "apiKey" | "baseUrl" | "credentials">,
): ProviderAccounts {
  return { apiKey: settings.apiKey, baseUrl: settings.baseUrl, credentials: credentialsOf(settings) };
}
