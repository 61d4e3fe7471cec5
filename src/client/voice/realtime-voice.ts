/** `RealtimeVoice`: a spoken conversation from a page, by its microphone and speaker. */

import type { RealtimeEvent } from "../../protocol/realtime.ts";
import { Emitter } from "../realtime/emitter.ts";
import { ConduitError } from "../transport/errors.ts";
import { Requester } from "../transport/requester.ts";
import { toBase64 } from "./base64.ts";
import { Conversation } from "./conversation.ts";
import { callLinks } from "./links/call-link.ts";
import { socketLinks } from "./links/socket-link.ts";
import type { OpenLink } from "./links/voice-link.ts";
import { interruptsByVoice, sessionRequest } from "./session-request.ts";
import { openBrowserDevice } from "./sound/browser-device.ts";
import type { OpenSoundDevice, SoundDevice } from "./sound/sound-device.ts";
import { VoiceConnection } from "./voice-connection.ts";
import type { TurnState, VoiceEvents, VoiceOptions, VoiceTransport } from "./voice-events.ts";

const HEARTBEAT_MS = 15_000;
const MAX_RECONNECT_ATTEMPTS = 5;
const PLAYBACK_LEAD_MS = 60;
const PLAYBACK_MOST_MS = 300_000;
const LEVELS_EVERY_MS = 100;
/** More than so much unsent sound is of no use to a conversation: about 4 s. */
const MOST_WAITING_BYTES = 262_144;

/** What a test puts in the place of the browser. */
export type VoiceParts = { openDevice: OpenSoundDevice; openLink: OpenLink };

type Live = {
  readonly connection: VoiceConnection;
  readonly device: SoundDevice;
  readonly conversation: Conversation;
};

export class RealtimeVoice extends Emitter<VoiceEvents> {
  readonly #options: VoiceOptions;
  readonly #requester: Requester;
  readonly #transport: VoiceTransport;
  readonly #parts: VoiceParts;
  #live: Live | null = null;
  /** Of the last `disconnect`, or of a session that ended by itself: what comes next waits for it. */
  #ending: Promise<void> = Promise.resolve();
  /** Of `connect`, while it goes on or holds. */
  #connecting: { readonly done: Promise<void>; readonly stop: AbortController } | null = null;
  #isMuted = false;
  /** The connection is too slow for the microphone, and that was said. */
  #isSlow = false;
  #levelTimer: { cancel(): void } | null = null;

  /** Throws a `TypeError` without a key, and outside of a page without `baseUrl`. */
  constructor(options: VoiceOptions, parts?: Partial<VoiceParts>) {
    super();
    this.#options = options;
    this.#requester = new Requester(options);
    this.#transport = options.transport ?? "websocket";
    this.#parts = {
      openDevice: parts?.openDevice ?? openBrowserDevice,
      openLink: parts?.openLink ?? (this.#carriesSound ? socketLinks() : callLinks()),
    };
  }

  /** False also while a lost session is opened again. */
  get isConnected(): boolean {
    return this.#live?.connection.isOpen ?? false;
  }

  get turn(): TurnState {
    return this.#live?.conversation.state ?? "idle";
  }

  get isMuted(): boolean {
    return this.#isMuted;
  }

