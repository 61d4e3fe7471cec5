/** `RealtimeVoice` for tests of pages: without a gateway, a microphone and a speaker. */

import { type ClientClock, systemTimers } from "../clock.ts";
import { socketLinks } from "../voice/links/socket-link.ts";
import { RealtimeVoice } from "../voice/realtime-voice.ts";
import { PlaybackLedger } from "../voice/sound/playback-ledger.ts";
import type { SoundDevice, SoundListener } from "../voice/sound/sound-device.ts";
import type { VoiceOptions } from "../voice/voice-events.ts";
import { MockRealtimeSocket } from "./mock-realtime-socket.ts";
import type { MockAnswer } from "./mock-voice-session.ts";

export type MockVoiceOptions = Partial<Pick<VoiceOptions, "model" | "session" | "pushToTalk">> & {
  /** A clock that a test moves. Default: the system's. */
  clock?: ClientClock | undefined;
};

const RATE = 24_000;
const FRAME_MS = 20;
const FRAME_SAMPLES = (RATE * FRAME_MS) / 1_000;

/** The real client over a `MockRealtimeSocket`; what is played takes its time on the clock, and is heard by nobody. */
export class MockRealtimeVoice extends RealtimeVoice {
  readonly #sockets: MockRealtimeSocket[];
  readonly #devices: MockSoundDevice[];
  readonly #scripted: MockAnswer[];

  constructor({ clock = systemTimers, ...options }: MockVoiceOptions = {}) {
    const sockets: MockRealtimeSocket[] = [];
    const devices: MockSoundDevice[] = [];
    const scripted: MockAnswer[] = [];
    super(
      { virtualKey: "condt_mock", baseUrl: "http://mock.test", clock, levelsEveryMs: 0, ...options },
      {
        openLink: socketLinks((url, protocols) => {
          const socket = new MockRealtimeSocket(url, protocols, { clock });
          socket.script(...scripted.splice(0));
          sockets.push(socket);
          return socket;
        }),
        openDevice: async (_, listener) => {
          const device = new MockSoundDevice(clock, listener);
          devices.push(device);
          return device;
        },
      },
    );
    this.#sockets = sockets;
    this.#devices = devices;
    this.#scripted = scripted;
  }

  /** The connection of the session there is; throws before the first. */
  get socket(): MockRealtimeSocket {
    const socket = this.#sockets.at(-1);
    if (socket === undefined) throw new Error("There is no session before connect.");
    return socket;
  }

  /** What the session answers next, one each; before `connect` those of the session that it opens. */
  script(...answers: MockAnswer[]): void {
    const socket = this.#sockets.at(-1);
    if (socket === undefined) this.#scripted.push(...answers);
    else socket.script(...answers);
  }

  /** The microphone hears silence for so long, in frames of 20 ms. */
  hears(ms: number): void {
    this.#devices.at(-1)?.hears(Math.round(ms / FRAME_MS));
  }

  /** The session hears the user say this. */
  userSays(text: string): void {
    this.socket.userSays(text);
  }
}

class MockSoundDevice implements SoundDevice {
  readonly microphone = null;
  readonly isBlocked = false;
  readonly #clock: ClientClock;
  readonly #listener: SoundListener;
  readonly #ledger = new PlaybackLedger(RATE);
  /** When what is played now began; null while nothing is. */
  #since: number | null = null;
  #timer: { cancel(): void } | null = null;

  constructor(clock: ClientClock, listener: SoundListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  hears(frames: number): void {
    for (let frame = 0; frame < frames; frame += 1) this.#listener.frame(new Int16Array(FRAME_SAMPLES));
  }

  play(part: Parameters<SoundDevice["play"]>[0], samples: Int16Array): boolean {
    this.#move();
    this.#since ??= this.#clock.now();
    this.#ledger.handed(part, samples.length);
    this.#timer?.cancel();
    this.#timer = this.#clock.after(this.#ledger.queuedMs, () => {
      this.#timer = null;
      this.#forget();
      this.#listener.silent();
    });
    return true;
  }

  stop(): ReturnType<SoundDevice["stop"]> {
    this.#move();
    const cut = this.#ledger.current();
    this.#timer?.cancel();
    this.#timer = null;
    this.#forget();
    return cut;
  }

  endOfSound(): void {}

  playStream(): void {}

  mute(): void {}

  levels(): { input: number; output: number } {
    return { input: 0, output: this.#since === null ? 0 : 0.5 };
  }

  resume(): void {}

  async close(): Promise<void> {
    this.stop();
  }

  #move(): void {
    if (this.#since !== null)
      this.#ledger.playedTo(Math.round(((this.#clock.now() - this.#since) * RATE) / 1_000));
  }

  #forget(): void {
    this.#ledger.clear();
    this.#since = null;
  }
}
