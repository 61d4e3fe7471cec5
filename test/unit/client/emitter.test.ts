/** The emitter, as programs that know Node's use it. */

import { describe, expect, test } from "vitest";
import { Emitter } from "../../../src/client/realtime/emitter.ts";

type Events = { progress: number; end: string };

function made() {
  const heard: string[] = [];
  const listener = (name: string) => (payload: unknown) => void heard.push(`${name} ${payload}`);
  return { emitter: new Emitter<Events>(), heard, listener };
}

describe("an emitter", () => {
  test("tells listeners in the order in which they came, and whether there was one", () => {
    const { emitter, heard, listener } = made();
    emitter.on("progress", listener("b")).prependListener("progress", listener("a"));
    emitter.addListener("progress", listener("c"));
    expect(emitter.emit("progress", 1)).toBe(true);
    expect(emitter.emit("end", "over")).toBe(false);
    expect(heard).toEqual(["a 1", "b 1", "c 1"]);
  });

  test("tells one that listens once once, also when it emits again by itself", () => {
    const { emitter, heard, listener } = made();
    emitter.once("progress", listener("a"));
    emitter.once("progress", () => emitter.emit("progress", 2));
    emitter.emit("progress", 1);
    expect(heard).toEqual(["a 1"]);
    expect(emitter.listenerCount("progress")).toBe(0);
  });

  test("removes a listener once for each time that it was added, and all at once", () => {
    const { emitter, heard, listener } = made();
    const twice = listener("a");
    emitter.on("progress", twice).on("progress", twice).off("progress", twice);
    emitter.emit("progress", 1);
    expect(heard).toEqual(["a 1"]);
    expect(emitter.listeners("progress")).toEqual([twice]);
    emitter.removeListener("progress", twice).on("end", twice);
    expect(emitter.eventNames()).toEqual(["end"]);
    emitter.setMaxListeners(1).removeAllListeners("end");
    expect(emitter.eventNames()).toEqual([]);
    emitter.on("end", twice).removeAllListeners();
    expect(emitter.listenerCount("end")).toBe(0);
  });

  test("goes to those that listened when it began", () => {
    const { emitter, heard, listener } = made();
    const late = listener("late");
    emitter.on("progress", () => emitter.on("progress", late));
    emitter.emit("progress", 1);
    expect(heard).toEqual([]);
  });
});
