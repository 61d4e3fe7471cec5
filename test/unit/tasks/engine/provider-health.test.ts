import { beforeEach, describe, expect, test } from "vitest";
import type { TaskType } from "../../../../src/protocol/task.ts";
import { ProviderHealth } from "../../../../src/tasks/engine/provider-health.ts";
import type {
  Failure,
  MediaProvider,
  ProviderAccount,
  StepOutcome,
} from "../../../../src/tasks/ports/media-provider.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";
import { ScriptedProvider } from "../../../fixture/scripted-provider.ts";

const failed = (failure: Failure): StepOutcome => ({ kind: "failed", failure });
const away = failed({ kind: "transient", code: "provider_unavailable", message: "no route" });
const limited = failed({ kind: "rate_limited", message: "slow down" });
const done: StepOutcome = { kind: "done", items: [] };

const ONE = { provider: "one", credential: null };

let clock: ManualClock;
let health: ProviderHealth;

beforeEach(() => {
  clock = new ManualClock();
  health = new ProviderHealth(clock, () => 0.5);
});

/** Notes the outcomes, and answers the pause after each. */
function pausesAfter(...outcomes: StepOutcome[]): number[] {
  return outcomes.map((outcome) => {
    health.note(ONE, "image", outcome);
    return health.pauseAfter(ONE, outcome, 7_000);
  });
}

describe("a provider that limits the rate", () => {
  test("is paused as long as its task waits", () => {
    expect(pausesAfter(limited)).toEqual([7_000]);
    expect(health.isAway("one")).toBe(false);
  });

  test("is not paused for a limit of one job", () => {
    expect(pausesAfter(failed({ kind: "rate_limited", message: "slow down", jobFailed: true }))).toEqual([0]);
  });
});

