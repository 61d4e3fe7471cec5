/** A task's way through accounts and candidates: whichever is up makes it, and nothing is paid twice. */

import { afterEach, describe, expect, test } from "vitest";
import type { Failure, ProviderAccount, StepOutcome } from "../../src/tasks/ports/media-provider.ts";
import type { Task } from "../../src/tasks/task.ts";
import { type EngineWorld, engineWorld } from "../fixture/engine-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { pictures, ScriptedProvider } from "../fixture/scripted-provider.ts";

let world: EngineWorld;

afterEach(async () => {
  await world.close();
});

const failed = (failure: Failure): StepOutcome => ({ kind: "failed", failure });
const down = failed({ kind: "transient", code: "provider_unavailable", message: "no route" });
const limited = failed({ kind: "rate_limited", message: "slow down", retryAfterMs: 30_000 });
const refused = failed({ kind: "permanent", code: "provider_auth", message: "the key is not known" });
const route = ["local", "second", "third"].map((provider) => ({ provider, model: `model of ${provider}` }));

function account(name: string): ProviderAccount {
  return { name, key: `key of ${name}`, baseUrl: null, weight: name === "spare" ? 0.001 : 1, models: [] };
}

/** Three providers; the first has two accounts where they are asked for. */
async function open({ safe = true, accounts = false } = {}) {
  const providers = ["local", "second", "third"].map((name) => new ScriptedProvider(name, safe));
  const [first, second, third] = providers as [ScriptedProvider, ScriptedProvider, ScriptedProvider];
  if (accounts) first.accounts = [account("main"), account("spare")];
  world = await engineWorld({}, first, [second, third]);
  world.engine.start();
  const submit = (changes: Parameters<EngineWorld["submit"]>[0] = {}) => world.submit({ route, ...changes });
  const attempts = async ({ id }: Pick<Task, "id">) =>
    (await world.read(id)).attempts.map(({ provider, model, credential, outcome, errorCode }) => ({
      provider,
      model,
      credential,
      outcome,
      errorCode,
    }));
  return { first, second, third, submit, attempts };
}

describe("a task whose provider", () => {
  test.each([
    ["is down", down],
    ["limits the rate", limited],
    ["refuses the key", refused],
    ["answers with an error", failed({ kind: "transient", code: "provider_error", message: "500" })],
  ])("%s goes to the next candidate at once, and says what was tried", async (_, outcome) => {
    const { first, second, submit, attempts } = await open();
    const task = await submit();
    (await first.next()).answer(outcome);
    const call = await second.next();
    expect(call).toMatchObject({ kind: "submit", job: { taskId: task.id, model: "model of second" } });
    call.answer(pictures());
    await settled();
    expect(await world.read(task.id)).toMatchObject({ status: "completed", candidate: 1 });
    expect(await attempts(task)).toMatchObject([
      { provider: "local", model: "model of local", outcome: "failed" },
      { provider: "second", model: "model of second", outcome: "completed", errorCode: null },
    ]);
    expect(first.calls).toHaveLength(1);
  });

  test.each([
    [
      "content rules refuse it",
      failed({ kind: "content_policy", message: "no" }),
      "content_policy_violation",
    ],
    [
      "cannot make what is asked",
      failed({ kind: "permanent", code: "invalid_request", message: "no such size" }),
      "invalid_request",
    ],
  ])("%s goes nowhere else", async (_, outcome, errorCode) => {
    const { first, second, submit } = await open();
    const task = await submit();
    (await first.next()).answer(outcome);
    await settled();
    expect(await world.read(task.id)).toMatchObject({ status: "failed", error: { code: errorCode } });
    expect(second.calls).toEqual([]);
  });

  test("may have begun a film that would be paid twice goes nowhere else", async () => {
    const { first, second, submit } = await open({ safe: false });
    const task = await submit();
    (await first.next()).answer(
      failed({ kind: "transient", code: "provider_unavailable", message: "cut", mayHaveStarted: true }),
    );
    await settled();
    expect(await world.read(task.id)).toMatchObject({ status: "failed", error: { code: "indeterminate" } });
    expect(second.calls).toEqual([]);
  });

  test("fails in the middle of a job is polled on, and goes on elsewhere when the job itself has failed", async () => {
    const { first, second, submit } = await open();
    const task = await submit();
    (await first.next()).answer({ kind: "pending", state: "job", pollAfterMs: 1_000 });
    await settled();
    await world.clock.advance(1_500);
    (await first.next()).answer(down);
    await settled();
    expect(second.calls).toEqual([]);
    await world.clock.advance(10_000);
    const poll = await first.next();
    expect(poll).toMatchObject({ kind: "poll", state: "job" });
    await poll.io.save(null);
    poll.answer(failed({ kind: "transient", code: "provider_error", message: "it broke", jobFailed: true }));
    await settled();
    await world.clock.advance(1);
    expect((await second.next()).job.taskId).toBe(task.id);
  });

  test("and every other one is down is tried again at the last, and fails with its error", async () => {
    const { first, second, third, submit, attempts } = await open();
    const task = await submit();
    (await first.next()).answer(down);
    (await second.next()).answer(limited);
    (await third.next()).answer(down);
    await settled();
    expect(await world.read(task.id)).toMatchObject({
      status: "failed",
      error: { code: "provider_unavailable" },
    });
    expect(await attempts(task)).toHaveLength(3);
  });

  test("is known to be down is not called: the others take its tasks until it is back", async () => {
    const { first, second, submit } = await open();
    second.always = () => pictures();
    first.always = () => down;
    for (let index = 0; index < 8; index++) {
      await submit();
      await settled();
    }
    expect(first.calls).toHaveLength(5);
    expect(second.calls).toHaveLength(8);
    first.always = () => pictures();
    await world.clock.advance(1_000);
    await submit();
    await settled();
    await submit();
    await settled();
    expect(first.calls).toHaveLength(7);
    expect(second.calls).toHaveLength(8);
  });
});

