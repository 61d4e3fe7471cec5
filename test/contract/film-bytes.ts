/** What films promise on every host: the very same bytes, which players can read. The digests were taken under Bun. */

import { describe, expect, test } from "vitest";
import { pictureSeed } from "../../src/providers/local/canvas.ts";
import { createTurnStudio, type FilmOrder } from "../../src/providers/local/film-studio.ts";
import { Pacer } from "../../src/providers/local/pacer.ts";
import { readWebm } from "../fixture/webm-reader.ts";

/** A prompt for every scene. Changing how a scene looks or moves changes its line. */
const DIGESTS = [
  ["rolling hills with a cabin", "ac304a7cd4bb6f63"],
  ["mountain lake at dawn with a bird", "65532cdd6d71aa82"],
  ["whale in the sea at sunset", "01f507409338b62e"],
  ["a fox in the forest", "87b5e891fe801b03"],
  ["neon city at night", "be5fd6685cc00368"],
  ["desert dunes with a balloon", "da68b143bc769c31"],
  ["galaxy with a rocket", "f0ec547083d3e7a7"],
  ["a bouquet of flowers and a butterfly", "adf106b14639e0e7"],
  ["geometric poster with a heart", "1b931c1d1c5a38f5"],
  ["calm waves", "9cb57bea57d6904d"],
  ["aurora over snowy mountains", "66793d8149529228"],
  ["Grüße aus 京都", "2711ac69292be2f6"],
] as const;

const ORDER = { width: 128, height: 72, frames: 6, fps: 3 };
const NEVER = new AbortController().signal;

/** `wasm` gives the compiled encoder of this host. */
export function filmBytesContract(wasm: () => Promise<WebAssembly.Module>): void {
  const studio = createTurnStudio(wasm, new Pacer((callback) => queueMicrotask(callback)));

  const draw = async (order: Pick<FilmOrder, "prompt" | "seed"> & Partial<FilmOrder>) => {
    const whole = { ...ORDER, ...order };
    const session = await studio.open(whole, NEVER);
    await session.drawUntil(whole.frames, () => {}, NEVER);
    const bytes = await session.finish();
    session.close();
    return bytes;
  };

  describe("a film has the same bytes on every host", () => {
    test.each(DIGESTS)("%s", async (prompt, digest) => {
      const bytes = await draw({ prompt, seed: pictureSeed("7", 0) });
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const hex = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      expect(hex.slice(0, digest.length)).toBe(digest);
    });
  });

  describe("a film", () => {
    test("is a WebM file of VP8 key frames, as many and as long as was asked for", async () => {
      const film = await readWebm(
        await draw({ prompt: "x", seed: 1, width: 96, height: 160, frames: 25, fps: 12.5 }),
      );
      expect(film).toMatchObject({ codec: "vp8", width: 96, height: 160, frames: 25, keyFrames: 25 });
      expect(film.mimeType).toContain("video/webm");
      expect(film.duration).toBeCloseTo(2, 2);
      expect(film.steps.least).toBeCloseTo(0.08, 2);
      expect(film.steps.most).toBeCloseTo(0.08, 2);
    });

    test("moves from each frame to the next", async () => {
      for (const [prompt] of DIGESTS) {
        const { packets } = await readWebm(await draw({ prompt, seed: 3 }));
        const different = new Set(packets.map((packet) => packet.join()));
        expect(different.size, prompt).toBe(ORDER.frames);
      }
    });

    test("is the same for the same prompt and seed, and another one for another seed", async () => {
      const one = await draw({ prompt: "a fox", seed: 1 });
      expect(await draw({ prompt: "a fox", seed: 1 })).toEqual(one);
      expect(await draw({ prompt: "a fox", seed: 2 })).not.toEqual(one);
    });

    test("may consist of a single frame", async () => {
      expect(await readWebm(await draw({ prompt: "x", seed: 1, frames: 1, fps: 1 }))).toMatchObject({
        frames: 1,
      });
    });
  });
}
