/** What is kept of a session: texts in their order, and sound on one line of time. */

import { describe, expect, test } from "vitest";
import { ArtefactFiles } from "../../../src/realtime/artefacts/artefact-files.ts";
import { ArtefactKeeper } from "../../../src/realtime/artefacts/artefact-keeper.ts";
import { Recording } from "../../../src/realtime/artefacts/recording.ts";
import { PART_HEAD_BYTES, RATE } from "../../../src/realtime/artefacts/wave.ts";
import { ClientEvent } from "../../../src/realtime/session/client-event.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { MemoryMedia } from "../../fixture/memory-media.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

const ID = "019a0000-0000-7000-8000-000000000001";

class Room {
  readonly clock = new ManualClock();
  readonly log = recordingLog();
  readonly media = new MemoryMedia();
  readonly files = new ArtefactFiles(this.media);
  readonly keeper: ArtefactKeeper;

  constructor(kinds: { transcripts?: boolean; recordings?: boolean }) {
    const { transcripts = false, recordings = false } = kinds;
    this.keeper = new ArtefactKeeper(ID, { ...this, transcripts, recordings });
  }

  /** The user says 100 ms of that level. */
  hears(level: number): void {
    this.keeper.fromClient(ClientEvent.of({ type: "input_audio_buffer.append", audio: sound(level, 100) }));
  }

  speaks(level: number, ms: number): void {
    this.keeper.passedToClient(
      JSON.stringify({ type: "response.output_audio.delta", delta: sound(level, ms) }),
      "response.output_audio.delta",
    );
  }

  /** Levels of both channels at that moment of the recording. */
  async at(...moments: number[]): Promise<number[][]> {
    const file = await this.files.recordingOf(ID);
    if (file === null) throw new Error("no recording");
    const bytes = await new Response(file.open()).bytes();
    expect(bytes.length).toBe(file.bytes);
    const samples = new Int16Array(bytes.slice(PART_HEAD_BYTES).buffer);
    return moments.map((ms) => {
      const frame = Math.round((ms * RATE) / 1_000);
      return [samples[2 * frame] ?? Number.NaN, samples[2 * frame + 1] ?? Number.NaN];
    });
  }
}

function sound(level: number, ms: number): string {
  return new Uint8Array(new Int16Array((ms * 24_000) / 1_000).fill(level).buffer).toBase64();
}

