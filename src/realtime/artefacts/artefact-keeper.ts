/** Keeps what is said in one session, as texts and as sound, in parts that are stored as it goes: a process that dies loses the last one. */

import { decodedBase64 } from "../../audio/base64-audio.ts";
import type { RealtimeEvent } from "../../protocol/realtime.ts";
import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../tasks/ports/log.ts";
import { AUDIO_APPEND, type ClientEvent } from "../session/client-event.ts";
import type { ArtefactFiles } from "./artefact-files.ts";
import { PART_MS, RECORDED_EVENTS, Recording } from "./recording.ts";
import { TRANSCRIBED_CLIENT_EVENT, TRANSCRIPT_EVENTS, TranscriptWriter } from "./transcript.ts";
import type { SessionWitness } from "./witness.ts";

export type ArtefactKeeperOptions = {
  readonly files: Pick<ArtefactFiles, "keepTranscript" | "keepSound">;
  readonly clock: Clock;
  readonly log: Log;
  readonly transcripts: boolean;
  readonly recordings: boolean;
};

export class ArtefactKeeper implements SessionWitness {
  readonly #options: ArtefactKeeperOptions;
  readonly #sessionId: string;
  readonly #transcript: TranscriptWriter | null;
  readonly #recording: Recording | null;
  /** Writes come one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #timer: TimerHandle;
  /** Whether what is stored says that there was more than is kept. */
  #saysIncomplete = false;
  #failed = false;

  /** `sessionId` as its record has it. */
  constructor(sessionId: string, options: ArtefactKeeperOptions) {
    this.#sessionId = sessionId;
    this.#options = options;
    const { clock, transcripts, recordings } = options;
    this.#transcript = transcripts ? new TranscriptWriter(() => clock.now()) : null;
    this.#recording = recordings ? new Recording(() => clock.monotonic()) : null;
    this.#timer = this.#keepLater();
  }

  toClient(event: RealtimeEvent): void {
    if (TRANSCRIPT_EVENTS.has(event.type)) this.#transcript?.toClient(event);
    if (RECORDED_EVENTS.has(event.type)) this.#recording?.toClient(event);
  }

  passedToClient(text: string, type: string): void {
    const isRead =
      (this.#transcript !== null && TRANSCRIPT_EVENTS.has(type)) ||
      (this.#recording !== null && RECORDED_EVENTS.has(type));
    if (!isRead) return;
    try {
      this.toClient(JSON.parse(text) as RealtimeEvent);
    } catch {
      // What the client cannot read either is not kept.
    }
  }

  fromClient(message: ClientEvent | Uint8Array): void {
    if (message instanceof Uint8Array) this.#recording?.heard(message);
    else if (message.type === TRANSCRIBED_CLIENT_EVENT) this.#transcript?.fromClient(message.event);
    else if (message.type === AUDIO_APPEND && this.#recording !== null) {
      const bytes = message.audio === null ? null : decodedBase64(message.audio);
      if (bytes !== null) this.#recording.heard(bytes);
    }
  }

  async ended(): Promise<void> {
    this.#timer.cancel();
    this.#keep(true);
    await this.#writing;
  }

  #keepLater(): TimerHandle {
    return this.#options.clock.after(PART_MS, () => {
      this.#keep(false);
      this.#timer = this.#keepLater();
    });
  }

  #keep(last: boolean): void {
    this.#writing = this.#writing.then(async () => {
      await this.#keepTexts();
      await this.#keepSound(last);
    });
  }

  async #keepTexts(): Promise<void> {
    const transcript = this.#transcript;
    const entries = transcript?.take() ?? [];
    if (transcript === null) return;
    const { complete } = transcript;
    if (entries.length === 0 && (complete || this.#saysIncomplete)) return;
    const { files, clock } = this.#options;
    try {
      await files.keepTranscript(this.#sessionId, { at: clock.now(), complete, entries });
      this.#saysIncomplete = !complete;
    } catch (error) {
      transcript.putBack(entries);
      this.#warn(error);
    }
  }

  /** A part that could not be kept is silence in the recording. */
  async #keepSound(last: boolean): Promise<void> {
    const recording = this.#recording;
    for (let part = recording?.take(last); part; part = recording?.take(last)) {
      try {
        await this.#options.files.keepSound(this.#sessionId, part);
      } catch (error) {
        this.#warn(error);
      }
    }
  }

  #warn(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.log.warn("what was said in a voice session could not be kept", {
      sessionId: this.#sessionId,
      cause: describeError(error),
    });
  }
}
