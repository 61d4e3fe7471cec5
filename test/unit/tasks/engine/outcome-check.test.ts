import { describe, expect, test } from "vitest";
import { billTask } from "../../../../src/accounts/prices/held-price.ts";
import type { Json } from "../../../../src/protocol/task.ts";
import { checkOutcome } from "../../../../src/tasks/engine/outcome-check.ts";
import { MAX_STATE_BYTES } from "../../../../src/tasks/ports/store-error.ts";
import { reduce } from "../../../../src/tasks/reducer.ts";
import { DEFAULT_RETRY_POLICY, decide } from "../../../../src/tasks/retry-policy.ts";
import { NOTHING_SPENT } from "../../../../src/tasks/transition.ts";
import { createSeededRandom, type SeededRandom } from "../../../fixture/seeded-random.ts";
import { runningTask } from "../../../fixture/task.ts";

const MEDIA = { path: "x.png", contentType: "image/png", bytes: 1 };

describe("what an adapter answered", () => {
  test("is taken as it is when nothing is wrong with it", () => {
    const answers = [
      {
        kind: "done",
        items: [{ index: 0, media: MEDIA, width: 64, height: 64, revisedPrompt: "a fox" }],
        errors: [{ index: 1, code: "content_policy_violation", message: "no" }],
        costMicros: 40_000,
      },
      { kind: "pending", state: { job: "j1" }, pollAfterMs: 500, progress: 30, message: "painting" },
      { kind: "failed", failure: { kind: "rate_limited", message: "later", retryAfterMs: 9 } },
      { kind: "failed", failure: { kind: "permanent", code: "provider_auth", message: "no" } },
      { kind: "failed", failure: { kind: "content_policy", message: "no" } },
    ] as const;
    for (const answer of answers) expect(checkOutcome(answer, 2)).toEqual({ outcome: answer, flaw: null });
  });

  test("keeps its word that a job may have been started", () => {
    const failure = {
      kind: "transient",
      code: "timeout",
      message: "no answer",
      mayHaveStarted: true,
    } as const;
    expect(checkOutcome({ kind: "failed", failure }, 1).outcome).toEqual({ kind: "failed", failure });
  });

  test("of a state that is an adapter's own object is taken as the JSON it is, which every store can keep", () => {
    class Reference {
      constructor(readonly job: string) {}
    }
    const state = Object.assign(new Reference("j1"), { ask: () => {} }) as unknown as Json;
    const { outcome } = checkOutcome({ kind: "pending", state, pollAfterMs: 10 }, 1);
    expect(outcome.kind === "pending" && structuredClone(outcome.state)).toStrictEqual({ job: "j1" });
  });

  test("of a state at the bound is taken, and one byte more is not", () => {
    const pending = (bytes: number) =>
      checkOutcome({ kind: "pending", state: "é".repeat((bytes - 2) / 2), pollAfterMs: 10 }, 1).outcome.kind;
    expect(pending(MAX_STATE_BYTES)).toBe("pending");
    expect(pending(MAX_STATE_BYTES + 2)).toBe("failed");
  });

  test("keeps what the provider says that it used, as far as it is amounts", () => {
    const media = { path: "p.png", contentType: "image/png", bytes: 1 };
    const usage = {
      images: 1,
      seconds: Number.NaN,
      tokens: { input: 12, output: 4_160, imageOutput: -1, textInput: null, audioOutput: 3 },
    };
    const { outcome, flaw } = checkOutcome({ kind: "done", items: [{ index: 0, media }], usage }, 1);
    expect(outcome).toMatchObject({ usage: { images: 1, tokens: { input: 12, output: 4_160 } } });
    expect(outcome.kind === "done" && Object.keys(outcome.usage?.tokens ?? {})).toEqual(["input", "output"]);
    expect(flaw).toContain("seconds");
    for (const none of [null, 7, "much", [], {}])
      expect(
        checkOutcome({ kind: "done", items: [{ index: 0, media }], usage: none }, 1).outcome,
      ).not.toHaveProperty("usage");
  });

  test("leads to a task that can be stored, whatever it was", () => {
    const seed = 20_261_122;
    const random = createSeededRandom(seed);
    const task = runningTask({ reservedMicros: 80_000 });
    for (let round = 0; round < 5_000; round++) {
      const answer = garbage(random, 0);
      const shown = `seed ${seed}, round ${round}`;
      const { outcome } = checkOutcome(answer, task.request.n);
      const transition = decide({
        task,
        outcome,
        resubmitSafe: random.next() < 0.5,
        random: 0.5,
        policy: DEFAULT_RETRY_POLICY,
        spent: NOTHING_SPENT,
        bill: billTask,
      });
      const next = reduce(task, transition, task.updatedAt)?.task;
      expect(next, shown).toBeDefined();
      for (const value of [next?.costMicros, next?.progress, next?.dueAt ?? 0, next?.attempt])
        expect(Number.isSafeInteger(value), shown).toBe(true);
      expect(next?.costMicros ?? -1, shown).toBeGreaterThanOrEqual(0);
      expect(() => JSON.stringify(next), shown).not.toThrow();
    }
  });
});

const WORDS = ["done", "pending", "failed", "transient", "rate_limited", "permanent", "timeout", "", "x"];
const NAMES = [
  "kind",
  "items",
  "errors",
  "costMicros",
  "state",
  "pollAfterMs",
  "progress",
  "message",
  "failure",
  "code",
  "retryAfterMs",
  "index",
  "media",
  "path",
  "contentType",
  "bytes",
];
const ODD = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  0,
  0.5,
  1,
  1e300,
  null,
  undefined,
  true,
  7n,
  Symbol("s"),
];

/** Something that looks like an outcome from afar. */
function garbage(random: SeededRandom, depth: number): unknown {
  const kind = random.below(depth > 3 ? 2 : 5);
  if (kind === 0) return random.pick(ODD);
  if (kind === 1) return random.pick(WORDS);
  if (kind === 2) return Array.from({ length: random.below(3) }, () => garbage(random, depth + 1));
  const value: Record<string, unknown> = { kind: random.pick(WORDS) };
  for (const name of NAMES) if (random.next() < 0.6) value[name] = garbage(random, depth + 1);
  return value;
}
