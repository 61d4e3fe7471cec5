/** The arithmetic of sound in a page: frames, what was heard of an answer, and the programs of the audio thread. */

import { describe, expect, test } from "vitest";
import { fromBase64, toBase64 } from "../../../../src/client/voice/base64.ts";
import { FRAME_SAMPLES, FrameMaker, fromPcm } from "../../../../src/client/voice/sound/frame-maker.ts";
import { PlaybackLedger } from "../../../../src/client/voice/sound/playback-ledger.ts";
import { WORKLET_TEXT } from "../../../../src/client/voice/sound/worklet-text.ts";

const PART = { itemId: "item_1", contentIndex: 0 };

function tone(samples: number, rate: number, from = 0): Float32Array {
  return Float32Array.from(
    { length: samples },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * (from + i)) / rate),
  );
}

/** Frames of a second that comes in pieces of 512 samples. */
function secondAt(rate: number): Int16Array[] {
  const maker = new FrameMaker(rate);
  const frames: Int16Array[] = [];
  for (let at = 0; at < rate; at += 512) frames.push(...maker.push(tone(Math.min(512, rate - at), rate, at)));
  return frames;
}

describe("a frame maker", () => {
  test.each([24_000, 48_000, 44_100, 16_000, 96_000])(
    "makes 20 ms at 24 kHz of a microphone at %i Hz",
    (rate) => {
      const frames = secondAt(rate);
      // The change of rate keeps a little back.
      expect(frames.length).toBeGreaterThanOrEqual(49);
      expect(frames.length).toBeLessThanOrEqual(50);
      expect(frames.every((frame) => frame.length === FRAME_SAMPLES)).toBe(true);
      const heard = Float64Array.from(frames.slice(2, 48).flatMap((frame) => [...frame]));
      const wanted = tone(heard.length, 24_000, 2 * FRAME_SAMPLES);
      const worst = heard.reduce(
        (most, sample, i) => Math.max(most, Math.abs(sample / 32_767 - (wanted[i] as number))),
        0,
      );
      expect(worst).toBeLessThan(0.01);
    },
  );

  test("cuts off what is too loud, and joins pieces of any size", () => {
    const maker = new FrameMaker(24_000);
    expect(maker.push(new Float32Array(FRAME_SAMPLES - 1).fill(2))).toEqual([]);
    const [frame, ...more] = maker.push(new Float32Array(FRAME_SAMPLES).fill(-2));
    expect(more).toEqual([]);
    expect([frame?.[0], frame?.[FRAME_SAMPLES - 1]]).toEqual([32_767, -32_767]);
    expect(maker.push(new Float32Array(1))).toHaveLength(1);
  });
});

test("sound in base64 comes back as it was, and what is no base64 is no sound", () => {
  const samples = Int16Array.from({ length: 20_000 }, (_, i) => ((i * 7) % 65_536) - 32_768);
  expect(fromBase64(toBase64(samples))).toEqual(samples);
  expect(fromBase64("!!")).toHaveLength(0);
  expect([...fromPcm(Int16Array.of(-32_768, 0, 16_384))]).toEqual([-1, 0, 0.5]);
});

describe("a playback ledger", () => {
  test("knows how much of an answer was heard, over all the pieces in which it came", () => {
    const ledger = new PlaybackLedger(24_000);
    for (let i = 0; i < 5; i += 1) ledger.handed(PART, 2_400);
    expect(ledger.queuedMs).toBe(500);
    ledger.playedTo(6_000);
    expect(ledger.current()).toEqual({ part: PART, heardMs: 250 });
    expect(ledger.current(40)).toEqual({ part: PART, heardMs: 210 });
    expect(ledger.current(300)).toEqual({ part: PART, heardMs: 0 });
  });

  test("counts anew for the next answer, and has nothing to say when all was heard", () => {
    const ledger = new PlaybackLedger(24_000);
    const next = { itemId: "item_2", contentIndex: 0 };
    ledger.handed(PART, 2_400);
    ledger.handed(next, 4_800);
    ledger.playedTo(3_600);
    expect(ledger.current()).toEqual({ part: next, heardMs: 50 });
    ledger.playedTo(7_200);
    expect([ledger.current(), ledger.isEmpty]).toEqual([null, true]);
    ledger.handed(next, 2_400);
    ledger.playedTo(8_400);
    expect(ledger.current()).toEqual({ part: next, heardMs: 250 });
  });

  test("never goes back, nor beyond what it was handed", () => {
    const ledger = new PlaybackLedger(24_000);
    ledger.handed(PART, 2_400);
    ledger.playedTo(1_200);
    ledger.playedTo(600);
    expect(ledger.current()?.heardMs).toBe(50);
    ledger.playedTo(1_000_000);
    expect(ledger.queuedMs).toBe(0);
    ledger.clear();
    ledger.handed(PART, 2_400);
    expect(ledger.current()).toEqual({ part: PART, heardMs: 0 });
  });
});

