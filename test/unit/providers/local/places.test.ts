import { describe, expect, test } from "vitest";
import { Places } from "../../../../src/providers/local/places.ts";

const NEVER = new AbortController().signal;

/** Asks for room and notes under `name` when it came. */
function ask(places: Places, size: number, entered: string[], name: string, signal = NEVER) {
  return places.take(size, signal).then((leave) => {
    entered.push(name);
    return leave;
  });
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("a bounded room", () => {
  test("takes as many as fit, and the others in order as room is given back", async () => {
    const places = new Places(10);
    const entered: string[] = [];
    const first = ask(places, 6, entered, "first");
    ask(places, 4, entered, "second");
    ask(places, 5, entered, "third");
    await settled();
    expect(entered).toEqual(["first", "second"]);
    (await first)();
    await settled();
    expect(entered).toEqual(["first", "second", "third"]);
  });

  test("lets nobody overtake a large one", async () => {
    const places = new Places(10);
    const entered: string[] = [];
    const first = ask(places, 6, entered, "first");
    ask(places, 10, entered, "large");
    ask(places, 1, entered, "small");
    await settled();
    expect(entered).toEqual(["first"]);
    (await first)();
    await settled();
    expect(entered).toEqual(["first", "large"]);
  });

  test("gives the whole room to what is larger than it", async () => {
    const places = new Places(10);
    const entered: string[] = [];
    const huge = ask(places, 1000, entered, "huge");
    ask(places, 1, entered, "small");
    await settled();
    expect(entered).toEqual(["huge"]);
    (await huge)();
    await settled();
    expect(entered).toEqual(["huge", "small"]);
  });

  test("forgets who does not want to wait any more, and who never did", async () => {
    const places = new Places(1);
    const entered: string[] = [];
    const first = ask(places, 1, entered, "first");
    const stop = new AbortController();
    const impatient = ask(places, 1, entered, "impatient", stop.signal);
    ask(places, 1, entered, "last");
    stop.abort(new Error("enough"));
    await expect(impatient).rejects.toThrow("enough");
    await expect(ask(places, 1, entered, "late", stop.signal)).rejects.toThrow("enough");
    (await first)();
    await settled();
    expect(entered).toEqual(["first", "last"]);
  });

  test("counts a place that is given back twice once", async () => {
    const places = new Places(2);
    const entered: string[] = [];
    const first = await ask(places, 1, entered, "first");
    ask(places, 1, entered, "second");
    first();
    first();
    ask(places, 1, entered, "third");
    ask(places, 1, entered, "fourth");
    await settled();
    expect(entered).toEqual(["first", "second", "third"]);
  });
});
