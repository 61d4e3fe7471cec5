/** What operators are told of the providers: their models, their accounts, and how each account is doing. */

import type { WireAccount, WireProvider } from "../../protocol/provider.ts";
import { TASK_TYPES } from "../../protocol/task.ts";
import type { AccountHealth } from "../../tasks/engine/provider-health.ts";
import type { MediaProvider } from "../../tasks/ports/media-provider.ts";
import type { ModelCatalogue } from "../../tasks/ports/model-catalogue.ts";

export type ProviderReportSources = {
  readonly providers: ReadonlyMap<string, MediaProvider>;
  readonly catalogue: Pick<ModelCatalogue, "list">;
  /** What the calls of this process found; absent where they are made elsewhere. */
  readonly accounts?: (() => readonly AccountHealth[]) | undefined;
};

export function providerReport({ providers, catalogue, accounts }: ProviderReportSources): WireProvider[] {
  const found = accounts?.();
  const models = catalogue.list().filter(({ aliasOf }) => aliasOf === null);
  return [...providers.values()].map(({ name, accounts: configured = [] }) => {
    const named = configured.map((account) => ({ name: account.name, weight: account.weight }));
    const all = named.length > 0 ? named : [{ name: null, weight: null }];
    return {
      name,
      models: models.filter(({ provider }) => provider === name).map(({ id }) => id),
      accounts: all.map((account) => {
        const health = found?.find((one) => one.provider === name && one.credential === account.name);
        return { ...account, ...accountState(health, found !== undefined) };
      }),
    };
  });
}

/** Accounts that an operator should look at, in words. One that is limited in its rate for a while is none of them. */
export function troubledAccounts(accounts: readonly AccountHealth[]): string[] {
  return accounts.flatMap((account) => {
    const { status, errorCode } = accountState(account, true);
    if (status !== "refused" && status !== "away") return [];
    const name =
      account.credential === null ? account.provider : `${account.provider} (${account.credential})`;
    return [`${name} is ${status}${errorCode === null ? "" : `: ${errorCode}`}`];
  });
}

function accountState(
  health: AccountHealth | undefined,
  known: boolean,
): Pick<WireAccount, "status" | "errorCode" | "retryAfterSeconds"> {
  if (health === undefined) return { status: known ? "ok" : null, errorCode: null, retryAfterSeconds: {} };
  const everywhere = Math.max(health.awayMs, health.refusedMs);
  const rests = TASK_TYPES.map((type) => [type, Math.max(everywhere, health.limitedMs[type] ?? 0)] as const);
  const retryAfterSeconds = Object.fromEntries(
    rests.filter(([, ms]) => ms > 0).map(([type, ms]) => [type, Math.ceil(ms / 1_000)]),
  );
  if (health.refusedMs > 0) return { status: "refused", errorCode: health.refusedAs, retryAfterSeconds };
  if (health.awayMs > 0) return { status: "away", errorCode: "provider_unavailable", retryAfterSeconds };
  if (Object.keys(retryAfterSeconds).length > 0)
    return { status: "limited", errorCode: "rate_limit_exceeded", retryAfterSeconds };
  return { status: "ok", errorCode: null, retryAfterSeconds };
}
