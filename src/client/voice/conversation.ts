/** What happens in a session, by its events: turns, what is played and cut off, what is asked for. Survives a change of session. */

import type { RealtimeEvent } from "../../protocol/realtime.ts";
import { fromBase64 } from "./base64.ts";
import { ConversationLog } from "./conversation-log.ts";
import { errorOfEvent } from "./links/session-events.ts";
import type { SoundDevice } from "./sound/sound-device.ts";
import { TurnTracker } from "./turn-tracker.ts";
import type { TurnState, VoiceEvents } from "./voice-events.ts";

/** A turn that is shorter is none: providers refuse less than 100 ms. */
const LEAST_TURN_FRAMES = 5;

export type ConversationOptions = {
  readonly device: SoundDevice;
  /** Sound comes through the session's own events; else a peer connection brings it. */
  readonly carriesSound: boolean;
  /** The user's voice stops an answer. */
  readonly isInterruptible: boolean;
  send(event: RealtimeEvent): void;
  tell<Name extends keyof VoiceEvents>(name: Name, payload: VoiceEvents[Name]): void;
};

export class Conversation {
  readonly #options: ConversationOptions;
  readonly #turns = new TurnTracker();
  readonly #log = new ConversationLog();
  #state: TurnState = "idle";
  /** Frames of the turn that the user says to be speaking; null: none. */
  #turnFrames: number | null = null;
  #responseDue = false;
  /** More came than may wait to be played, and that was said. */
  #isFull = false;

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  get state(): TurnState {
    return this.#state;
  }

  /** Whether the user says to be speaking. */
  get isTalking(): boolean {
    return this.#turnFrames !== null;
  }

  /** A frame was sent. */
  frameSent(): void {
    if (this.#turnFrames !== null) this.#turnFrames += 1;
  }

  heard(event: RealtimeEvent): void {
    const { tell } = this.#options;
    this.#turns.heard(event);
    tell("event", event);
    const transcript = this.#log.heard(event);
    if (transcript !== null) tell("transcript", transcript);
    this.#act(event);
    this.#tellTurn();
  }

  /** All that there was has been played. */
  silent(): void {
    this.#turns.silent();
    this.#tellTurn();
  }

  startTalking(): void {
    this.interrupt();
    this.#turnFrames = 0;
    this.#options.send({ type: "input_audio_buffer.clear" });
    this.#turns.talking(true);
    this.#tellTurn();
  }

  stopTalking(): void {
    const frames = this.#turnFrames;
    if (frames === null) return;
    const { send, carriesSound } = this.#options;
    this.#turnFrames = null;
    this.#turns.talking(false);
    if (carriesSound && frames < LEAST_TURN_FRAMES) send({ type: "input_audio_buffer.clear" });
    else {
      send({ type: "input_audio_buffer.commit" });
      this.#respond();
    }
    this.#tellTurn();
  }

  /** Stops the answer that is made or heard. */
  interrupt(): void {
    const { send, carriesSound } = this.#options;
    if (this.#turns.response !== null) send({ type: "response.cancel" });
    if (carriesSound) this.#cutOff();
    else if (this.#state === "speaking") send({ type: "output_audio_buffer.clear" });
    this.#tellTurn();
  }

  write(text: string): void {
    this.#log.said("user", text);
    const content = [{ type: "input_text", text }];
    this.#options.send({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content },
    });
    this.#respond();
  }

  giveResult(callId: string, output: string): void {
    const item = { type: "function_call_output", call_id: callId, output };
    this.#options.send({ type: "conversation.item.create", item });
    this.#respond();
  }

  /** Goes on in a session that knows nothing; how many texts it was told. */
  goOn(): number {
    this.#options.device.stop();
    this.#turns.reset();
    this.#turnFrames = null;
    this.#responseDue = false;
    const retold = this.#log.retold();
    for (const event of retold) this.#options.send(event);
    this.#tellTurn();
    return retold.length;
  }

  end(): void {
    this.#turns.reset();
    this.#tellTurn();
  }

  #act(event: RealtimeEvent): void {
    const { device, carriesSound, isInterruptible, tell } = this.#options;
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        if (carriesSound && isInterruptible) this.#cutOff();
        return;
      case "response.output_audio.delta":
        if (carriesSound) this.#play(event);
        return;
      case "response.output_audio.done":
        device.endOfSound();
        return;
      case "response.output_item.done":
        this.#called(event);
        return;
      case "response.done":
        if (this.#responseDue) this.#respond();
        return;
      case "conversation.item.truncated":
        if (!carriesSound)
          tell("interrupted", { itemId: String(event.item_id), heardMs: Number(event.audio_end_ms) });
        return;
      case "conduit.usage": {
        const { cost, usage } = event as unknown as VoiceEvents["usage"];
        tell("usage", { cost, usage });
        return;
      }
      case "conduit.warning":
        tell("warning", { code: String(event.code ?? "warning"), message: String(event.message ?? "") });
        return;
      case "error":
        tell("error", { error: errorOfEvent(event) });
        return;
      default:
        return;
    }
  }

  #play({ response_id, item_id, content_index, delta }: RealtimeEvent): void {
    if (typeof delta !== "string" || typeof item_id !== "string") return;
    if (!this.#turns.sounds(String(response_id))) return;
    const part = { itemId: item_id, contentIndex: typeof content_index === "number" ? content_index : 0 };
    const wasFull = this.#isFull;
    this.#isFull = !this.#options.device.play(part, fromBase64(delta));
    if (this.#isFull && !wasFull)
      this.#options.tell("warning", {
        code: "playback_full",
        message: "More sound came than may wait to be played: some of it was dropped.",
      });
  }

  #called({ item }: RealtimeEvent): void {
    const { type, name, call_id, arguments: given } = (item ?? {}) as { [field: string]: unknown };
    if (type !== "function_call") return;
    this.#options.tell("toolCall", {
      name: String(name),
      callId: String(call_id),
      arguments: String(given ?? "{}"),
    });
  }

  /** Plays no more of the answer there is, and tells the session how much of it was heard. */
  #cutOff(): void {
    const cut = this.#options.device.stop();
    this.#turns.cut();
    if (cut === null) return;
    const { part, heardMs } = cut;
    this.#options.send({
      type: "conversation.item.truncate",
      item_id: part.itemId,
      content_index: part.contentIndex,
      audio_end_ms: heardMs,
    });
    this.#options.tell("interrupted", { itemId: part.itemId, heardMs });
  }

  /** Asks for an answer; while one is made, once that has ended. */
  #respond(): void {
    this.#responseDue = this.#turns.response !== null;
    if (!this.#responseDue) this.#options.send({ type: "response.create" });
  }

  #tellTurn(): void {
    const { state } = this.#turns;
    if (state === this.#state) return;
    this.#state = state;
    this.#options.tell("turn", { state });
  }
}
