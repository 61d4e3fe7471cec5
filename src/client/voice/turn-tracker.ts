/** Whose turn it is, and which answer is open, by the session's events. Pure. */

import type { RealtimeEvent } from "../../protocol/realtime.ts";
import type { TurnState } from "./voice-events.ts";

const MOST_CUT = 32;

export class TurnTracker {
  #userSpeaks = false;
  #response: string | null = null;
  /** An answer is being heard; it may run dry before more of it comes. */
  #sounds = false;
  #isDry = false;
  /** Answers that were interrupted: what still comes of them is not played. */
  readonly #cut = new Set<string>();

  get state(): TurnState {
    if (this.#userSpeaks) return "listening";
    if (this.#sounds && !(this.#isDry && this.#response === null)) return "speaking";
    return this.#response === null ? "idle" : "thinking";
  }

  /** The answer that is being made; null when there is none. */
  get response(): string | null {
    return this.#response;
  }

  heard(event: RealtimeEvent): void {
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        this.#userSpeaks = true;
        return;
      case "input_audio_buffer.speech_stopped":
      case "input_audio_buffer.committed":
      case "input_audio_buffer.cleared":
        this.#userSpeaks = false;
        return;
      case "response.created":
        this.#response = responseIdOf(event);
        return;
      case "response.done":
        this.#response = null;
        return;
      case "output_audio_buffer.started":
        this.#sounds = true;
        this.#isDry = false;
        return;
      case "output_audio_buffer.stopped":
      case "output_audio_buffer.cleared":
        this.#sounds = false;
        return;
      default:
        return;
    }
  }

  /** The user speaks, or stopped, as the client itself knows. */
  talking(isTalking: boolean): void {
    this.#userSpeaks = isTalking;
  }

  /** Whether sound of this answer is to be played; from then on it is being heard. */
  sounds(responseId: string): boolean {
    if (this.#cut.has(responseId)) return false;
    this.#sounds = true;
    this.#isDry = false;
    return true;
  }

  /** All that there was has been played. */
  silent(): void {
    this.#isDry = true;
  }

  /** The open answer is not to be heard any more. */
  cut(): void {
    this.#sounds = false;
    if (this.#response === null) return;
    this.#cut.add(this.#response);
    if (this.#cut.size > MOST_CUT) for (const oldest of [...this.#cut].slice(0, 1)) this.#cut.delete(oldest);
  }

  /** A session that is new knows nothing of the one before. */
  reset(): void {
    this.#userSpeaks = false;
    this.#response = null;
    this.#sounds = false;
    this.#cut.clear();
  }
}

function responseIdOf({ response }: RealtimeEvent): string {
  const { id } = (response ?? {}) as { id?: unknown };
  return typeof id === "string" ? id : "";
}
