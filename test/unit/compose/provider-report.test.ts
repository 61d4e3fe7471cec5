import { describe, expect, test } from "vitest";
import { providerReport, troubledAccounts } from "../../../src/compose/operations/provider-report.ts";
import { Catalogue } from "../../../src/providers/catalogue.ts";
import { CANVAS_CAPABILITIES } from "../../../src/providers/local/capabilities.ts";
import { ProviderHealth } from "../../../src/tasks/engine/provider-health.ts";
import type { ProviderAccount } from "../../../src/tasks/ports/media-provider.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { ScriptedProvider } from "../../fixture/scripted-provider.ts";

const account = (name: string): ProviderAccount => ({
  name,
  key: `key of ${name}`,
  baseUrl: null,
  weight: 2,
  models: [],
});
const model = {
  providerModel: "canvas",
  capabilities: CANVAS_CAPABILITIES,
  pricing: { kind: "free" },
  created: 1,
  aliases: ["another-name"],
} as const;

function world() {
  const one = new ScriptedProvider("one");
  one.accounts = [account("main"), account("spare")];
  const catalogue = new Catalogue({
    offers: [
      { provider: new ScriptedProvider("local"), models: [] },
      { provider: one, models: [model] },
    ],
  });
  const health = new ProviderHealth(new ManualClock(), () => 0);
  return { health, report: { providers: catalogue.providers, catalogue, accounts: () => health.list() } };
}

describe("the report about providers", () => {
  test("names their models, their accounts and how each one is doing, and no key", () => {
    const { health, report } = world();
    const use = (credential: string) => ({ provider: "one", credential });
    health.note(use("main"), "image", {
      kind: "failed",
      failure: { kind: "permanent", code: "provider_quota", message: "no credit" },
    });
    health.note(use("spare"), "video", {
      kind: "failed",
      failure: { kind: "rate_limited", message: "slow", retryAfterMs: 4_200 },
    });
    const told = providerReport(report);
    expect(told).toEqual([
      {
        name: "local",
        models: [],
        accounts: [{ name: null, weight: null, status: "ok", errorCode: null, retryAfterSeconds: {} }],
      },
      {
        name: "one",
        models: ["one/canvas"],
        accounts: [
          {
            name: "main",
            weight: 2,
            status: "refused",
            errorCode: "provider_quota",
            retryAfterSeconds: { image: 600, video: 600 },
          },
          {
            name: "spare",
            weight: 2,
            status: "limited",
            errorCode: "rate_limit_exceeded",
            retryAfterSeconds: { video: 5 },
          },
        ],
      },
    ]);
    expect(JSON.stringify(told)).not.toContain("key of");
    expect(troubledAccounts(health.list())).toEqual(["one (main) is refused: provider_quota"]);
  });

  test("says that a provider is away", () => {
    const { health, report } = world();
    for (let call = 0; call < 5; call++)
      health.note({ provider: "local", credential: null }, "image", {
        kind: "failed",
        failure: { kind: "transient", code: "provider_unavailable", message: "no route" },
      });
    expect(providerReport(report)[0]?.accounts).toEqual([
      {
        name: null,
        weight: null,
        status: "away",
        errorCode: "provider_unavailable",
        retryAfterSeconds: { image: 1, video: 1 },
      },
    ]);
    expect(troubledAccounts(health.list())).toEqual(["local is away: provider_unavailable"]);
  });

  test("knows nothing of accounts on a host whose calls are made elsewhere", () => {
    const { report } = world();
    const told = providerReport({ providers: report.providers, catalogue: report.catalogue });
    expect(told[1]?.accounts.map(({ status }) => status)).toEqual([null, null]);
  });
});
