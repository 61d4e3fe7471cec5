/** What a signal to stop means when it is not the first one. */

/** A process group is told twice: by the terminal, and by the program that started it and passes the signal on. */
const SAME_WISH_MS = 2_000;
/** A shell reports a process that a signal ended as this and the signal's number. */
const EXIT_BY_SIGNAL = 128;
const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

export type StopSignal = keyof typeof NUMBERS;
export type StopRequest = "stop" | "ignore" | "end";

export class StopSignals {
  #first: { readonly signal: StopSignal; readonly atMs: number } | null = null;

  /** The first one stops gracefully, the same again within 2 s says nothing new, any other ends the process at once. */
  take(signal: StopSignal, nowMs: number): StopRequest {
    if (this.#first === null) {
      this.#first = { signal, atMs: nowMs };
      return "stop";
    }
    return signal === this.#first.signal && nowMs - this.#first.atMs < SAME_WISH_MS ? "ignore" : "end";
  }
}

/** The exit code of a process that a signal ends at once. */
export function exitCodeOf(signal: StopSignal): number {
  return EXIT_BY_SIGNAL + NUMBERS[signal];
}
