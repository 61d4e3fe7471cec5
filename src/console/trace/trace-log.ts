/** What went over a connection, newest last: bounded, without secrets, and told to the page a few times a second however much comes. */

/** `in` is from the gateway; `note` is what the page itself has to say of the connection. */
export type FrameDirection = "in" | "out" | "note";

export type TraceFrame = {
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly direction: FrameDirection;
  /** As it was on the wire, in UTF-8. */
  readonly bytes: number;
  /** As it was on the wire but for secrets; its beginning, where it is long. */
  readonly text: string;
};

export type TraceView = {
  readonly frames: readonly TraceFrame[];
  readonly isPaused: boolean;
  /** Frames that came since the pause. */
  readonly waiting: number;
  /** Frames that were let go since the last clearing, because there were too many. */
  readonly dropped: number;
};

export const MOST_FRAMES = 1_000;
/** Of one frame; the rest of it is counted and not kept. */
export const MOST_FRAME_CHARACTERS = 20_000;
const TELL_EVERY_MS = 100;
/** Keys of any kind, in case one is within what a frame says. */
const KEY_FORMS = /\b(?:condt|ek)_[\w-]{12,}/g;
const HIDDEN = "[hidden]";
const UTF8 = new TextEncoder();
const NOTHING: TraceView = { frames: [], isPaused: false, waiting: 0, dropped: 0 };

export type TraceTime = {
  now(): number;
  /** Calls once, later. */
  after(ms: number, act: () => void): void;
};

const SYSTEM_TIME: TraceTime = {
  now: Date.now,
  after: (ms, act) => void setTimeout(act, ms),
};

export class TraceLog {
  readonly #time: TraceTime;
  readonly #listeners = new Set<() => void>();
  readonly #secrets = new Set<string>();
  #frames: TraceFrame[] = [];
  #view = NOTHING;
  #count = 0;
  #dropped = 0;
  #countAtPause = 0;
  #isTelling = false;

  constructor(time: TraceTime = SYSTEM_TIME) {
    this.#time = time;
  }

  readonly view = (): TraceView => this.#view;
  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** What no frame may show from now on. */
  hide(secret: string): void {
    if (secret !== "") this.#secrets.add(secret);
  }

  add(direction: FrameDirection, text: string): void {
    this.#count += 1;
    const bytes = UTF8.encode(text).byteLength;
    const shown = this.#withoutSecrets(text);
    const kept = shown.length > MOST_FRAME_CHARACTERS ? `${shown.slice(0, MOST_FRAME_CHARACTERS)} …` : shown;
    this.#frames.push({ id: this.#count, at: this.#time.now(), direction, bytes, text: kept });
    if (this.#frames.length > MOST_FRAMES) {
      this.#frames.shift();
      this.#dropped += 1;
    }
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.#time.after(TELL_EVERY_MS, () => {
      this.#isTelling = false;
      this.#tell();
    });
  }

  /** What is shown stands still; what comes is kept all the same. */
  pause(isPaused: boolean): void {
    if (isPaused === this.#view.isPaused) return;
    this.#tell();
    this.#countAtPause = this.#count;
    this.#view = { ...this.#view, isPaused, waiting: 0 };
    this.#tell();
  }

  clear(): void {
    this.#frames = [];
    this.#dropped = 0;
    this.#countAtPause = this.#count;
    this.#view = { ...NOTHING, isPaused: this.#view.isPaused };
    this.#tell();
  }

  #withoutSecrets(text: string): string {
    let shown = text;
    for (const secret of this.#secrets) shown = shown.replaceAll(secret, HIDDEN);
    return shown.replace(KEY_FORMS, HIDDEN);
  }

  #tell(): void {
    this.#view = this.#view.isPaused
      ? { ...this.#view, waiting: this.#count - this.#countAtPause }
      : { frames: [...this.#frames], isPaused: false, waiting: 0, dropped: this.#dropped };
    for (const listener of [...this.#listeners]) listener();
  }
}
