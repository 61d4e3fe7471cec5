/**
 * The end of an event stream. What came before, the last event and the end of the body leave in turns of their own: Go's
 * client (0.8.0) and Python's signalrcore (1.0.2) lose data that they read together with the end.
 */

/** Between two of them, ms: long enough for a client to have read what came before. */
export const TURN_MS = 50;

/** The timer of the host. */
export interface TurnTimer {
  after(ms: number, callback: () => void): unknown;
}

/** Sends the last event, if there is one, and then ends the stream. */
export function endInTurns(send: (() => void) | null, end: () => void, timer: TurnTimer): void {
  timer.after(TURN_MS, () => {
    if (send === null) end();
    else {
      send();
      timer.after(TURN_MS, end);
    }
  });
}
