import { expect, test } from "vitest";
import { ConnectionSlots } from "../../../../src/http/streams/connection-limits.ts";

const refusal = expect.objectContaining({ code: "too_many_connections", status: 429, retryAfterSeconds: 5 });

test("a key gets no more places than it may have, and others still get theirs", () => {
  const slots = new ConnectionSlots({ maxConnections: 3, maxConnectionsPerKey: 2 });
  const first = slots.take("a");
  slots.take("a");
  expect(() => slots.take("a")).toThrow(refusal);
  slots.take("b");
  expect(() => slots.take("c")).toThrow(refusal);
  first.release();
  slots.take("a");
  expect(slots.open).toBe(3);
});

test("a slot released twice is one slot, and a key without slots is dropped", () => {
  const slots = new ConnectionSlots({ maxConnections: 2, maxConnectionsPerKey: 2 });
  const [one, other] = [slots.take("a"), slots.take("a")];
  one.release();
  one.release();
  expect([slots.open, [...slots.keyIds()]]).toEqual([1, ["a"]]);
  other.release();
  expect([slots.open, [...slots.keyIds()]]).toEqual([0, []]);
});
