/**
 * How the accounts of providers are doing, as the calls of this process found them, and so under which one the next job is
 * submitted. An account that is limited in its rate rests for that kind of work alone; one that was refused (key, credit)
 * rests for ten minutes; one whose provider is away rests longer each time, and is tried by one call then.
 *
 * A provider none of whose accounts may be used is paused in its lane, where its tasks have nowhere else to go: while it is
 * paused none of its waiting tasks is claimed by any process, so none is started, and its deadline begun, only to be turned
 * away. What runs already is still polled.
 */

import type { TaskErrorCode, TaskType } from "../../protocol/task.ts";
import type { Clock } from "../ports/clock.ts";
import type { Failure, MediaProvider, ProviderAccount } from "../ports/media-provider.ts";

/** Calls that fail in a row, as `provider_unavailable`, before the provider counts as away. */
const AWAY_AFTER_FAILURES = 5;
/** The first rest of an account whose provider is away, ms; each further one is twice as long. */
const FIRST_REST_MS = 1_000;
/** The longest, ms: how late the provider's return is noticed at most. */
const LONGEST_REST_MS = 30_000;
/** The rest of an account that is limited in its rate by an answer that does not say for how long, ms. */
const UNASKED_REST_MS = 60_000;
/** The rest of an account whose key or credit was refused, ms. */
const REFUSED_REST_MS = 600_000;
/** A call that finds out whether a provider is back counts as lost after this, ms. */
const PROBE_MS = 60_000;

/** What an account is used for: a limit of its rate is one for that kind of work. */
export type AccountPurpose = TaskType | "realtime";

/** A provider as far as its accounts matter; none named: it has only one. */
export type AccountHolder = Pick<MediaProvider, "name" | "accounts">;

/** How a call ended. `answered`: the provider was there, and nothing more is known. */
export type CallOutcome =
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "done" | "pending" | "answered" };

/** An account by its provider and name; null where the provider has only one. */
export type AccountUse = { readonly provider: string; readonly credential: string | null };

type State = {
  /** Failures in a row that say that the provider is away. */
  failures: number;
  /** Rests in a row for that. */
  rests: number;
  /** Monotonic, ms. */
  awayUntil: number;
  probedUntil: number;
  refusedUntil: number;
  refusedAs: TaskErrorCode | null;
  readonly limitedUntil: Partial<Record<AccountPurpose, number>>;
  /** The `awayUntil` that its lane was last paused for. */
  pausedFor: number;
};

/** How an account is doing, for operators. Rests in ms from now. */
export type AccountHealth = AccountUse & {
  readonly failures: number;
  readonly awayMs: number;
  readonly refusedMs: number;
  readonly refusedAs: TaskErrorCode | null;
  readonly limitedMs: Readonly<Partial<Record<AccountPurpose, number>>>;
};

/** Why an account is not used from now on; null: it is used again. A limit of its rate, which passes by itself, is no news. */
export type AccountNews = (use: AccountUse, trouble: TaskErrorCode | null) => void;

/** The account for a job; or none, and in how many ms one may be used again. */
export type Choice =
  | { readonly kind: "account"; readonly account: ProviderAccount | null }
  | { readonly kind: "none"; readonly waitMs: number; readonly code: TaskErrorCode };

export class ProviderHealth {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #random: () => number;
  readonly #tell: AccountNews;
  /** By provider, then by the account's name. */
  readonly #states = new Map<string, Map<string | null, State>>();

  /** `random`: 0 ≤ n < 1, for the choice by weight. `tell` hears when an account falls out, and when it is back. */
  constructor(
    clock: Pick<Clock, "monotonic">,
    random: () => number = Math.random,
    tell: AccountNews = () => {},
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#tell = tell;
  }

