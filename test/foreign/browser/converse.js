/**
 * Talks with the built client package until an answer was heard to its end and another one was cut off by the user's voice; or,
 * where the fragment says `outlives`, until an answer was made in a session that took the place of a lost one. What came of it is
 * left in `window.talked`. Options of the client stand in the fragment, as JSON.
 */
import { RealtimeVoice } from "/client/voice/index.js";

const { key, outlives = false, ...options } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const talked = {
  turns: [],
  transcripts: [],
  interrupted: [],
  truncated: [],
  answers: [],
  cost: 0,
  loudest: { input: 0, output: 0 },
  problems: [],
  frames: 0,
  restored: null,
};
const voice = new RealtimeVoice({
  ...options,
  tokenProvider: () => ({ value: key }),
  // What comes out of a fake speaker does not go into a fake microphone.
  microphone: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
});

let heardAll = false;
const answer = { done: false, cut: false };
voice.on("event", (event) => {
  if (event.type === "response.created") Object.assign(answer, { done: false, cut: false });
  if (event.type === "response.output_audio.delta") talked.frames += 1;
  if (event.type === "response.done") {
    talked.answers.push(event.response.status);
    answer.done = event.response.status === "completed";
    if (outlives && talked.restored !== null && answer.done) void finish();
  }
  if (event.type === "conversation.item.truncated")
    talked.truncated.push({ itemId: event.item_id, heardMs: event.audio_end_ms });
  finishWhenAllCame();
});
voice.on("turn", ({ state }) => {
  talked.turns.push(state);
  if (state === "idle" && answer.done && !answer.cut) heardAll = true;
  finishWhenAllCame();
});
voice.on("transcript", (transcript) => {
  if (transcript.isFinal) talked.transcripts.push(transcript);
});
voice.on("interrupted", (cut) => {
  answer.cut = true;
  talked.interrupted.push(cut);
  finishWhenAllCame();
});
voice.on("usage", ({ cost }) => {
  talked.cost = cost;
});
voice.on("levels", ({ input, output }) => {
  talked.loudest.input = Math.max(talked.loudest.input, input);
  talked.loudest.output = Math.max(talked.loudest.output, output);
});
voice.on("reconnected", ({ restoredItems }) => {
  talked.restored = restoredItems;
});
for (const name of ["error", "warning", "reconnecting"])
  voice.on(name, (payload) => talked.problems.push(`${name}: ${payload.message ?? payload.error?.message}`));

function finishWhenAllCame() {
  if (!outlives && heardAll && talked.interrupted.length > 0 && talked.truncated.length > 0) void finish();
}

async function finish() {
  if (window.talked !== undefined) return;
  await voice.disconnect();
  window.talked ??= { ...talked, isConnected: voice.isConnected };
}

try {
  await voice.connect();
} catch (error) {
  window.talked = {
    ...talked,
    refused: { name: error.name, message: error.message, fault: error.fault, code: error.code },
  };
}