type Port = { posted: unknown[]; onmessage?: (event: { data: unknown }) => void };
type Processor = { port: Port; process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean };

/** The audio thread at 48 kHz. */
function audioThread(): (name: string, options?: object) => Processor {
  const classes = new Map<string, new (options: object) => Processor>();
  class AudioWorkletProcessor {
    readonly port = {
      posted: [] as unknown[],
      postMessage(message: unknown) {
        this.posted.push(message);
      },
    };
  }
  const run = new Function("registerProcessor", "AudioWorkletProcessor", "sampleRate", WORKLET_TEXT);
  run(
    (name: string, made: new (options: object) => Processor) => classes.set(name, made),
    AudioWorkletProcessor,
    48_000,
  );
  return (name, options = {}) => new (classes.get(name) as new (options: object) => Processor)(options);
}

describe("the microphone of the audio thread", () => {
  test("posts four blocks at once, and waits while nothing is connected to it", () => {
    const microphone = audioThread()("conduit-microphone");
    for (let i = 0; i < 9; i += 1) microphone.process([[new Float32Array(128).fill(i)]], [[]]);
    microphone.process([[]], [[]]);
    const [first, second, ...more] = microphone.port.posted as Float32Array[];
    expect(more).toEqual([]);
    expect([first?.length, first?.[0], first?.[511], second?.[0]]).toEqual([512, 0, 3, 4]);
  });
});

describe("the speaker of the audio thread", () => {
  function speaker() {
    const processor = audioThread()("conduit-speaker", { processorOptions: { leadSamples: 256 } });
    const block = () => {
      const output = new Float32Array(128);
      processor.process([], [[output]]);
      return output;
    };
    const tell = (data: unknown) => processor.port.onmessage?.({ data });
    return { block, tell, posted: processor.port.posted };
  }

  test("waits until enough has come, and plays pieces of any size without a seam", () => {
    const { block, tell } = speaker();
    tell({ samples: new Float32Array(200).fill(1) });
    expect(block()[0]).toBe(0);
    tell({ samples: new Float32Array(100).fill(2) });
    const heard = [...block(), ...block(), ...block()];
    expect(heard.slice(0, 200).every((sample) => sample === 1)).toBe(true);
    expect(heard.slice(200, 300).every((sample) => sample === 2)).toBe(true);
    expect(heard.slice(300).every((sample) => sample === 0)).toBe(true);
  });

  test("does not wait for more where no more will come", () => {
    const { block, tell } = speaker();
    tell({ samples: new Float32Array(100).fill(1) });
    tell({ end: true });
    expect(block()[0]).toBe(1);
  });

  test("waits again once it has run dry", () => {
    const { block, tell } = speaker();
    tell({ samples: new Float32Array(256).fill(1) });
    for (let i = 0; i < 3; i += 1) block();
    tell({ samples: new Float32Array(128).fill(1) });
    expect(block()[0]).toBe(0);
    tell({ samples: new Float32Array(128).fill(1) });
    expect(block()[0]).toBe(1);
  });

  test("says every 20 ms how much it has played, and when all of it", () => {
    const { block, tell, posted } = speaker();
    tell({ samples: new Float32Array(1_100).fill(1) });
    for (let i = 0; i < 12; i += 1) block();
    expect(posted).toEqual([
      { played: 1_024, generation: 0 },
      { played: 1_100, generation: 0 },
    ]);
  });

  test("forgets all at once, and counts anew", () => {
    const { block, tell, posted } = speaker();
    tell({ samples: new Float32Array(1_000).fill(1) });
    block();
    tell({ generation: 1 });
    expect(block()[0]).toBe(0);
    tell({ samples: new Float32Array(300).fill(2) });
    expect(block()[0]).toBe(2);
    for (let i = 0; i < 3; i += 1) block();
    expect(posted).toEqual([
      { played: 0, generation: 1 },
      { played: 300, generation: 1 },
    ]);
  });
});
