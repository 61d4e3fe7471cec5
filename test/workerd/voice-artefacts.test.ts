/** What is kept of voice sessions on Workers: the object of a session stores it, and the Worker reads it. */

import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { RealtimeEvent } from "../../src/protocol/realtime.ts";
import type { WireTranscript } from "../../src/protocol/voice-session.ts";
import type { Bindings } from "../../src/runtime/cloudflare/bindings.ts";
import worker from "../../src/runtime/cloudflare/worker.ts";

const KEEPING = {
  CONDUITLLM__REALTIME__KEEPTRANSCRIPTS: "true",
  CONDUITLLM__REALTIME__KEEPRECORDINGS: "true",
};
// Objects are made from the bindings of the worker that is tested.
Object.assign(env, KEEPING);
const bindings: Bindings = {
  ...(env as Bindings),
  ...KEEPING,
  CONDUIT_BOOTSTRAP_KEY: `condt_${"v".repeat(43)}`,
  CONDUIT_ADMIN_KEY: "the-admin-key-of-this-worker",
  CONDUITLLM__LOGGING__LEVEL: "silent",
};
const headers = { authorization: `Bearer ${bindings.CONDUIT_BOOTSTRAP_KEY}` };

const read = (path: string) =>
  worker.fetch(new Request(`https://gateway.example${path}`, { headers }), bindings);

test("a session's transcript and sound are stored by its object, and read by its key", async () => {
  const response = (await worker.fetch(
    new Request("https://gateway.example/v1/realtime?model=local/echo", {
      headers: { upgrade: "websocket", ...headers },
    }),
    bindings,
  )) as Response & { webSocket: (WebSocket & { accept(): void }) | null };
  const { webSocket: socket } = response;
  if (socket === null) throw new Error(`no socket came: ${response.status}`);
  const events: RealtimeEvent[] = [];
  socket.addEventListener("message", ({ data }) => events.push(JSON.parse(data as string)));
  socket.accept();
  const audio = new Uint8Array(new Int16Array(2_400).fill(3_000).buffer).toBase64();
  socket.send(
    JSON.stringify({ type: "session.update", session: { audio: { input: { turn_detection: null } } } }),
  );
  socket.send(JSON.stringify({ type: "input_audio_buffer.append", audio }));
  socket.send(JSON.stringify({ type: "input_audio_buffer.commit" }));
  socket.send(JSON.stringify({ type: "response.create" }));
  await expect.poll(() => events.some(({ type }) => type === "response.done")).toBe(true);
  const created = events[0]?.session as { id: string } | undefined;
  const path = `/v1/realtime/sessions/${created?.id.replace("sess_", "")}`;
  socket.close(1000, "");
  await expect
    .poll(async () => (await read(path)).json())
    .toMatchObject({ transcript: `${path}/transcript`, recording: `${path}/recording` });
  const { entries } = (await (await read(`${path}/transcript`)).json()) as WireTranscript;
  const text = expect.stringMatching(/^I heard 0\.1 seconds/);
  expect(entries).toMatchObject([{ role: "assistant", kind: "speech", text }]);
  const sound = new Uint8Array(await (await read(`${path}/recording`)).arrayBuffer());
  expect(new TextDecoder().decode(sound.subarray(0, 4))).toBe("RIFF");
  expect(sound.length).toBeGreaterThan(60 + 2_400 * 4 - 1);
});
