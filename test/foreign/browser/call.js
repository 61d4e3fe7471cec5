/**
 * Calls through `@openai/agents-realtime` over WebRTC: a spoken turn, a tool call, an answer that is interrupted. Or, where the
 * fragment says `waits`, until the call is ended by the other side. What it saw is left in `window.talked`.
 */
import {
  OpenAIRealtimeWebRTC,
  RealtimeAgent,
  RealtimeSession,
  tool,
} from "/agents/openai-realtime-agents.mjs";

const { baseUrl, key, waits } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const REQUEST = '/tool weather {"city":"Rome"}';
const talked = { answers: [], types: [], calls: [], errors: [] };

const calls = [];
const weather = tool({
  name: "weather",
  description: "Tells the weather",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
  execute: (args) => {
    calls.push(args);
    return '{"weather":"sunny"}';
  },
});
const agent = new RealtimeAgent({ name: "Guide", instructions: "Be brief.", tools: [weather] });
// What comes out of a fake speaker does not go into a fake microphone.
const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const mediaStream = await navigator.mediaDevices.getUserMedia({ audio });
let peer;
const transport = new OpenAIRealtimeWebRTC({
  baseUrl: `${baseUrl}/v1/realtime/calls`,
  mediaStream,
  changePeerConnection: (made) => {
    peer = made;
    return made;
  },
});
const session = new RealtimeSession(agent, { transport });
const waiting = [];
const first = async (from, wanted) => {
  for (;;) {
    const found = events.slice(from).find(wanted);
    if (found !== undefined) return found;
    await new Promise((resolve) => waiting.push(resolve));
  }
};
const ofType = (type) => (event) => event.type === type;
const events = [];
const add = (event) => {
  events.push(event);
  for (const wake of waiting.splice(0)) wake();
};
transport.on("*", add);
transport.on("connection_change", (status) => add({ type: `connection ${status}` }));
session.on("error", ({ error }) =>
  talked.errors.push(String(error?.error?.message ?? error?.message ?? error)),
);

const received = async () => {
  const stats = [...(await peer.getStats()).values()].find(
    ({ type, kind }) => type === "inbound-rtp" && kind === "audio",
  );
  return { packets: stats?.packetsReceived ?? 0, energy: stats?.totalAudioEnergy ?? 0 };
};

try {
  await session.connect({ apiKey: key });
  talked.callId = transport.callId;
  if (waits) {
    await first(0, ofType("connection disconnected"));
  } else {
    const answered = (status) => (event) =>
      event.type === "response.done" && event.response.status === status;
    await first(0, answered("completed"));
    await first(0, ofType("output_audio_buffer.stopped"));
    await first(0, answered("cancelled"));
    await first(0, ofType("output_audio_buffer.cleared"));
    const from = events.length;
    transport.mute(true);
    session.sendMessage(REQUEST);
    const said = await first(
      from,
      (event) => event.type === "response.output_audio_transcript.done" && event.transcript.includes("sunny"),
    );
    await first(events.indexOf(said), ofType("output_audio_buffer.stopped"));
    talked.toolAnswer = said.transcript;
    talked.received = await received();
  }
} catch (error) {
  talked.errors.push(String(error?.message ?? error));
}
talked.calls = calls;
talked.answers = events.filter(ofType("response.done")).map(({ response }) => response.status);
talked.types = [...new Set(events.map(({ type }) => type))];
session.close();
window.talked = talked;
