/** A talk as the console's page shows it, by the mock of the voice client on a clock that stands still. */

import { describe, expect, test } from "vitest";
import { MockRealtimeVoice } from "../../../src/client/testing/index.ts";
import { MicrophoneError, RealtimeVoice } from "../../../src/client/voice/index.ts";
import type { SoundDevice } from "../../../src/client/voice/sound/sound-device.ts";
import { meterPercent } from "../../../src/console/voice/meter-percent.ts";
import { MOST_LINES, withItem, withTranscript } from "../../../src/console/voice/transcript-lines.ts";
import { VoiceTalk } from "../../../src/console/voice/voice-talk.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";

async function talking() {
  const clock = new ManualClock();
  const voice = new MockRealtimeVoice({ clock });
  const talk = new VoiceTalk(() => clock.now());
  const started = talk.start(voice);
  expect(talk.state().phase).toBe("starting");
  await settled();
  await clock.advance(0);
  await started;
  return { clock, voice, talk };
}

function silentDevice(closed: () => void): SoundDevice {
  return {
    microphone: null,
    isBlocked: false,
    play: () => true,
    endOfSound() {},
    stop: () => null,
    playStream() {},
    mute() {},
    levels: () => ({ input: 0, output: 0 }),
    resume() {},
    close: async () => closed(),
  };
}

describe("a talk", () => {
  test("shows whose turn it is, what both said and what it cost, and stays readable after its end", async () => {
    const { clock, voice, talk } = await talking();
    expect(talk.state()).toMatchObject({ phase: "on", turn: "idle", spent: null });
    voice.script({ text: "Good day to you.", audioMs: 800 });
    voice.userSays("hello");
    await clock.advance(500);
    expect(talk.state().turn).toBe("speaking");
    await clock.advance(2_000);
    await talk.stop();
    const { phase, lines, problem, endedAt, startedAt } = talk.state();
    expect(lines.map(({ role, text, isFinal }) => [role, text, isFinal])).toEqual([
      ["user", "hello", true],
      ["assistant", "Good day to you.", true],
    ]);
    expect([phase, problem]).toEqual(["off", null]);
    expect(Number(endedAt) - Number(startedAt)).toBeGreaterThan(2_000);
    expect(voice.isConnected).toBe(false);
  });

  test("says that an answer was interrupted, until the user has spoken", async () => {
    const { clock, voice, talk } = await talking();
    voice.script({ text: "one two three four", audioMs: 4_000 }, { text: "Yes?" });
    voice.userSays("count");
    await clock.advance(600);
    const interrupted: boolean[] = [];
    talk.listen(() => interrupted.push(talk.state().wasInterrupted));
    voice.userSays("stop");
    await clock.advance(2_000);
    expect(interrupted).toContain(true);
    expect(talk.state().wasInterrupted).toBe(false);
    expect(talk.state().lines.map(({ heardMs }) => heardMs)).toContain(500);
    await talk.stop();
  });

  test("begins anew, and says what kept a session from beginning", async () => {
    const talk = new VoiceTalk();
    const refused = new RealtimeVoice(
      { virtualKey: "condt_mock", baseUrl: "http://mock.test" },
      { openDevice: () => Promise.reject(new MicrophoneError("No.", "denied")) },
    );
    await talk.start(refused);
    expect(talk.state()).toMatchObject({ phase: "off", problem: expect.stringMatching(/^No\. Allow it/) });
    await talk.stop();
    const { talk: other } = await talking();
    expect(other.state().problem).toBeNull();
    await other.stop();
  });

  test("lets go of a microphone that was granted after the page was left", async () => {
    const asked = Promise.withResolvers<SoundDevice>();
    const voice = new RealtimeVoice(
      { virtualKey: "condt_mock", baseUrl: "http://mock.test" },
      { openDevice: () => asked.promise },
    );
    const talk = new VoiceTalk();
    const started = talk.start(voice);
    await settled();
    const stopped = talk.stop();
    let closed = 0;
    asked.resolve(
      silentDevice(() => {
        closed += 1;
      }),
    );
    await Promise.all([started, stopped]);
    expect(closed).toBe(1);
    expect(talk.state()).toMatchObject({ phase: "off", problem: null });
  });

  test("keeps being muted from one session to the next", async () => {
    const { talk } = await talking();
    talk.mute(true);
    await talk.stop();
    const next = new MockRealtimeVoice({ clock: new ManualClock() });
    void talk.start(next);
    expect([talk.state().isMuted, next.isMuted]).toEqual([true, true]);
    await talk.stop();
  });
});

describe("what was said", () => {
  test("stands in the order of the conversation, though the user's words are written down later", () => {
    const item = (id: string, role: string) => ({ type: "message", id, role });
    let lines = withItem([], { type: "conversation.item.added", item: item("u", "user") });
    lines = withItem(lines, { type: "conversation.item.added", item: item("a", "assistant") });
    lines = withTranscript(lines, { role: "assistant", itemId: "a", delta: "Hi", text: "Hi", isFinal: true });
    lines = withTranscript(lines, {
      role: "user",
      itemId: "u",
      delta: "Hello",
      text: "Hello",
      isFinal: true,
    });
    expect(lines.map(({ text }) => text)).toEqual(["Hello", "Hi"]);
    expect(withItem(lines, { type: "conversation.item.added", item: item("u", "user") })).toBe(lines);
    expect(withItem(lines, { type: "response.created", item: item("x", "user") })).toBe(lines);
  });

  test("is bounded", () => {
    let lines = withItem([], { type: "session.created" });
    for (let line = 0; line <= MOST_LINES; line += 1)
      lines = withTranscript(lines, {
        role: "user",
        itemId: String(line),
        delta: "",
        text: String(line),
        isFinal: true,
      });
    expect(lines).toHaveLength(MOST_LINES);
    expect(lines[0]?.text).toBe("1");
  });
});

test("a level is shown as ears have it, from silence to full scale", () => {
  expect([0, 0.0005, 0.001, 0.0316, 0.1, 1, 2].map(meterPercent)).toEqual([0, 0, 0, 50, 67, 100, 100]);
});
