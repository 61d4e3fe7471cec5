/** A session as a WebRTC call: the offer goes through the gateway, the sound straight to the provider. */

import type { RealtimeEvent } from "../../../protocol/realtime.ts";
import { ConnectionError } from "../../transport/errors.ts";
import { VoiceError } from "../voice-errors.ts";
import { eventOf } from "./session-events.ts";
import type { LinkListener, LinkOptions, OpenLink, VoiceLink } from "./voice-link.ts";

export type CreatePeer = () => RTCPeerConnection;

const CALLS = "/v1/realtime/calls";
/** What OpenAI's servers take their events from. */
const CHANNEL = "oai-events";
/** How long the provider may take to be connected once it has answered, ms. */
const OPEN_MS = 15_000;
/** A connection that is interrupted comes back by itself within so long, or not at all, ms. */
const INTERRUPTED_MS = 5_000;
const HANG_UP_MS = 5_000;

/** `createPeer` is for tests. */
export function callLinks(createPeer: CreatePeer = () => new RTCPeerConnection()): OpenLink {
  return async (options, listener) => {
    const link = new CallLink(createPeer(), options, listener);
    await link.open();
    return link;
  };
}

class CallLink implements VoiceLink {
  readonly #peer: RTCPeerConnection;
  readonly #channel: RTCDataChannel;
  readonly #options: LinkOptions;
  readonly #listener: LinkListener;
  readonly #opened = Promise.withResolvers<void>();
  #isOpen = false;
  #isOver = false;
  #callId: string | null = null;
  /** Until the provider is connected, or while the connection is interrupted. */
  #timer: { cancel(): void } | null = null;

  constructor(peer: RTCPeerConnection, options: LinkOptions, listener: LinkListener) {
    this.#peer = peer;
    this.#options = options;
    this.#listener = listener;
    this.#channel = peer.createDataChannel(CHANNEL);
    // Rejected before anybody waits for it, it is no unhandled rejection.
    this.#opened.promise.catch(() => {});
    options.signal.addEventListener("abort", this.#leave);
    peer.onconnectionstatechange = () => this.#stateChanged();
    peer.ontrack = ({ streams, track }) => listener.sound(streams[0] ?? new MediaStream([track]));
    this.#channel.onopen = () => {
      this.#isOpen = true;
      this.#timer?.cancel();
      options.signal.removeEventListener("abort", this.#leave);
      this.#opened.resolve();
    };
    this.#channel.onclose = () => this.#fail("The call was ended.");
    this.#channel.onmessage = ({ data }) => {
      const event = eventOf(data);
      if (!this.#isOver && event !== null) listener.heard(event);
    };
  }

  get waitingBytes(): number {
    return this.#channel.bufferedAmount;
  }

  /** Makes the call; rejects as `OpenLink` does, and leaves nothing behind then. */
  async open(): Promise<void> {
    const { requester, microphone, signal } = this.#options;
    try {
      if (microphone === null) this.#peer.addTransceiver("audio", { direction: "recvonly" });
      else this.#peer.addTrack(microphone, new MediaStream([microphone]));
      await this.#peer.setLocalDescription();
      const { response, text } = await requester.exchange("POST", CALLS, { ...this.#offer(), signal });
      this.#callId = response.headers.get("location")?.split("/").pop() ?? null;
      await this.#peer.setRemoteDescription({ type: "answer", sdp: text });
      if (!this.#isOpen)
        this.#timer = requester.clock.after(OPEN_MS, () =>
          this.#fail(`The provider was not connected within ${OPEN_MS} ms.`),
        );
      await this.#opened.promise;
    } catch (error) {
      this.#end();
      void this.#hangUp();
      this.#drop();
      throw error;
    }
  }

  send(event: RealtimeEvent): void {
    if (this.#channel.readyState === "open") this.#channel.send(JSON.stringify(event));
  }

  close(): void {
    // In this order the gateway knows that it was its client who ended the call.
    if (this.#end()) void this.#hangUp().finally(() => this.#drop());
  }

  #offer(): { query: { model?: string }; body: FormData } {
    const { model, session } = this.#options;
    const body = new FormData();
    body.set("sdp", this.#peer.localDescription?.sdp ?? "");
    // Without one the call has the session that its key was made for.
    if (asksForSomething(session)) body.set("session", JSON.stringify(session.session));
    return { query: model === null ? {} : { model }, body };
  }

  #stateChanged(): void {
    const { connectionState } = this.#peer;
    if (connectionState === "failed" || connectionState === "closed") this.#fail("The call was lost.");
    if (!this.#isOpen) return;
    this.#timer?.cancel();
    this.#timer = null;
    if (connectionState === "disconnected" && !this.#isOver)
      this.#timer = this.#options.requester.clock.after(INTERRUPTED_MS, () =>
        this.#fail("The call was interrupted."),
      );
  }

  readonly #leave = () => {
    if (this.#end()) this.#opened.reject(this.#options.signal.reason);
  };

  #fail(message: string): void {
    const wasOpen = this.#isOpen;
    if (!this.#end()) return;
    if (!wasOpen) {
      this.#opened.reject(new ConnectionError(message));
      return;
    }
    void this.#hangUp();
    this.#drop();
    this.#listener.lost(new VoiceError(message, { code: null }));
  }

  /** Whether it was not over before. */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#options.signal.removeEventListener("abort", this.#leave);
    return true;
  }

  /** A provider that is only left finds out late, and is paid until then. */
  async #hangUp(): Promise<void> {
    if (this.#callId === null) return;
    const { requester } = this.#options;
    const how = { repeatable: true, keepalive: true, maxRetries: 1, timeoutMs: HANG_UP_MS };
    await requester.exchange("POST", `${CALLS}/${this.#callId}/hangup`, how).catch(() => {});
  }

  #drop(): void {
    this.#channel.close();
    this.#peer.close();
  }
}

/** Whether there is more in a session's configuration than what kind it is. */
function asksForSomething({ session }: RealtimeEvent): boolean {
  return Object.keys(session ?? {}).some((field) => field !== "type");
}