describe("a transcript", () => {
  test("has what was said and written, tools and what was cut, in order", async () => {
    const { keeper, files, clock } = new Room({ transcripts: true });
    keeper.fromClient(
      ClientEvent.of({
        type: "conversation.item.create",
        item: { type: "message", role: "user", content: [{ type: "input_text", text: "Hello" }] },
      }),
    );
    await clock.advance(1_000);
    const spoken = {
      type: "conversation.item.input_audio_transcription.completed",
      item_id: "u1",
      transcript: "And you?",
    };
    keeper.passedToClient(JSON.stringify(spoken), spoken.type);
    keeper.toClient({
      type: "response.output_audio_transcript.done",
      item_id: "a1",
      transcript: "I am well.",
    });
    keeper.toClient({ type: "conversation.item.truncated", item_id: "a1", audio_end_ms: 300 });
    keeper.toClient({
      type: "response.function_call_arguments.done",
      item_id: "f1",
      name: "weather",
      arguments: "{}",
    });
    keeper.fromClient(
      ClientEvent.of({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id: "c1", output: "sun" },
      }),
    );
    keeper.toClient({ type: "response.output_text.done", item_id: "a2", text: "The sun shines." });
    // Deltas, sound and what is internal are none of it.
    keeper.toClient({ type: "response.output_audio_transcript.delta", item_id: "a1", delta: "I am" });
    keeper.passedToClient("no JSON", "response.output_text.done");
    await keeper.ended();
    const kept = await files.transcriptOf(ID);
    expect(kept?.complete).toBe(true);
    expect(kept?.entries.map(({ role, kind, text }) => `${role} ${kind} ${text}`)).toEqual([
      "user text Hello",
      "user speech And you?",
      "assistant speech I am well.",
      "assistant cut ",
      "assistant tool_call {}",
      "tool tool_result sun",
      "assistant text The sun shines.",
    ]);
    expect(kept?.entries[3]).toMatchObject({ itemId: "a1", heardMs: 300 });
    expect(kept?.entries[4]).toMatchObject({ name: "weather" });
    expect(Date.parse(kept?.entries[1]?.at ?? "") - Date.parse(kept?.entries[0]?.at ?? "")).toBe(1_000);
    expect(await files.kindsOf(ID)).toEqual({ transcript: true, recording: false });
  });

  test("is stored as it goes, so that a process that dies loses half a minute at most", async () => {
    const { keeper, files, clock, media } = new Room({ transcripts: true });
    keeper.toClient({ type: "response.output_text.done", item_id: "a", text: "one" });
    await clock.advance(30_000);
    await settled();
    expect((await files.transcriptOf(ID))?.entries.map(({ text }) => text)).toEqual(["one"]);
    // Silence leaves no file.
    await clock.advance(60_000);
    expect(media.files.size).toBe(1);
    keeper.toClient({ type: "response.output_text.done", item_id: "a", text: "two" });
    await keeper.ended();
    expect((await files.transcriptOf(ID))?.entries.map(({ text }) => text)).toEqual(["one", "two"]);
  });

  test("is tried again where the media store failed, and says so in the log once", async () => {
    const { keeper, files, clock, media, log } = new Room({ transcripts: true });
    const { put } = media;
    media.put = () => Promise.reject(new Error("full"));
    keeper.toClient({ type: "response.output_text.done", item_id: "a", text: "secret words" });
    await clock.advance(30_000);
    await clock.advance(30_000);
    expect(log.lines).toMatchObject([{ level: "warn", fields: { sessionId: ID, cause: "Error: full" } }]);
    expect(JSON.stringify(log.lines)).not.toContain("secret words");
    media.put = put;
    await keeper.ended();
    expect((await files.transcriptOf(ID))?.entries).toHaveLength(1);
  });

  test("ends at its bound, and says that it does", async () => {
    const { keeper, files } = new Room({ transcripts: true });
    const text = "a".repeat(600_000);
    for (let i = 0; i < 3; i += 1) keeper.toClient({ type: "response.output_text.done", item_id: "a", text });
    await keeper.ended();
    const kept = await files.transcriptOf(ID);
    expect(kept).toMatchObject({ complete: false, entries: { length: 1 } });
  });
});

test("a transcript that reaches its bound in a later part says so too", async () => {
  const { keeper, files, clock } = new Room({ transcripts: true });
  keeper.toClient({ type: "response.output_text.done", item_id: "a", text: "one" });
  await clock.advance(30_000);
  keeper.toClient({ type: "response.output_text.done", item_id: "a", text: "a".repeat(1_100_000) });
  await clock.advance(30_000);
  expect(await files.transcriptOf(ID)).toMatchObject({ complete: false, entries: { length: 1 } });
  await keeper.ended();
  // It is said once.
  expect(await files.remove(ID)).toBe(2);
});

test("a transcript of many small things ends at its bound as well", async () => {
  const { keeper, files } = new Room({ transcripts: true });
  for (let i = 0; i < 20_000; i += 1)
    keeper.toClient({ type: "conversation.item.truncated", item_id: "a", audio_end_ms: i });
  await keeper.ended();
  const kept = await files.transcriptOf(ID);
  expect(kept?.complete).toBe(false);
  expect(kept?.entries.length).toBeLessThan(20_000);
});

test("a transcript of which a part cannot be read is not answered without it", async () => {
  const { keeper, files, media } = new Room({ transcripts: true });
  keeper.toClient({ type: "response.output_text.done", item_id: "a", text: "one" });
  await keeper.ended();
  const { get } = media;
  media.get = async (path) => {
    const file = await get.call(media, path);
    return file && { ...file, open: () => Promise.reject(new Error("the store is away")) };
  };
  await expect(files.transcriptOf(ID)).rejects.toThrow("the store is away");
});

