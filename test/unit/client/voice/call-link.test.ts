/** A call of a page, on a peer connection and a network of the test: how it is asked for, and every way in which it ends. */

import { describe, expect, test } from "vitest";
import { Requester } from "../../../../src/client/transport/requester.ts";
import { callLinks } from "../../../../src/client/voice/links/call-link.ts";
import type { VoiceLink } from "../../../../src/client/voice/links/voice-link.ts";
import { sessionRequest } from "../../../../src/client/voice/session-request.ts";
import type { VoiceSessionFields } from "../../../../src/client/voice/voice-events.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";

type Sent = { url: string; method: string; body: FormData | null; keepalive: boolean };

class PagePeer {
  connectionState: RTCPeerConnectionState = "new";
  onconnectionstatechange: (() => void) | null = null;
  ontrack: unknown = null;
  localDescription: { sdp: string } | null = null;
  answer = "";
  isClosed = false;
  readonly channel = {
    readyState: "connecting" as RTCDataChannelState,
    bufferedAmount: 0,
    sent: [] as string[],
    onopen: null as (() => void) | null,
    onclose: null as (() => void) | null,
    onmessage: null as ((event: { data: unknown }) => void) | null,
    send(text: string) {
      this.sent.push(text);
    },
    close() {
      this.readyState = "closed";
    },
  };

  createDataChannel() {
    return this.channel;
  }
  addTransceiver() {}
  async setLocalDescription() {
    this.localDescription = { sdp: "v=0 offer" };
  }
  async setRemoteDescription({ sdp }: { sdp: string }) {
    this.answer = sdp;
  }
  close() {
    this.isClosed = true;
  }
  connected() {
    this.channel.readyState = "open";
    this.channel.onopen?.();
  }
  become(state: RTCPeerConnectionState) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

function world(fields: VoiceSessionFields = {}, status = 201) {
  const clock = new ManualClock();
  const peer = new PagePeer();
  const sent: Sent[] = [];
  const said: string[] = [];
  const stop = new AbortController();
  const fetch = async (url: string, { method = "GET", body, keepalive = false }: RequestInit) => {
    sent.push({ url, method, body: body instanceof FormData ? body : null, keepalive });
    if (url.endsWith("/hangup")) return new Response(null);
    if (status !== 201)
      return Response.json({ error: { message: "Too poor.", code: "budget_exceeded" } }, { status });
    return new Response("v=0 answer", { status, headers: { location: "/v1/realtime/calls/rtc_1" } });
  };
  const link = callLinks(() => peer as unknown as RTCPeerConnection)(
    {
      requester: new Requester({ virtualKey: "ek_a", baseUrl: "https://gateway.test", fetch, clock }),
      model: "openai/gpt-realtime-2.1",
      session: sessionRequest(fields, { carriesSound: false, pushToTalk: false }),
      microphone: null,
      heartbeatMs: 15_000,
      signal: stop.signal,
    },
    {
      heard: ({ type }) => said.push(type),
      sound: () => said.push("sound"),
      lost: ({ message }) => said.push(message),
    },
  );
  link.catch(() => {});
  return { clock, peer, sent, said, stop, link, paths: () => sent.map(({ url }) => new URL(url).pathname) };
}

async function opened(): Promise<ReturnType<typeof world> & { open: VoiceLink }> {
  const made = world();
  await settled();
  made.peer.connected();
  return { ...made, open: await made.link };
}

const MADE = "/v1/realtime/calls";
const HUNG_UP = "/v1/realtime/calls/rtc_1/hangup";

describe("a call", () => {
  test("sends its offer with the session that was asked for, and takes the answer", async () => {
    const { peer, sent, link } = world({ instructions: "Be brief." });
    await settled();
    peer.connected();
    await link;
    expect(sent[0]?.url).toBe("https://gateway.test/v1/realtime/calls?model=openai%2Fgpt-realtime-2.1");
    expect(sent[0]?.body?.get("sdp")).toBe("v=0 offer");
    expect(JSON.parse(String(sent[0]?.body?.get("session")))).toEqual({
      type: "realtime",
      instructions: "Be brief.",
    });
    expect(peer.answer).toBe("v=0 answer");
  });

  test("leaves the session to its key where nothing is asked for", async () => {
    const { sent } = await opened();
    expect(sent[0]?.body?.has("session")).toBe(false);
  });

  test("carries events both ways over its channel", async () => {
    const { open, peer, said } = await opened();
    open.send({ type: "response.create" });
    peer.channel.onmessage?.({ data: '{"type":"response.created"}' });
    peer.channel.onmessage?.({ data: "no event" });
    expect(peer.channel.sent).toEqual(['{"type":"response.create"}']);
    expect(said).toEqual(["response.created"]);
  });

  test("is hung up before its connection is dropped, by a request that outlives the page", async () => {
    const { open, peer, sent, said, paths } = await opened();
    open.close();
    open.close();
    expect(peer.isClosed).toBe(false);
    await settled();
    expect(paths()).toEqual([MADE, HUNG_UP]);
    expect([sent[1]?.keepalive, peer.isClosed, said]).toEqual([true, true, []]);
  });

  test.each(["failed", "closed"] as const)(
    "is lost and hung up when its connection has %s",
    async (state) => {
      const { peer, said, paths } = await opened();
      peer.become(state);
      peer.channel.onclose?.();
      await settled();
      expect(said).toEqual(["The call was lost."]);
      expect([paths(), peer.isClosed]).toEqual([[MADE, HUNG_UP], true]);
    },
  );

  test("is lost when the other side closes its channel", async () => {
    const { peer, said } = await opened();
    peer.channel.onclose?.();
    expect(said).toEqual(["The call was ended."]);
  });

  test("may be interrupted for five seconds", async () => {
    const { peer, said, clock } = await opened();
    peer.become("disconnected");
    await clock.advance(4_999);
    peer.become("connected");
    await clock.advance(60_000);
    expect(said).toEqual([]);
    peer.become("disconnected");
    await clock.advance(5_000);
    expect(said).toEqual(["The call was interrupted."]);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("a call that does not come about", () => {
  test("rejects with what the gateway says", async () => {
    const { link, peer, paths } = world({}, 402);
    await expect(link).rejects.toMatchObject({ name: "BudgetExceededError", code: "budget_exceeded" });
    expect([paths(), peer.isClosed]).toEqual([[MADE], true]);
  });

  test("is hung up when the provider is not connected within 15 s", async () => {
    const { link, peer, clock, paths, said } = world();
    await settled();
    const outcome = expect(link).rejects.toThrow("within 15000 ms");
    await clock.advance(15_000);
    await outcome;
    await settled();
    expect([paths(), peer.isClosed, said]).toEqual([[MADE, HUNG_UP], true, []]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("is hung up when it is given up after the answer", async () => {
    const { link, peer, stop, paths } = world();
    await settled();
    stop.abort(new Error("given up"));
    await expect(link).rejects.toThrow("given up");
    await settled();
    expect([paths(), peer.isClosed]).toEqual([[MADE, HUNG_UP], true]);
  });
});