describe("a provider that is away", () => {
  test("is known by the fifth failure in a row, and paused then", () => {
    expect(pausesAfter(away, away, away, away)).toEqual([0, 0, 0, 0]);
    expect(health.isAway("one")).toBe(false);
    expect(pausesAfter(away)).toEqual([1_000]);
    expect(health.isAway("one")).toBe(true);
    expect(health.isAway("another")).toBe(false);
  });

  test("is paused twice as long each time, up to half a minute", async () => {
    pausesAfter(away, away, away, away);
    const lengths: number[] = [];
    for (let time = 0; time < 8; time++) {
      lengths.push(...pausesAfter(away));
      await clock.advance(60_000);
    }
    expect(lengths).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  test("is paused once for calls that failed together", () => {
    pausesAfter(away, away, away, away);
    expect(pausesAfter(away, away, away)).toEqual([1_000, 0, 0]);
  });

  test.each([
    ["work", done],
    ["a limit", limited],
    ["a refusal", failed({ kind: "content_policy", message: "no" })],
  ])("is back with %s", (_, outcome) => {
    pausesAfter(away, away, away, away, away, outcome);
    expect(health.isAway("one")).toBe(false);
    expect(pausesAfter(away, away, away, away)).toEqual([0, 0, 0, 0]);
  });

  test("is not known by other failures", () => {
    const broken = failed({ kind: "transient", code: "provider_error", message: "500" });
    const job = failed({
      kind: "transient",
      code: "provider_unavailable",
      message: "its own",
      jobFailed: true,
    });
    for (const outcome of [broken, job])
      expect(pausesAfter(...Array(9).fill(outcome))).toEqual(Array(9).fill(0));
  });
});

describe("the account of a new job", () => {
  const account = (name: string, changes: Partial<ProviderAccount> = {}): ProviderAccount => ({
    name,
    key: `key of ${name}`,
    baseUrl: null,
    weight: 1,
    models: [],
    ...changes,
  });
  const provider = (...accounts: ProviderAccount[]): MediaProvider => {
    const scripted = new ScriptedProvider("one");
    scripted.accounts = accounts;
    return scripted;
  };
  const chosen = (
    by: ProviderHealth,
    of: MediaProvider,
    model = "m",
    type: TaskType = "image",
    elsewhere = true,
  ) => {
    const choice = by.choose(of, model, type, elsewhere);
    return choice.kind === "account" ? (choice.account?.name ?? "its only one") : choice;
  };
  const note = (credential: string, outcome: StepOutcome, type: TaskType = "image") =>
    health.note({ provider: "one", credential }, type, outcome);
  const refused = (code: "provider_auth" | "provider_quota") =>
    failed({ kind: "permanent", code, message: "no" });
  const limitedFor = (retryAfterMs: number) =>
    failed({ kind: "rate_limited", message: "slow", retryAfterMs });

  test("is the provider's own where it has no list", () => {
    expect(chosen(health, provider())).toBe("its only one");
  });

  test("is one of those for the model, by weight", () => {
    const accounts = provider(
      account("a", { weight: 3, models: ["m", "flux-*"] }),
      account("b"),
      account("off", { weight: 0 }),
    );
    const of = (random: number, model: string) =>
      chosen(new ProviderHealth(clock, () => random), accounts, model);
    expect([0, 0.74, 0.76, 0.99].map((random) => of(random, "m"))).toEqual(["a", "a", "b", "b"]);
    expect([0, 0.74].map((random) => of(random, "flux-2"))).toEqual(["a", "a"]);
    expect([0, 0.99].map((random) => of(random, "other"))).toEqual(["b", "b"]);
  });

  test("is another one while one is limited, for that kind of work only, until its time is over", async () => {
    const accounts = provider(account("a"), account("b", { weight: 0.001 }));
    note("a", limitedFor(5_000));
    expect(chosen(health, accounts)).toBe("b");
    expect(chosen(health, accounts, "m", "video")).toBe("a");
    await clock.advance(5_000);
    expect(chosen(health, accounts)).toBe("a");
  });

  test("is another one for ten minutes after a refusal of its key or credit", async () => {
    const accounts = provider(account("a"), account("b", { weight: 0.001 }));
    for (const code of ["provider_auth", "provider_quota"] as const) {
      note("a", refused(code));
      expect(chosen(health, accounts)).toBe("b");
      await clock.advance(600_000);
      expect(chosen(health, accounts)).toBe("a");
      note("a", done);
    }
  });

  test("is none when none may be used and the task can go elsewhere; it says for how long and why", () => {
    const accounts = provider(account("a"), account("b"));
    note("a", limitedFor(5_000));
    note("b", limitedFor(9_000));
    expect(chosen(health, accounts)).toEqual({ kind: "none", waitMs: 5_000, code: "rate_limit_exceeded" });
    expect(chosen(health, provider(account("c", { models: ["x"] })))).toMatchObject({ kind: "none" });
  });

  test("is none for the others while one call finds out whether the provider is back", async () => {
    const accounts = provider(account("a"));
    for (let call = 0; call < 5; call++) note("a", away);
    expect(chosen(health, accounts)).toEqual({ kind: "none", waitMs: 1_000, code: "provider_unavailable" });
    await clock.advance(1_000);
    expect(chosen(health, accounts)).toBe("a");
    expect(chosen(health, accounts)).toMatchObject({ kind: "none", code: "provider_unavailable" });
    note("a", done);
    expect(chosen(health, accounts)).toBe("a");
    expect(chosen(health, accounts)).toBe("a");
  });

  test("is the only one, or one that was refused, where the task can go nowhere else", () => {
    note("a", limitedFor(5_000));
    expect(chosen(health, provider(account("a")), "m", "image", false)).toBe("a");
    note("b", refused("provider_auth"));
    expect(chosen(health, provider(account("a"), account("b")), "m", "image", false)).toBe("b");
    note("b", limitedFor(7_000));
    expect(chosen(health, provider(account("a"), account("b")), "m", "image", false)).toMatchObject({
      kind: "none",
      waitMs: 5_000,
    });
  });

  test("cannot be had while every one for the model rests for such work", () => {
    const accounts = provider(account("a", { models: ["m"] }), account("b"));
    note("a", limitedFor(5_000));
    expect(health.isResting(accounts, "m", "image")).toBe(false);
    note("b", limitedFor(5_000));
    expect(health.isResting(accounts, "m", "image")).toBe(true);
    expect(health.isResting(accounts, "m", "video")).toBe(false);
  });

  test("and how each one does is told to operators, without its key", () => {
    note("a", limitedFor(5_000), "video");
    note("b", refused("provider_quota"));
    expect(health.list()).toEqual([
      {
        provider: "one",
        credential: "a",
        failures: 0,
        awayMs: 0,
        refusedMs: 0,
        refusedAs: null,
        limitedMs: { video: 5_000 },
      },
      {
        provider: "one",
        credential: "b",
        failures: 0,
        awayMs: 0,
        refusedMs: 600_000,
        refusedAs: "provider_quota",
        limitedMs: {},
      },
    ]);
  });
});

describe("news of an account", () => {
  test("tell once that it fell out and once that it is back, and nothing of limits", () => {
    const told: unknown[] = [];
    const watched = new ProviderHealth(
      clock,
      () => 0.5,
      (use, trouble) => told.push([use, trouble]),
    );
    for (let time = 0; time < 7; time += 1) watched.note(ONE, "image", away);
    expect(told).toEqual([[ONE, "provider_unavailable"]]);
    watched.note(ONE, "image", done);
    watched.note(ONE, "image", done);
    expect(told.slice(1)).toEqual([[ONE, null]]);
    watched.note(ONE, "image", limited);
    expect(told).toHaveLength(2);
    watched.note(ONE, "image", failed({ kind: "permanent", code: "provider_quota", message: "no credit" }));
    watched.note(ONE, "image", done);
    expect(told.slice(2)).toEqual([
      [ONE, "provider_quota"],
      [ONE, null],
    ]);
  });
});
