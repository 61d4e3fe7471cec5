/** The gateway is killed in the middle of a voice session: what its responses used until then is billed after the next start. */

import { expect, test } from "vitest";
import type { RealtimeEvent } from "../../src/protocol/realtime.ts";
import type { WireVoiceSessionPage } from "../../src/protocol/voice-session.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { openRedis } from "../fixture/instances.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { journalFolders, keptCounters } from "../fixture/voice/kept-sessions.ts";

const USAGE = {
  total_tokens: 1_500,
  input_tokens: 1_000,
  output_tokens: 500,
  input_token_details: { text_tokens: 0, audio_tokens: 1_000 },
  output_token_details: { text_tokens: 0, audio_tokens: 500 },
};
/** At $32 and $64 a million. */
const COST = 0.064;

/** Answers the first `response.create` whole, and begins the second answer without an end. */
function startProvider() {
  return Bun.serve<{ responses: number }>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, server) =>
      server.upgrade(request, { data: { responses: 0 } })
        ? undefined
        : new Response("not a socket", { status: 400 }),
    websocket: {
      message(socket, text) {
        const event = JSON.parse(String(text)) as RealtimeEvent;
        if (event.type !== "response.create") return;
        socket.data.responses += 1;
        const id = `resp_${socket.data.responses}`;
        socket.send(JSON.stringify({ type: "response.created", event_id: "e", response: { id } }));
        if (socket.data.responses > 1) return;
        const response = { id, status: "completed", usage: USAGE };
        socket.send(JSON.stringify({ type: "response.done", event_id: "e", response }));
      },
    },
  });
}

/** Talks until the second response has begun, and waits until what the first one used is `kept`. */
async function talk(server: ServerProcess, kept: (id: string) => Promise<boolean>): Promise<void> {
  const url = `${server.url.replace("http", "ws")}/v1/realtime?model=openai/gpt-realtime`;
  const headers = { authorization: `Bearer ${BOOTSTRAP_KEY}` };
  const socket = new WebSocket(url, { headers } as unknown as string[]);
  const begun = Promise.withResolvers<void>();
  let id = "";
  let responses = 0;
  socket.onmessage = ({ data }) => {
    const event = JSON.parse(String(data)) as RealtimeEvent;
    if (event.type === "session.created") {
      id = (event.session as { id: string }).id.slice("sess_".length);
      socket.send('{"type":"response.create"}');
    } else if (event.type === "conduit.usage") socket.send('{"type":"response.create"}');
    else if (event.type === "response.created") {
      responses += 1;
      if (responses === 2) begun.resolve();
    }
  };
  socket.onclose = ({ code }) => begun.reject(new Error(`the session was closed with ${code}`));
  await begun.promise;
  socket.onclose = null;
  while (!(await kept(id)));
}

async function sessions(server: ServerProcess): Promise<WireVoiceSessionPage["data"]> {
  const answer = await server.request("/v1/realtime/sessions");
  return ((await answer.json()) as WireVoiceSessionPage).data;
}

/** Starts, talks, is killed, starts again; answers the sessions there are then. */
async function killedInASession(env: Record<string, string | undefined>) {
  const provider = startProvider();
  const folder = await temporaryFolder();
  const options = {
    dataDir: folder.path,
    env: {
      ...env,
      OPENAI_API_KEY: "sk-of-the-gateway",
      CONDUITLLM__REALTIME__PROVIDERS__OPENAI__WEBSOCKETURL: `ws://127.0.0.1:${provider.port}`,
    },
  };
  const first = await ServerProcess.start(options);
  await talk(first, async (id) => (await keptCounters(folder.path, id)).audioOutput === 500);
  await first.kill();
  const second = await ServerProcess.start(options);
  await second.printed(/a voice session was lost with its process, and settled/);
  const found = await sessions(second);
  const folders = await journalFolders(folder.path);
  await second.stop();
  await provider.stop(true);
  await folder.remove();
  return { found, folders };
}

test("with the embedded store, the response that had ended is billed, and nothing is left open", async () => {
  const { found, folders } = await killedInASession({});
  expect(folders).toEqual([]);
  expect(found).toMatchObject([{ closeReason: "lost", settled: true, cost: COST }]);
});

describeWithRedis("with the store in Redis", () => {
  test("the response that had ended is billed from the file of its process", async () => {
    const redis = await openRedis();
    const { found, folders } = await killedInASession(redis.env);
    expect(found).toMatchObject([{ closeReason: "lost", settled: true, cost: COST }]);
    expect(folders, "the dead process' folder is gone, and the running one has had no session").toEqual([]);
    await redis.close();
  });
});