  /**
   * Opens the microphone and a session; call it from a click, so that the page may play. Rejects with a `MicrophoneError`, with a
   * `StatusError` or `VoiceError` where the gateway refuses, with a `ConnectionError` where it cannot be reached.
   */
  connect(): Promise<void> {
    if (this.#connecting === null) {
      const stop = new AbortController();
      const connecting = { stop, done: this.#connect(stop.signal) };
      this.#connecting = connecting;
      connecting.done.catch(() => {
        if (this.#connecting === connecting) this.#connecting = null;
      });
    }
    return this.#connecting.done;
  }

  /** Ends the session and lets the microphone go. Again is no error. */
  disconnect(): Promise<void> {
    const connecting = this.#connecting;
    this.#connecting = null;
    connecting?.stop.abort(new ConduitError("The voice session was ended by disconnect."));
    const before = this.#ending;
    const ending = (async () => {
      await Promise.all([before, connecting?.done.catch(() => {})]);
      await this.#end({});
    })();
    this.#ending = ending.catch(() => {});
    return ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
  }

  /** A muted microphone sends silence, so that a turn that was begun ends. */
  mute(isMuted = true): void {
    this.#isMuted = isMuted;
    this.#setMicrophone();
  }

  /** With push to talk: the user speaks from here on. An answer that is heard is interrupted. */
  startTalking(): void {
    if (!this.#options.pushToTalk)
      throw new ConduitError("startTalking is for sessions with pushToTalk: true.");
    const live = this.#live;
    if (live === null || live.conversation.isTalking) return;
    live.device.resume();
    live.conversation.startTalking();
    this.#setMicrophone();
  }

  /** With push to talk: what was said is answered. */
  stopTalking(): void {
    this.#live?.conversation.stopTalking();
    this.#setMicrophone();
  }

  /** Stops the answer that is made or heard. */
  interrupt(): void {
    this.#live?.conversation.interrupt();
  }

  /** Says something in writing, and has it answered. */
  sendText(text: string): void {
    this.#live?.conversation.write(text);
  }

  /** What a tool that was called gave, and has the conversation go on with it. */
  sendToolResult(callId: string, output: string): void {
    this.#live?.conversation.giveResult(callId, output);
  }

  /** Any event of the Realtime protocol. While there is no session it is dropped. */
  send(event: RealtimeEvent): void {
    this.#live?.connection.send(event);
  }

  get #carriesSound(): boolean {
    return this.#transport === "websocket";
  }

  async #connect(stop: AbortSignal): Promise<void> {
    await this.#ending;
    stop.throwIfAborted();
    const device = await this.#openDevice();
    const connection = this.#connection(device, stop);
    const leave = () => connection.close();
    stop.addEventListener("abort", leave);
    try {
      stop.throwIfAborted();
      this.#live = { connection, device, conversation: this.#conversation(device, connection) };
      this.#setMicrophone();
      await connection.open();
    } catch (error) {
      this.#live = null;
      connection.close();
      await device.close();
      throw stop.aborted ? stop.reason : error;
    } finally {
      stop.removeEventListener("abort", leave);
    }
    this.#watchLevels();
    this.emit("connected", { transport: this.#transport });
    if (device.isBlocked)
      this.emit("warning", {
        code: "playback_blocked",
        message: "The page may not play sound before its user has clicked in it.",
      });
  }

  #openDevice(): Promise<SoundDevice> {
    const { microphone = {}, workletUrl, playbackLeadMs, playbackMostMs } = this.#options;
    return this.#parts.openDevice(
      {
        microphone,
        carriesSound: this.#carriesSound,
        workletUrl: workletUrl === undefined ? null : String(workletUrl),
        leadMs: playbackLeadMs ?? PLAYBACK_LEAD_MS,
        mostMs: playbackMostMs ?? PLAYBACK_MOST_MS,
      },
      {
        frame: (samples) => this.#frame(samples),
        silent: () => this.#live?.conversation.silent(),
        lost: (error) => this.emit("error", { error }),
      },
    );
  }

  #connection(device: SoundDevice, stop: AbortSignal): VoiceConnection {
    const options = this.#options;
    return new VoiceConnection(
      {
        requester: this.#requester,
        model: options.model ?? null,
        session: sessionRequest(options.session ?? {}, {
          carriesSound: this.#carriesSound,
          pushToTalk: options.pushToTalk ?? false,
        }),
        microphone: device.microphone,
        heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
        mostAttempts: options.maxReconnectAttempts ?? MAX_RECONNECT_ATTEMPTS,
      },
      this.#parts.openLink,
      {
        heard: (event) => this.#live?.conversation.heard(event),
        sound: (stream) => device.playStream(stream),
        reconnecting: (attempt, error) => this.emit("reconnecting", { attempt, error }),
        reconnected: () => {
          const restoredItems = this.#live?.conversation.goOn() ?? 0;
          this.#setMicrophone();
          this.emit("reconnected", { restoredItems });
        },
        over: (error) => {
          if (this.#connecting?.stop.signal === stop) this.#connecting = null;
          this.#ending = this.#end({ error }).catch(() => {});
        },
      },
    );
  }

  #conversation(device: SoundDevice, connection: VoiceConnection): Conversation {
    return new Conversation({
      device,
      carriesSound: this.#carriesSound,
      isInterruptible: interruptsByVoice(this.#options.session ?? {}),
      send: (event) => connection.send(event),
      tell: (name, payload) => this.emit(name, payload),
    });
  }

  async #end(payload: { error?: Error }): Promise<void> {
    const live = this.#live;
    if (live === null) return;
    this.#live = null;
    this.#levelTimer?.cancel();
    this.#levelTimer = null;
    this.#isSlow = false;
    live.connection.close();
    await live.device.close();
    live.conversation.end();
    this.emit("disconnected", payload);
  }

  #frame(samples: Int16Array): void {
    const live = this.#live;
    if (live === null || !live.connection.isOpen) return;
    if (this.#options.pushToTalk && !live.conversation.isTalking) return;
    const wasSlow = this.#isSlow;
    this.#isSlow = live.connection.waitingBytes > MOST_WAITING_BYTES;
    if (!this.#isSlow) {
      live.connection.send({ type: "input_audio_buffer.append", audio: toBase64(samples) });
      live.conversation.frameSent();
    } else if (!wasSlow)
      this.emit("warning", {
        code: "uplink_slow",
        message: "The connection is too slow for the microphone: some of what was said is dropped.",
      });
  }

  #setMicrophone(): void {
    const live = this.#live;
    const listens = !this.#options.pushToTalk || live?.conversation.isTalking === true;
    live?.device.mute(this.#isMuted || !listens);
  }

  #watchLevels(): void {
    const everyMs = this.#options.levelsEveryMs ?? LEVELS_EVERY_MS;
    if (everyMs <= 0) return;
    const { clock } = this.#requester;
    const look = () => {
      if (this.#live === null) return;
      this.emit("levels", this.#live.device.levels());
      this.#levelTimer = clock.after(everyMs, look);
    };
    this.#levelTimer = clock.after(everyMs, look);
  }
}
