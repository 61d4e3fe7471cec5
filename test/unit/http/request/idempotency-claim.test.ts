import { expect, test } from "vitest";
import { idempotencyClaim } from "../../../../src/http/request/idempotency-claim.ts";

const OPTIONS = { keyMs: 86_400_000, repeatMs: 30_000 };
const claim = async (headers: Record<string, string>, body: unknown = {}, route = "r") =>
  idempotencyClaim(new Request("http://h/", { headers }), route, body, OPTIONS);

test("a request that says nothing about repeats lays no claim", async () => {
  expect(await claim({})).toBeNull();
  expect(await claim({ "x-stainless-retry-count": "many" })).toBeNull();
});

test("a key is scoped by its route, and remembered for its time", async () => {
  const headers = { "idempotency-key": "order 42" };
  const one = await claim(headers, {}, "one");
  const two = await claim(headers, {}, "two");
  expect(one?.key).not.toBe(two?.key);
  expect(one).toMatchObject({ ttlMs: 86_400_000 });
  expect(one).not.toHaveProperty("onlyIfEndedWithinMs");
});

test("equal bodies have one fingerprint however they are spelled, others another", async () => {
  const print = async (body: unknown) => (await claim({ "idempotency-key": "k" }, body))?.fingerprint;
  const body = { prompt: "a", n: 2, metadata: { b: "1", a: "2" } };
  expect(await print({ n: 2.0, metadata: { a: "2", b: "1" }, prompt: "a" })).toBe(await print(body));
  expect(await print({ ...body, seed: undefined })).toBe(await print(body));
  for (const other of [{ ...body, n: 1 }, { ...body, extra: null }, { ...body, metadata: ["1", "2"] }, {}]) {
    expect(await print(other)).not.toBe(await print(body));
  }
});

test("a library's first sending takes over, its repeats replay for a while", async () => {
  const first = await claim({ "x-stainless-retry-count": "0" }, { prompt: "a" });
  const repeat = await claim({ "x-stainless-retry-count": "2" }, { prompt: "a" });
  expect(first).toMatchObject({ takeOver: true });
  expect(repeat).toMatchObject({ key: first?.key, onlyIfEndedWithinMs: 30_000 });
  expect(repeat).not.toHaveProperty("takeOver");
});

test("the header wins over the count", async () => {
  expect(await claim({ "idempotency-key": "k", "x-stainless-retry-count": "1" })).not.toHaveProperty(
    "onlyIfEndedWithinMs",
  );
});
