/**
 * Talks to `/v1/realtime` through one of OpenAI's own clients: a spoken turn, a tool call, and an answer that is interrupted.
 * Prints what it saw as one line of JSON, by model. Arguments: client, address up to `/v1`, key, models.
 */

const [client, base, key, ...models] = process.argv.slice(2);
const RATE = 24_000;
const FRAME_MS = 20;
const BYTES_PER_MS = 48;
const REQUEST = '/tool weather {"city":"Rome"}';
const RESULT = '{"weather":"sunny"}';
const TOOL = {
  type: "function",
  name: "weather",
  description: "Tells the weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const beta = client.startsWith("beta");
const NAME = beta
  ? { audio: "response.audio.delta", said: "response.audio_transcript.done" }
  : { audio: "response.output_audio.delta", said: "response.output_audio_transcript.done" };

/** 20 ms of a tone, or of silence. */
function frame(loud) {
  const samples = new Int16Array((RATE * FRAME_MS) / 1000);
  if (loud) for (let i = 0; i < samples.length; i += 1) samples[i] = 8000 * Math.sin(i / 10);
  return samples.buffer;
}

/** Everything that was heard, and waiting for more of it. */
class Heard {
  events = [];
  #waiting = [];

  add(event) {
    this.events.push(event);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The first event since `from` of that kind. */
  async first(from, wanted) {
    for (;;) {
      const found = this.events.slice(from).find(wanted);
      if (found !== undefined) return found;
      await new Promise((resolve) => this.#waiting.push(resolve));
    }
  }

  sound(from) {
    const deltas = this.events.slice(from).filter(({ type }) => type === NAME.audio);
    const bytes = deltas.reduce((sum, { delta }) => sum + Buffer.from(delta, "base64").length, 0);
    return { frames: deltas.length, ms: Math.round(bytes / BYTES_PER_MS) };
  }
}

const ofType = (type) => (event) => event.type === type;

async function openClient(model) {
  const { default: OpenAI } = await import("openai");
  const openai = new OpenAI({ apiKey: key, baseURL: base });
  const modules = {
    ws: () => import("openai/realtime/ws").then(({ OpenAIRealtimeWS }) => OpenAIRealtimeWS),
    websocket: () =>
      import("openai/realtime/websocket").then(({ OpenAIRealtimeWebSocket }) => OpenAIRealtimeWebSocket),
    "beta-ws": () => import("openai/beta/realtime/ws").then(({ OpenAIRealtimeWS }) => OpenAIRealtimeWS),
    "beta-websocket": () =>
      import("openai/beta/realtime/websocket").then(({ OpenAIRealtimeWebSocket }) => OpenAIRealtimeWebSocket),
  };
  const Client = await modules[client]();
  return new Client({ model, dangerouslyAllowBrowser: true }, openai);
}

/** By the events themselves. */
async function talkByEvents(model) {
  const heard = new Heard();
  const realtime = await openClient(model);
  const errors = [];
  realtime.on("event", (event) => heard.add(event));
  realtime.on("error", (error) => {
    errors.push(String(error.message));
    heard.add({ type: "client error" });
  });
  const closed = new Promise((resolve) => {
    const { socket } = realtime;
    if (typeof socket.on === "function") socket.on("close", resolve);
    else socket.addEventListener("close", ({ code }) => resolve(code));
  });
  const speak = (loudFrames, silentFrames) => {
    for (let i = 0; i < loudFrames + silentFrames; i += 1)
      realtime.send({
        type: "input_audio_buffer.append",
        audio: Buffer.from(frame(i < loudFrames)).toString("base64"),
      });
  };
  await heard.first(0, ofType("session.created"));
  realtime.send({
    type: "session.update",
    session: beta
      ? { modalities: ["text", "audio"], instructions: "Be brief.", tools: [TOOL], temperature: 0.8 }
      : { type: "realtime", output_modalities: ["audio"], instructions: "Be brief.", tools: [TOOL] },
  });
  await heard.first(0, ofType("session.updated"));

  let from = heard.events.length;
  speak(25, 30);
  const first = await heard.first(from, ofType("response.done"));
  const said = await heard.first(from, ofType(NAME.said));
  const turn = {
    ...heard.sound(from),
    status: first.response.status,
    transcript: said.transcript,
    speech: heard.events.slice(from).some(ofType("input_audio_buffer.speech_started")),
  };

  from = heard.events.length;
  const content = [{ type: "input_text", text: REQUEST }];
  realtime.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  realtime.send({ type: "response.create" });
  const call = await heard.first(
    from,
    (event) => event.type === "response.output_item.done" && event.item.type === "function_call",
  );
  await heard.first(from, ofType("response.done"));
  const afterCall = heard.events.length;
  const { name, arguments: args, call_id, status } = call.item;
  realtime.send({
    type: "conversation.item.create",
    item: { type: "function_call_output", call_id, output: RESULT },
  });
  realtime.send({ type: "response.create" });
  const answer = await heard.first(afterCall, ofType(NAME.said));
  await heard.first(afterCall, ofType("response.done"));
  const tool = { name, args: JSON.parse(args), status, answer: answer.transcript };

  from = heard.events.length;
  speak(60, 30);
  await heard.first(from, ofType(NAME.audio));
  const interrupting = heard.events.length;
  speak(10, 0);
  const interrupted = await heard.first(interrupting, ofType("response.done"));
  speak(0, 30);
  const next = await heard.first(heard.events.indexOf(interrupted) + 1, ofType("response.done"));
  const bargeIn = {
    speech: heard.events.slice(interrupting).some(ofType("input_audio_buffer.speech_started")),
    status: interrupted.response.status,
    reason: interrupted.response.status_details?.reason,
    next: next.response.status,
  };
  realtime.close();
  await closed;
  const types = [...new Set(heard.events.map(({ type }) => type))].sort();
  return { turn, tool, bargeIn, errors, types, protocol: realtime.socket.protocol };
}

/** By the agents' framework, which sends what its users never see. */
async function talkByAgent(model) {
  const { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } = await import(
    "@openai/agents-realtime"
  );
  const { z } = await import("zod");
  const heard = new Heard();
  const errors = [];
  const calls = [];
  const weather = tool({
    name: "weather",
    description: "Tells the weather",
    parameters: z.object({ city: z.string() }),
    execute: (args) => {
      calls.push(args);
      return RESULT;
    },
  });
  const agent = new RealtimeAgent({ name: "Guide", instructions: "Be brief.", tools: [weather] });
  const transport = new OpenAIRealtimeWebSocket({
    url: `${base.replace(/^http/, "ws")}/realtime?model=${encodeURIComponent(model)}`,
  });
  const session = new RealtimeSession(agent, { transport, model });
  transport.on("*", (event) => heard.add(event));
  session.on("audio", ({ data }) => heard.add({ type: "played", bytes: data.byteLength }));
  session.on("audio_interrupted", () => heard.add({ type: "interrupted" }));
  session.on("error", ({ error }) => errors.push(String(error?.message ?? JSON.stringify(error))));
  await session.connect({ apiKey: key });
  await heard.first(0, ofType("session.updated"));
  const speak = (loudFrames, silentFrames) => {
    for (let i = 0; i < loudFrames + silentFrames; i += 1) session.sendAudio(frame(i < loudFrames));
  };
  const played = (from) => {
    const pieces = heard.events.slice(from).filter(ofType("played"));
    const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
    return { frames: pieces.length, ms: Math.round(bytes / BYTES_PER_MS) };
  };

  let from = heard.events.length;
  speak(25, 30);
  const first = await heard.first(from, ofType("response.done"));
  const said = await heard.first(from, ofType(NAME.said));
  const turn = {
    ...played(from),
    status: first.response.status,
    transcript: said.transcript,
    speech: heard.events.slice(from).some(ofType("input_audio_buffer.speech_started")),
  };

  from = heard.events.length;
  session.sendMessage(REQUEST);
  const answer = await heard.first(from, ofType(NAME.said));
  await heard.first(heard.events.indexOf(answer), ofType("response.done"));
  const toolCall = { name: "weather", args: calls[0], status: "completed", answer: answer.transcript };

  from = heard.events.length;
  speak(60, 30);
  await heard.first(from, ofType("played"));
  const interrupting = heard.events.length;
  speak(10, 0);
  await heard.first(interrupting, ofType("interrupted"));
  const interrupted = await heard.first(interrupting, ofType("response.done"));
  speak(0, 30);
  const next = await heard.first(heard.events.indexOf(interrupted) + 1, ofType("response.done"));
  const bargeIn = {
    speech: true,
    status: interrupted.response.status,
    reason: interrupted.response.status_details?.reason,
    next: next.response.status,
  };
  session.close();
  const types = [...new Set(heard.events.map(({ type }) => type))].sort();
  return { turn, tool: toolCall, bargeIn, errors, types };
}

const talk = client === "agents" ? talkByAgent : talkByEvents;
const saw = await Promise.all(models.map(async (model) => [model, await talk(model)]));
console.log(JSON.stringify(Object.fromEntries(saw)));
process.exit(0);
