/** The baseline of `voice`: a relay between two sockets that parses and meters every message, and knows no keys, no money and no limits. */

import type { ServerWebSocket } from "bun";
import { hear, say, textArgument } from "../harness/child.ts";

type Meter = {
  messagesIn: number;
  messagesOut: number;
  audioInMs: number;
  audioOutMs: number;
  tokens: number;
};
type Session = { url: string; upstream: WebSocket | null; waiting: string[]; meter: Meter };
type Event = {
  type: string;
  audio?: string;
  delta?: string;
  response?: { usage?: { total_tokens: number } };
};

/** Base64 characters of a millisecond of PCM at 24 kHz. */
const CHARACTERS_OF_A_MS = 64;

const upstream = textArgument("upstream");
const server = Bun.serve<Session>({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  fetch(request, self) {
    const meter = { messagesIn: 0, messagesOut: 0, audioInMs: 0, audioOutMs: 0, tokens: 0 };
    const url = upstream + new URL(request.url).search;
    const data: Session = { url, upstream: null, waiting: [], meter };
    return self.upgrade(request, { data }) ? undefined : new Response("no socket", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    open: connect,
    message({ data }, message) {
      const text = String(message);
      const event = JSON.parse(text) as Event;
      data.meter.messagesIn += 1;
      if (event.type === "input_audio_buffer.append")
        data.meter.audioInMs += (event.audio?.length ?? 0) / CHARACTERS_OF_A_MS;
      if (data.upstream?.readyState === WebSocket.OPEN) data.upstream.send(text);
      else data.waiting.push(text);
    },
    close({ data }) {
      data.upstream?.close();
    },
  },
});
hear(() => {});
say("ready", { port: server.port });

function connect(socket: ServerWebSocket<Session>): void {
  const { data } = socket;
  const native = new WebSocket(data.url);
  data.upstream = native;
  native.onopen = () => {
    for (const text of data.waiting.splice(0)) native.send(text);
  };
  native.onmessage = ({ data: message }: MessageEvent<string>) => {
    const event = JSON.parse(message) as Event;
    data.meter.messagesOut += 1;
    if (event.type === "response.output_audio.delta")
      data.meter.audioOutMs += (event.delta?.length ?? 0) / CHARACTERS_OF_A_MS;
    else if (event.type === "response.done") data.meter.tokens += event.response?.usage?.total_tokens ?? 0;
    socket.send(message);
  };
  native.onclose = ({ code, reason }) => socket.close(code === 1006 ? 1011 : code, reason);
}
