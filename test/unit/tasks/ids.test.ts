import { describe, expect, test } from "vitest";
import { createTaskIds, isTaskId, randomToken, taskIdTime } from "../../../src/tasks/ids.ts";

const NOW = Date.UTC(2026, 10, 21, 10, 30);

describe("task ids", () => {
  test("are lower-case UUIDv7 that tell when they were made", () => {
    const id = createTaskIds(() => NOW)();
    expect(isTaskId(id)).toBe(true);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(taskIdTime(id)).toBe(NOW);
  });

  test("rise strictly, also within a millisecond and beyond what its counter holds", () => {
    const next = createTaskIds(() => NOW);
    const ids = Array.from({ length: 20_000 }, next);
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(ids.every(isTaskId)).toBe(true);
  });

  test("go on rising when the clock steps back", () => {
    let now = NOW;
    const next = createTaskIds(() => now);
    const before = next();
    now -= 60_000;
    const after = next();
    expect(after > before).toBe(true);
  });

  test("do not repeat between two processes in the same millisecond", () => {
    const [one, other] = [createTaskIds(() => NOW), createTaskIds(() => NOW)];
    const ids = Array.from({ length: 1_000 }, () => [one(), other()]).flat();
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("in another spelling are none", () => {
    const id = createTaskIds(() => NOW)();
    for (const wrong of ["", id.toUpperCase(), `${id} `, id.replaceAll("-", ""), id.replace("-7", "-4")])
      expect(isTaskId(wrong)).toBe(false);
  });
});

test("random tokens have the length asked for and only letters and digits, each equally likely", () => {
  expect(randomToken(43)).toMatch(/^[A-Za-z0-9]{43}$/);
  // 248 and above would favour the first letters: they are drawn again.
  const draws = [new Uint8Array([255, 250, 248, 0]), new Uint8Array([61, 62, 247, 123])];
  const scripted = randomToken(2, (bytes) => bytes.set(draws.shift() ?? []));
  expect(scripted).toBe("A9");
});
