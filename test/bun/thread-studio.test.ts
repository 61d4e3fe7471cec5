import { describe, expect, test } from "vitest";
import { createTurnStudio, type FilmOrder, type FilmStudio } from "../../src/providers/local/film-studio.ts";
import { Pacer } from "../../src/providers/local/pacer.ts";
import { encoderWasm } from "../../src/runtime/process/threads/codec-wasm.ts";
import { createThreadStudio } from "../../src/runtime/process/threads/thread-studio.ts";
import { ManualClock } from "../fixture/manual-clock.ts";
import { readWebm } from "../fixture/webm-reader.ts";

const ORDER: FilmOrder = { prompt: "a fox", seed: 3, width: 96, height: 64, frames: 8, fps: 8 };
const NEVER = new AbortController().signal;
const FAULTY = new URL("../fixture/bun/faulty-film-thread.ts", import.meta.url);

async function filmOf(studio: FilmStudio, order = ORDER): Promise<Uint8Array<ArrayBuffer>> {
  const session = await studio.open(order, NEVER);
  try {
    expect(await session.drawUntil(order.frames, () => {}, NEVER)).toBe(true);
    return await session.finish();
  } finally {
    session.close();
  }
}

describe("a studio of threads", () => {
  test("draws the films that a studio without threads draws", async () => {
    const local = createTurnStudio(encoderWasm, new Pacer());
    expect(await filmOf(createThreadStudio({ clock: new ManualClock() }))).toEqual(await filmOf(local));
  });

  test("draws up to the frame it is asked for and tells of each", async () => {
    const session = await createThreadStudio({ clock: new ManualClock() }).open(ORDER, NEVER);
    const told: number[] = [];
    for (const until of [3, 8]) await session.drawUntil(until, (frames) => told.push(frames), NEVER);
    expect(told).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect((await readWebm(await session.finish())).frames).toBe(8);
    session.close();
  });

  test("stops when it is told to, and its thread draws the next film", async () => {
    const studio = createThreadStudio({ clock: new ManualClock() });
    const stop = new AbortController();
    const session = await studio.open({ ...ORDER, width: 640, height: 360, frames: 300, fps: 30 }, NEVER);
    expect(await session.drawUntil(300, () => stop.abort(), stop.signal)).toBe(false);
    session.close();
    expect((await readWebm(await filmOf(studio))).frames).toBe(8);
  });

  test("draws several films at a time", async () => {
    const studio = createThreadStudio({ clock: new ManualClock() });
    const [one, two, three] = await Promise.all([
      filmOf(studio),
      filmOf(studio, { ...ORDER, seed: 4 }),
      filmOf(studio),
    ]);
    expect(one).toEqual(three);
    expect(one).not.toEqual(two);
  });

  test("ends a thread that has nothing to do, and starts another when there is", async () => {
    const clock = new ManualClock();
    const studio = createThreadStudio({ clock });
    await filmOf(studio);
    await clock.advance(60_000);
    expect(clock.pendingTimers).toBe(0);
    expect((await readWebm(await filmOf(studio))).frames).toBe(8);
  });

  test("says so when its thread died between two steps", async () => {
    const session = await createThreadStudio({ clock: new ManualClock(), script: FAULTY }).open(
      {
        ...ORDER,
        prompt: "die after drawing",
      },
      NEVER,
    );
    expect(await session.drawUntil(4, () => {}, NEVER)).toBe(true);
    // Whether the thread ends before or after it is asked: either way the answer is this.
    await expect(session.drawUntil(8, () => {}, NEVER)).rejects.toThrow("it ended");
    session.close();
  });

  test.each(["die on open", "throw on draw", "die on draw", "refuse to finish"])(
    "says so when its thread would %s, and is there for the next film",
    async (prompt) => {
      const studio = createThreadStudio({ clock: new ManualClock(), script: FAULTY });
      await expect(filmOf(studio, { ...ORDER, prompt })).rejects.toThrow(/thread|finish/);
      expect([...(await filmOf(studio, { ...ORDER, prompt: "work" }))]).toEqual([8]);
    },
  );
});
