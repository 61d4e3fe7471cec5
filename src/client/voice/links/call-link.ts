/** A session as a WebRTC call: the offer goes through the gateway, the sound straight to the provider. */

import type { RealtimeEvent } from "../../../protocol/realtime.ts";
import { ConnectionError } from "../../transport/errors.ts";
import { VoiceError } from "../voice-errors.ts";
import { eventOf } from "./session-events.ts";
import type { OpenLink, VoiceLink } from "./voice-link.ts";

export type CreatePeer = () => RTCPeerConnection;

const CALLS = "/v1/realtime/calls";
/** What OpenAI's servers take their events from. */
const CHANNEL = "oai-events";
/** How long the provider may take to be connected once it has answered, ms. */
const OPEN_MS = 15_000;
/** A connection that is interrupted comes back by itself within so long, or not at all, ms. */
const INTERRUPTED_MS = 5_000;

/** `createPeer` is for tests. */
export function callLinks(createPeer: CreatePeer = () => new RTCPeerConnection()): OpenLink {
  return async ({ requester, model, session, microphone, signal }, listener) => {
    const { clock } = requester;
    const peer = createPeer();
    const channel = peer.createDataChannel(CHANNEL);
    const { promise: opened, resolve, reject } = Promise.withResolvers<void>();
    opened.catch(() => {});
    let isOpen = false;
    let isOver = false;
    let callId: string | null = null;
    let interrupted: { cancel(): void } | null = null;

    const end = () => {
      if (isOver) return false;
      isOver = true;
      interrupted?.cancel();
      signal.removeEventListener("abort", leave);
      channel.close();
      peer.close();
      return true;
    };
    const hangUp = () => {
      // Its end is seen by the provider too, later.
      if (callId !== null)
        requester
          .exchange("POST", `${CALLS}/${callId}/hangup`, { repeatable: true, maxRetries: 1 })
          .catch(() => {});
    };
    const fail = (message: string) => {
      const wasOpen = isOpen;
      if (!end()) return;
      if (wasOpen) listener.lost(new VoiceError(message, { code: null }));
      else reject(new ConnectionError(message));
    };
    const leave = () => {
      if (end()) reject(signal.reason);
    };
    signal.addEventListener("abort", leave);
    peer.onconnectionstatechange = () => {
      interrupted?.cancel();
      interrupted = null;
      const { connectionState } = peer;
      if (connectionState === "disconnected")
        interrupted = clock.after(INTERRUPTED_MS, () => fail("The call was interrupted."));
      else if (connectionState === "failed" || connectionState === "closed") fail("The call was lost.");
    };
    channel.onclose = () => fail("The call was ended.");
    channel.onopen = () => {
      isOpen = true;
      signal.removeEventListener("abort", leave);
      resolve();
    };
    channel.onmessage = ({ data }) => {
      const event = eventOf(data);
      if (!isOver && event !== null) listener.heard(event);
    };
    peer.ontrack = ({ streams, track }) => listener.sound(streams[0] ?? new MediaStream([track]));

    let late: { cancel(): void } | null = null;
    try {
      if (microphone === null) peer.addTransceiver("audio", { direction: "recvonly" });
      else peer.addTrack(microphone, new MediaStream([microphone]));
      await peer.setLocalDescription();
      const body = new FormData();
      body.set("sdp", peer.localDescription?.sdp ?? "");
      body.set("session", JSON.stringify({ ...fieldsOf(session), ...(model !== null && { model }) }));
      const { response, text } = await requester.exchange("POST", CALLS, { body, signal });
      callId = response.headers.get("location")?.split("/").pop() ?? null;
      await peer.setRemoteDescription({ type: "answer", sdp: text });
      late = clock.after(OPEN_MS, () => fail(`The provider was not connected within ${OPEN_MS} ms.`));
      await opened;
    } catch (error) {
      end();
      hangUp();
      throw error;
    } finally {
      late?.cancel();
    }
    const link: VoiceLink = {
      send: (event) => {
        if (channel.readyState === "open") channel.send(JSON.stringify(event));
      },
      get waitingBytes() {
        return channel.bufferedAmount;
      },
      close: () => {
        if (!end()) return;
        hangUp();
      },
    };
    return link;
  };
}

function fieldsOf({ session }: RealtimeEvent): object {
  return typeof session === "object" && session !== null ? session : {};
}