describe("a task whose account", () => {
  test.each([
    ["is limited", limited, "rate_limited"],
    ["is refused", refused, "retried"],
  ])(
    "%s goes to another account of the same provider, without using an attempt",
    async (_, outcome, word) => {
      const { first, second, submit, attempts } = await open({ accounts: true });
      const task = await submit();
      const call = await first.next();
      expect(call.job.credential).toMatchObject({ name: "main", key: "key of main" });
      call.answer(outcome);
      const again = await first.next();
      expect(again.job).toMatchObject({ attempt: 1, credential: { name: "spare" } });
      again.answer(pictures());
      await settled();
      expect(await attempts(task)).toMatchObject([
        { provider: "local", credential: "main", outcome: word },
        { provider: "local", credential: "spare", outcome: "completed" },
      ]);
      expect(second.calls).toEqual([]);
    },
  );

  test("was limited is not used for the next task", async () => {
    const { first, submit } = await open({ accounts: true });
    await submit();
    (await first.next()).answer(limited);
    (await first.next()).answer(pictures());
    await submit();
    expect((await first.next()).job.credential?.name).toBe("spare");
  });

  test("started the job is the one that is asked for it, and that ends it", async () => {
    const { first, submit } = await open({ accounts: true });
    const task = await submit();
    (await first.next()).answer({ kind: "pending", state: "job", pollAfterMs: 1_000 });
    await settled();
    expect(await world.read(task.id)).toMatchObject({ credential: "main" });
    // Another task finds the account limited meanwhile.
    await submit();
    (await first.next()).answer(limited);
    (await first.next()).answer(pictures());
    await world.clock.advance(1_500);
    const poll = await first.next();
    expect(poll).toMatchObject({ kind: "poll", job: { credential: { name: "main" } } });
    poll.answer({ kind: "pending", state: "job", pollAfterMs: 60_000 });
    await settled();
    await world.service.cancel({ keyId: "key_a", subject: null }, task.id);
    await settled();
    expect(first.cancels).toMatchObject([{ state: "job", job: { credential: { name: "main" } } }]);
  });

  test("is not configured any more fails, and its job is looked after until its time is over", async () => {
    const { first, submit } = await open({ accounts: true });
    const task = await submit();
    (await first.next()).answer({ kind: "pending", state: "job", pollAfterMs: 1_000 });
    await settled();
    first.accounts = [account("spare")];
    await world.clock.advance(1_500);
    await settled();
    expect(await world.read(task.id)).toMatchObject({
      status: "failed",
      error: { code: "provider_auth" },
      openCleanups: 1,
    });
    expect(first.calls.filter(({ kind }) => kind === "poll")).toEqual([]);
    first.accounts = [account("main"), account("spare")];
    await world.clock.advance(60_000);
    await settled();
    expect(first.cancels).toMatchObject([{ state: "job", job: { credential: { name: "main" } } }]);
  });

  test("and all the others are limited waits for the first that is free again", async () => {
    const { first, submit } = await open({ accounts: true });
    const task = await submit({ route: [route[0]!] });
    (await first.next()).answer(limited);
    (await first.next()).answer(failed({ kind: "rate_limited", message: "slow", retryAfterMs: 40_000 }));
    await settled();
    expect(await world.read(task.id)).toMatchObject({ status: "queued" });
    await world.clock.advance(60_000);
    expect((await first.next()).job.taskId).toBe(task.id);
  });
});
