import { expect, test } from "vitest";
import { HungCalls } from "../../../../src/tasks/engine/hung-calls.ts";

test("calls count for their provider until they end, however they end", async () => {
  const hung = new HungCalls();
  const answered = Promise.withResolvers<void>();
  const broken = Promise.withResolvers<void>();
  hung.note("a", answered.promise);
  hung.note("a", broken.promise);
  hung.note("b", new Promise(() => {}));
  expect([...hung.open]).toEqual([
    ["a", 2],
    ["b", 1],
  ]);
  answered.resolve();
  broken.reject(new Error("closed"));
  await Promise.allSettled([answered.promise, broken.promise]);
  expect([...hung.open]).toEqual([["b", 1]]);
});
