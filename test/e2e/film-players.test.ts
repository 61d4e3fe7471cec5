/** Whether a film is one for programs that are not ours: FFmpeg's, where it is installed. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createTurnStudio } from "../../src/providers/local/film-studio.ts";
import { Pacer } from "../../src/providers/local/pacer.ts";
import { encoderWasm } from "../../src/runtime/process/threads/codec-wasm.ts";
import { temporaryFolder } from "../fixture/server-process.ts";

const FFPROBE = "/usr/bin/ffprobe";
const FFMPEG = "/usr/bin/ffmpeg";
const missing = [FFPROBE, FFMPEG].every(existsSync) ? null : "ffprobe and ffmpeg are not installed";
const NEVER = new AbortController().signal;

describe.skipIf(missing !== null)(
  `a film for FFmpeg${missing === null ? "" : ` (skipped: ${missing})`}`,
  () => {
    test("has the measures asked for, and every frame decodes without a complaint to another picture", async () => {
      const { path: folder, remove } = await temporaryFolder();
      try {
        const studio = createTurnStudio(encoderWasm, new Pacer());
        const order = { prompt: "a fox in the forest", seed: 3, width: 160, height: 90, frames: 24, fps: 12 };
        const session = await studio.open(order, NEVER);
        await session.drawUntil(order.frames, () => {}, NEVER);
        const film = join(folder, "film.webm");
        await writeFile(film, await session.finish());
        session.close();
        const entries = "stream=codec_name,width,height,avg_frame_rate,nb_read_frames:format=duration";
        const told = execFileSync(
          FFPROBE,
          ["-v", "error", "-count_frames", "-show_entries", entries, "-of", "json", film],
          { encoding: "utf8" },
        );
        expect(JSON.parse(told)).toMatchObject({
          streams: [
            { codec_name: "vp8", width: 160, height: 90, avg_frame_rate: "12/1", nb_read_frames: "24" },
          ],
          format: { duration: "2.000000" },
        });
        // One line a frame, the last field of which is a digest of the decoded picture.
        const digests = execFileSync(FFMPEG, ["-v", "error", "-i", film, "-f", "framemd5", "-"], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe"],
        });
        const frames = digests.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
        expect(new Set(frames.map((line) => line.split(",").at(-1))).size).toBe(24);
      } finally {
        await remove();
      }
    });
  },
);
