/**
 * A provider of voice sessions over TLS for the voice benches. Under `/v1/realtime` it speaks OpenAI's GA events, under any other path
 * Gemini Live; every piece of sound comes back as a piece of the answer, and each second of it is a response with usage.
 *
 * Hears `behave` {as}: see `Behaviour`; says `behaving`.
 */

import { join } from "node:path";
import type { ServerWebSocket } from "bun";
import { hear, say } from "../harness/child.ts";

/**
 * `echo`: as above. `burst`: says a handful of events the moment a session is open, and closes it in the same turn. `refuse`: answers the
 * handshake with 503. `unauthorized`: with 401. `vanish`: breaks the connection as soon as it is open. `mute`: never answers.
 */
export type Behaviour = "echo" | "burst" | "refuse" | "unauthorized" | "vanish" | "mute";

type Session = { dialect: "openai" | "gemini"; frames: number; responseId: string };
type Socket = ServerWebSocket<Session>;

/** For `localhost`, valid for a hundred years, trusted by whoever is told to; its key is beside it. */
const CERTIFICATE = join(import.meta.dir, "voice-certificate.pem");
/** A second at 50 pieces a second. */
const FRAMES_OF_A_RESPONSE = 50;
/** 20 ms of PCM at 24 kHz in base64. */
const SOUND = "A".repeat(1_280);
const AUDIO_FIELD = '"audio":"';
const BURST_EVENTS = 20;

let behaviour: Behaviour = "echo";
let sessions = 0;

const server = Bun.serve<Session>({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  tls: { cert: Bun.file(CERTIFICATE), key: Bun.file(CERTIFICATE) },
  fetch(request, self) {
    if (behaviour === "refuse") return new Response("no", { status: 503 });
    if (behaviour === "unauthorized") return new Response("no", { status: 401 });
    if (behaviour === "mute") return new Promise<Response>(() => {});
    const dialect = new URL(request.url).pathname.endsWith("/v1/realtime") ? "openai" : "gemini";
    sessions += 1;
    const data: Session = { dialect, frames: 0, responseId: `resp_${sessions}` };
    return self.upgrade(request, { data }) ? undefined : new Response("no socket", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0,
    open(socket) {
      if (behaviour === "vanish") socket.terminate();
      else if (socket.data.dialect === "openai") greet(socket);
    },
    message(socket, message) {
      const text = String(message);
      if (socket.data.dialect === "openai") answerOpenAi(socket, text);
      else answerGemini(socket, text);
    },
  },
});
hear((command) => {
  if (command.type !== "behave") return;
  behaviour = command.as as Behaviour;
  say("behaving");
});
say("ready", { port: server.port });

function greet(socket: Socket): void {
  send(socket, {
    type: "session.created",
    session: { type: "realtime", id: "sess_upstream", model: "gpt-realtime" },
  });
  if (behaviour !== "burst") return;
  for (let index = 1; index <= BURST_EVENTS; index += 1)
    send(socket, { type: "bench.event", index, of: BURST_EVENTS });
  socket.close(1000, "");
}

function answerOpenAi(socket: Socket, text: string): void {
  const start = text.indexOf(AUDIO_FIELD);
  if (start < 0) return;
  const { data } = socket;
  if (data.frames % FRAMES_OF_A_RESPONSE === 0) {
    if (data.frames > 0) send(socket, responseEvent("response.done", data.responseId, USAGE));
    send(socket, responseEvent("response.created", data.responseId, null));
  }
  data.frames += 1;
  const audio = text.slice(start + AUDIO_FIELD.length, text.indexOf('"', start + AUDIO_FIELD.length));
  socket.send(
    `{"type":"response.output_audio.delta","event_id":"event_${data.frames}","response_id":"${data.responseId}",` +
      `"item_id":"item_1","output_index":0,"content_index":0,"delta":"${audio}"}`,
  );
}

function answerGemini(socket: Socket, text: string): void {
  if (text.startsWith('{"setup"')) {
    send(socket, { setupComplete: {} });
    return;
  }
  if (!text.startsWith('{"realtimeInput":{"audio"')) return;
  const { data } = socket;
  data.frames += 1;
  socket.send(
    `{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"${SOUND}"}}]}}}`,
  );
  if (data.frames % FRAMES_OF_A_RESPONSE === 0)
    send(socket, { serverContent: { turnComplete: true }, usageMetadata: GEMINI_USAGE });
}

const USAGE = {
  total_tokens: 60,
  input_tokens: 30,
  output_tokens: 30,
  input_token_details: {
    text_tokens: 10,
    audio_tokens: 20,
    image_tokens: 0,
    cached_tokens: 0,
    cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 10, audio_tokens: 20 },
};
const GEMINI_USAGE = {
  promptTokenCount: 30,
  responseTokenCount: 30,
  totalTokenCount: 60,
  promptTokensDetails: [
    { modality: "TEXT", tokenCount: 10 },
    { modality: "AUDIO", tokenCount: 20 },
  ],
  responseTokensDetails: [{ modality: "AUDIO", tokenCount: 30 }],
};

function responseEvent(type: string, id: string, usage: typeof USAGE | null): object {
  const status = usage === null ? "in_progress" : "completed";
  return {
    type,
    event_id: `event_${type}`,
    response: { object: "realtime.response", id, status, status_details: null, output: [], usage },
  };
}

function send(socket: Socket, event: object): void {
  socket.send(JSON.stringify(event));
}