test("sound beyond what a file has room for is not gathered", () => {
  let now = 0;
  const recording = new Recording(() => now);
  now = 10 * 3_600_000 + 1_000;
  recording.heard(new Uint8Array(4_800));
  recording.toClient({ type: "response.output_audio.delta", delta: sound(1_000, 100) });
  expect(recording.take(true)).toBeNull();
});

describe("a recording", () => {
  test("has the user on the left and the provider on the right, each when it was heard", async () => {
    const room = new Room({ recordings: true });
    const { clock, keeper } = room;
    await clock.advance(100);
    room.hears(1_000);
    await clock.advance(900);
    // A second and a half of sound, all at once.
    room.speaks(2_000, 1_000);
    room.speaks(3_000, 500);
    await clock.advance(3_000);
    await keeper.ended();
    expect(await room.at(50, 500, 1_500, 2_250)).toEqual([
      [1_000, 0],
      [0, 0],
      [0, 2_000],
      [0, 3_000],
    ]);
  });

  test("pieces that the network delays join without a gap", async () => {
    const room = new Room({ recordings: true });
    await room.clock.advance(100);
    room.hears(1_000);
    await room.clock.advance(130);
    room.hears(2_000);
    await room.keeper.ended();
    expect(await room.at(99, 101, 150)).toEqual([
      [1_000, 0],
      [2_000, 0],
      [2_000, 0],
    ]);
  });

  test("what the user spoke into is not heard further", async () => {
    const room = new Room({ recordings: true });
    room.speaks(2_000, 2_000);
    await room.clock.advance(500);
    room.keeper.toClient({ type: "input_audio_buffer.speech_started", item_id: "u", audio_start_ms: 0 });
    await room.clock.advance(500);
    room.hears(1_000);
    await room.keeper.ended();
    expect(await room.at(400, 600, 950)).toEqual([
      [0, 2_000],
      [0, 0],
      [1_000, 0],
    ]);
  });

  test("is stored in parts of half a minute; one that is missing is silence", async () => {
    const room = new Room({ recordings: true });
    const { clock, media, keeper } = room;
    const { put } = media;
    room.speaks(1_000, 40_000);
    await clock.advance(30_000);
    expect(media.files.size).toBe(1);
    media.put = () => Promise.reject(new Error("full"));
    room.speaks(2_000, 40_000);
    await clock.advance(30_000);
    media.put = put;
    room.speaks(3_000, 10_000);
    await clock.advance(25_000);
    await keeper.ended();
    expect(await room.at(10_000, 45_000, 70_000, 84_000)).toEqual([
      [0, 1_000],
      [0, 0],
      [0, 2_000],
      [0, 3_000],
    ]);
  });

  test("takes the formats that the session has", async () => {
    const room = new Room({ recordings: true });
    const format = { type: "audio/pcmu" };
    room.keeper.toClient({
      type: "session.updated",
      session: { audio: { input: { format }, output: { format: { type: "audio/pcm", rate: 16_000 } } } },
    });
    await room.clock.advance(1_000);
    // A second of G.711 at its loudest, and one of 16 kHz.
    room.keeper.fromClient(new Uint8Array(8_000).fill(0x80));
    const spoken = new Uint8Array(new Int16Array(16_000).fill(2_000).buffer).toBase64();
    room.keeper.toClient({ type: "response.output_audio.delta", delta: spoken });
    await room.clock.advance(1_000);
    await room.keeper.ended();
    const [[user = 0] = [], [, provider = 0] = []] = await room.at(500, 1_500);
    expect(user).toBeGreaterThan(30_000);
    expect(provider).toBeCloseTo(2_000, -1);
  });

  test("removing it leaves nothing", async () => {
    const room = new Room({ recordings: true, transcripts: true });
    room.speaks(1_000, 100);
    room.keeper.toClient({ type: "response.output_text.done", item_id: "a", text: "one" });
    await room.clock.advance(200);
    await room.keeper.ended();
    expect(await room.files.remove(ID)).toBe(2);
    expect([await room.files.transcriptOf(ID), await room.files.recordingOf(ID)]).toEqual([null, null]);
    expect(room.media.files.size).toBe(0);
  });
});
