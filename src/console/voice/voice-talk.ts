/** One talk at a time: a voice session as state for the page, from its start to what ended it. */

import {
  MicrophoneError,
  type RealtimeVoice,
  type TurnState,
  VoiceError,
  type VoiceEvents,
} from "../../client/voice/index.ts";
import { type TranscriptLine, withCut, withItem, withTranscript } from "./transcript-lines.ts";

/** `restoring`: the session was lost, and another one is being opened. */
export type TalkPhase = "off" | "starting" | "on" | "restoring";

export type TalkState = {
  readonly phase: TalkPhase;
  readonly turn: TurnState;
  /** The answer before this turn was cut off. */
  readonly wasInterrupted: boolean;
  readonly isMuted: boolean;
  readonly lines: readonly TranscriptLine[];
  /** After the first answer. */
  readonly spent: VoiceEvents["usage"] | null;
  /** What kept the session from beginning, or ended it. */
  readonly problem: string | null;
  /** Errors and warnings of a session that went on, newest last, without repeats. */
  readonly notes: readonly string[];
  /** Milliseconds since the epoch; null before the first session. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
};

export type TalkLevels = VoiceEvents["levels"];

const NOTHING: TalkState = {
  phase: "off",
  turn: "idle",
  wasInterrupted: false,
  isMuted: false,
  lines: [],
  spent: null,
  problem: null,
  notes: [],
  startedAt: null,
  endedAt: null,
};
const SILENT: TalkLevels = { input: 0, output: 0 };
const MOST_NOTES = 5;
/** What can be done about a microphone that cannot be had. */
const ADVICE: Readonly<Partial<Record<MicrophoneError["fault"], string>>> = {
  denied: "Allow it for this page in the browser (beside the address), then start again.",
  missing: "Connect one, then start again.",
  busy: "Close what uses it, then start again.",
};

export class VoiceTalk {
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  readonly #levelListeners = new Set<() => void>();
  #voice: RealtimeVoice | null = null;
  #state = NOTHING;
  #levels = SILENT;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  readonly state = (): TalkState => this.#state;
  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  /** Apart from the state, because they come ten times a second. */
  readonly levels = (): TalkLevels => this.#levels;
  readonly listenToLevels = (listener: () => void): (() => void) => {
    this.#levelListeners.add(listener);
    return () => this.#levelListeners.delete(listener);
  };

  /** Begins anew with this client, which is not connected yet; call it from a click. Does nothing during a talk. */
  async start(voice: RealtimeVoice): Promise<void> {
    if (this.#voice !== null) return;
    this.#voice = voice;
    const { isMuted } = this.#state;
    this.#set({ ...NOTHING, isMuted, phase: "starting" });
    this.#follow(voice);
    voice.mute(isMuted);
    try {
      await voice.connect();
    } catch (error) {
      if (this.#voice !== voice) return;
      voice.removeAllListeners();
      this.#voice = null;
      this.#set({ phase: "off", problem: sentenceOf(error) });
    }
  }

  /** Ends the session, and lets the microphone go. Again is no error. */
  async stop(): Promise<void> {
    const voice = this.#voice;
    if (voice === null) return;
    this.#ended(null);
    voice.removeAllListeners();
    await voice.disconnect();
  }

  mute(isMuted: boolean): void {
    this.#voice?.mute(isMuted);
    this.#set({ isMuted });
  }

  /** Stops the answer that is made or heard. */
  interrupt(): void {
    this.#voice?.interrupt();
  }

  #follow(voice: RealtimeVoice): void {
    voice
      .on("connected", () => this.#set({ phase: "on", startedAt: this.#now() }))
      .on("turn", ({ state }) =>
        this.#set({ turn: state, wasInterrupted: this.#state.wasInterrupted && state === "listening" }),
      )
      .on("interrupted", (cut) => this.#set({ wasInterrupted: true, lines: withCut(this.#state.lines, cut) }))
      .on("event", (event) => {
        const lines = withItem(this.#state.lines, event);
        if (lines !== this.#state.lines) this.#set({ lines });
      })
      .on("transcript", (said) => this.#set({ lines: withTranscript(this.#state.lines, said) }))
      .on("usage", (spent) => this.#set({ spent }))
      .on("levels", (levels) => this.#setLevels(levels))
      .on("warning", ({ message }) => this.#note(message))
      .on("error", ({ error }) => this.#note(sentenceOf(error)))
      .on("reconnecting", ({ error }) => {
        this.#set({ phase: "restoring" });
        this.#note(`The session was lost: ${sentenceOf(error)}`);
      })
      .on("reconnected", () => this.#set({ phase: "on" }))
      .on("disconnected", ({ error }) => {
        voice.removeAllListeners();
        this.#ended(error === undefined ? null : sentenceOf(error));
      });
  }

  #ended(problem: string | null): void {
    this.#voice = null;
    this.#setLevels(SILENT);
    this.#set({ phase: "off", turn: "idle", wasInterrupted: false, problem, endedAt: this.#now() });
  }

  #note(text: string): void {
    const others = this.#state.notes.filter((note) => note !== text);
    this.#set({ notes: [...others, text].slice(-MOST_NOTES) });
  }

  #set(change: Partial<TalkState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }

  #setLevels(levels: TalkLevels): void {
    this.#levels = levels;
    for (const listener of [...this.#levelListeners]) listener();
  }
}

/** With the code where there is one, and what can be done where that is known. */
function sentenceOf(error: unknown): string {
  if (error instanceof MicrophoneError) return [error.message, ADVICE[error.fault]].filter(Boolean).join(" ");
  if (error instanceof VoiceError && error.code !== null) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