  /**
   * The account under which a job of that model and type is submitted, by weight among those that may be used.
   * `elsewhere`: the task may be made by another provider too; else the only account of a provider is used whatever is
   * known of it, and so is one that was refused: somebody may have put it right. `tried`: names of accounts that are out of the
   * question.
   */
  choose(
    provider: AccountHolder,
    model: string,
    type: AccountPurpose,
    elsewhere: boolean,
    tried: ReadonlySet<string | null> = NONE_TRIED,
  ): Choice {
    const accounts = accountsFor(provider, model).filter((one) => isLeft(one, tried));
    const use = (account: ProviderAccount | null) => ({
      provider: provider.name,
      credential: account?.name ?? null,
    });
    const usable = accounts.filter((account) => this.#restMs(use(account), type) === 0);
    const account = this.#weighed(usable);
    if (account !== undefined) {
      this.#noteProbe(use(account));
      return { kind: "account", account };
    }
    if (!elsewhere) {
      const [only] = accounts;
      if (only !== undefined && accounts.length === 1) return { kind: "account", account: only };
      const refused = accounts.find((one) => this.#isRefusedOnly(use(one), type));
      if (refused !== undefined) return { kind: "account", account: refused };
    }
    const waits = accounts.map((one) => this.#restMs(use(one), type));
    const waitMs = Math.min(...waits);
    const first = accounts[waits.indexOf(waitMs)];
    return {
      kind: "none",
      waitMs: Number.isFinite(waitMs) ? waitMs : REFUSED_REST_MS,
      code: first === undefined ? "provider_auth" : this.#reason(use(first), type),
    };
  }

  /** Whether a job that one account turned away may be submitted under another one now. */
  hasOther(provider: AccountHolder, model: string, type: AccountPurpose, tried: string | null): boolean {
    return accountsFor(provider, model).some(
      (account) =>
        account !== null &&
        account.name !== tried &&
        account.weight > 0 &&
        this.#restMs({ provider: provider.name, credential: account.name }, type) === 0,
    );
  }

  /** Whether no account, but for those that were tried, may be used for such jobs now. */
  isResting(
    provider: AccountHolder,
    model: string,
    type: AccountPurpose,
    tried: ReadonlySet<string | null> = NONE_TRIED,
  ): boolean {
    return accountsFor(provider, model)
      .filter((one) => isLeft(one, tried))
      .every(
        (account) => this.#restMs({ provider: provider.name, credential: account?.name ?? null }, type) > 0,
      );
  }

  /** Whether all that is known of the provider says that it is away: a failure says nothing about the task then. */
  isAway(provider: string): boolean {
    const states = [...(this.#states.get(provider)?.values() ?? [])];
    return states.length > 0 && states.every(({ failures }) => failures >= AWAY_AFTER_FAILURES);
  }

  /** Notes how a call ended. */
  note(use: AccountUse, type: AccountPurpose, outcome: CallOutcome): void {
    const state = this.#stateOf(use);
    const before = troubleOf(state);
    this.#take(state, type, outcome);
    const trouble = troubleOf(state);
    if (trouble !== before) this.#tell(use, trouble);
  }

  #take(state: State, type: AccountPurpose, outcome: CallOutcome): void {
    const now = this.#clock.monotonic();
    state.probedUntil = 0;
    if (isUnavailable(outcome)) {
      state.failures += 1;
      if (state.failures < AWAY_AFTER_FAILURES || now < state.awayUntil) return;
      state.awayUntil = now + Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** state.rests);
      state.rests += 1;
      return;
    }
    // A provider that limits the rate, or refuses an account, is there.
    state.failures = 0;
    state.rests = 0;
    state.awayUntil = 0;
    const refusal = refusalOf(outcome);
    state.refusedUntil = refusal === null ? 0 : now + REFUSED_REST_MS;
    state.refusedAs = refusal;
    if (isRateLimit(outcome)) state.limitedUntil[type] = now + restOf(outcome);
    else if (refusal === null) delete state.limitedUntil[type];
  }

  /**
   * For how long the provider's lane is to be paused after that outcome of a call under that account, ms; 0: not at all.
   * `waitMs` is what its task waits. Calls that were open together when a provider went away count as one.
   */
  pauseAfter(use: AccountUse, outcome: CallOutcome, waitMs: number): number {
    if (isRateLimit(outcome)) return waitMs;
    if (!isUnavailable(outcome) || !this.isAway(use.provider)) return 0;
    const state = this.#stateOf(use);
    if (state.pausedFor === state.awayUntil) return 0;
    state.pausedFor = state.awayUntil;
    return Math.max(0, state.awayUntil - this.#clock.monotonic());
  }

  /** What is known of every account that was used. */
  list(): AccountHealth[] {
    const now = this.#clock.monotonic();
    const left = (until: number) => Math.max(0, Math.round(until - now));
    return [...this.#states].flatMap(([provider, states]) =>
      [...states].map(([credential, state]) => ({
        provider,
        credential,
        failures: state.failures,
        awayMs: left(state.awayUntil),
        refusedMs: left(state.refusedUntil),
        refusedAs: left(state.refusedUntil) > 0 ? state.refusedAs : null,
        limitedMs: Object.fromEntries(
          Object.entries(state.limitedUntil)
            .map(([type, until]) => [type, left(until)] as const)
            .filter(([, ms]) => ms > 0),
        ),
      })),
    );
  }

  /** How long the account may not be used for work of that type, ms. */
  #restMs(use: AccountUse, type: AccountPurpose): number {
    const state = this.#states.get(use.provider)?.get(use.credential);
    if (state === undefined) return 0;
    const now = this.#clock.monotonic();
    const until = Math.max(
      state.refusedUntil,
      state.limitedUntil[type] ?? 0,
      state.failures >= AWAY_AFTER_FAILURES ? Math.max(state.awayUntil, state.probedUntil) : 0,
    );
    return Math.max(0, until - now);
  }

  #isRefusedOnly(use: AccountUse, type: AccountPurpose): boolean {
    return this.#reason(use, type) === (this.#stateOf(use).refusedAs ?? "");
  }

  #reason(use: AccountUse, type: AccountPurpose): TaskErrorCode {
    const state = this.#stateOf(use);
    const now = this.#clock.monotonic();
    if (state.failures >= AWAY_AFTER_FAILURES) return "provider_unavailable";
    if ((state.limitedUntil[type] ?? 0) > now) return "rate_limit_exceeded";
    return state.refusedAs ?? "provider_unavailable";
  }

  #noteProbe(use: AccountUse): void {
    const state = this.#states.get(use.provider)?.get(use.credential);
    if (state !== undefined && state.failures >= AWAY_AFTER_FAILURES)
      state.probedUntil = this.#clock.monotonic() + PROBE_MS;
  }

  #weighed<T extends ProviderAccount | null>(accounts: readonly T[]): T | undefined {
    const weights = accounts.map((account) => account?.weight ?? 1);
    let at = this.#random() * weights.reduce((sum, weight) => sum + weight, 0);
    return accounts.find((_, index) => {
      at -= weights[index] ?? 0;
      return at < 0;
    });
  }

  #stateOf({ provider, credential }: AccountUse): State {
    let states = this.#states.get(provider);
    if (states === undefined) {
      states = new Map();
      this.#states.set(provider, states);
    }
    let state = states.get(credential);
    if (state === undefined) {
      state = {
        failures: 0,
        rests: 0,
        awayUntil: 0,
        probedUntil: 0,
        refusedUntil: 0,
        refusedAs: null,
        limitedUntil: {},
        pausedFor: 0,
      };
      states.set(credential, state);
    }
    return state;
  }
}

const NONE_TRIED: ReadonlySet<string | null> = new Set();

/** An account without a share stands in for none that was tried. */
function isLeft(account: ProviderAccount | null, tried: ReadonlySet<string | null>): boolean {
  if (tried.size === 0) return true;
  return !tried.has(account?.name ?? null) && (account === null || account.weight > 0);
}

function troubleOf({ failures, refusedAs }: State): TaskErrorCode | null {
  return failures >= AWAY_AFTER_FAILURES ? "provider_unavailable" : refusedAs;
}

/** The accounts that may make the model; one without a name where the provider has no list of them. */
export function accountsFor(
  { accounts = [] }: AccountHolder,
  model: string,
): readonly (ProviderAccount | null)[] {
  if (accounts.length === 0) return [null];
  return accounts.filter(({ models }) => models.length === 0 || models.some((name) => covers(name, model)));
}

/** `*` at the end of a name stands for anything. */
function covers(name: string, model: string): boolean {
  return name.endsWith("*") ? model.startsWith(name.slice(0, -1)) : name === model;
}

/** The provider limits the rate, and not only that of one job. */
function isRateLimit(outcome: CallOutcome): boolean {
  return (
    outcome.kind === "failed" && outcome.failure.kind === "rate_limited" && outcome.failure.jobFailed !== true
  );
}

function restOf(outcome: CallOutcome): number {
  const failure = outcome.kind === "failed" ? outcome.failure : null;
  return (failure?.kind === "rate_limited" ? failure.retryAfterMs : undefined) ?? UNASKED_REST_MS;
}

/** The account itself was refused: its key or its credit. */
function refusalOf(outcome: CallOutcome): TaskErrorCode | null {
  if (outcome.kind !== "failed" || outcome.failure.kind !== "permanent") return null;
  const { code } = outcome.failure;
  return code === "provider_auth" || code === "provider_quota" ? code : null;
}

function isUnavailable(outcome: CallOutcome): boolean {
  return (
    outcome.kind === "failed" &&
    outcome.failure.kind === "transient" &&
    outcome.failure.code === "provider_unavailable" &&
    outcome.failure.jobFailed !== true
  );
}
