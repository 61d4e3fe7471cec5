/** Voice sessions on Workers: each in an object of its own, and what an eviction must not lose. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { RealtimeEvent } from "../../src/protocol/realtime.ts";
import type { Bindings } from "../../src/runtime/cloudflare/bindings.ts";
import worker from "../../src/runtime/cloudflare/worker.ts";
import { createRemoteStore } from "../../src/stores/remote/remote-store.ts";

const BOOTSTRAP_KEY = `condt_${"v".repeat(43)}`;
const ADMIN_KEY = "the-admin-key-of-this-worker";
const bindings: Bindings = {
  ...(env as Bindings),
  CONDUIT_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
  CONDUIT_ADMIN_KEY: ADMIN_KEY,
  CONDUITLLM__LOGGING__LEVEL: "silent",
};
const store = createRemoteStore(env);
const SCOPE = { keyId: "key_bootstrap", subject: null };

type Talk = {
  events: RealtimeEvent[];
  socket: WebSocket;
  protocol: string | null;
  sessionId: string;
  closed: Promise<{ code: number; reason: string }>;
  until(type: string): Promise<RealtimeEvent>;
};

async function talk(path: string, headers: Record<string, string>): Promise<Talk> {
  const response = (await worker.fetch(
    new Request(`https://gateway.example${path}`, { headers: { upgrade: "websocket", ...headers } }),
    bindings,
  )) as Response & { webSocket: (WebSocket & { accept(): void }) | null };
  expect(response.status).toBe(101);
  const socket = response.webSocket;
  if (socket === null) throw new Error("no socket came");
  const events: RealtimeEvent[] = [];
  const waiting: { type: string; resolve: (event: RealtimeEvent) => void }[] = [];
  socket.addEventListener("message", ({ data }) => {
    const event = JSON.parse(data as string) as RealtimeEvent;
    events.push(event);
    for (const one of waiting) if (one.type === event.type) one.resolve(event);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
  });
  socket.accept();
  const until = (type: string) =>
    new Promise<RealtimeEvent>((resolve) => {
      const known = events.find((event) => event.type === type);
      if (known === undefined) waiting.push({ type, resolve });
      else resolve(known);
    });
  const first =
    events[0]?.type === "error" ? null : await Promise.race([until("session.created"), until("error")]);
  const session = first?.session as { id: string } | undefined;
  return {
    events,
    socket,
    protocol: response.headers.get("sec-websocket-protocol"),
    sessionId: session?.id.slice("sess_".length) ?? "",
    closed,
    until,
  };
}

const bearer = { authorization: `Bearer ${BOOTSTRAP_KEY}` };
const objectOf = (id: string) => env.REALTIME_SESSION.getByName(id);

describe("a voice session on Workers", () => {
  test("completes a turn with the built-in voice, and is settled when the client leaves", async () => {
    const { socket, until, sessionId } = await talk("/v1/realtime?model=local/echo", bearer);
    socket.send(
      JSON.stringify({
        type: "conversation.item.create",
        item: { type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] },
      }),
    );
    socket.send(JSON.stringify({ type: "response.create" }));
    expect((await until("response.output_audio_transcript.done")).transcript).toBe("You wrote: hello");
    expect((await until("response.done")).response).toMatchObject({ status: "completed" });
    socket.close(1000, "");
    await expect
      .poll(() => store.getSession(SCOPE, sessionId))
      .toMatchObject({ closeReason: "client_closed", settled: true, counters: { responses: 1 } });
    // The alarm went with the session.
    await expect.poll(() => runDurableObjectAlarm(objectOf(sessionId))).toBe(false);
  });

  test("echoes the subprotocol of a browser, and never its key", async () => {
    const offered = `realtime, openai-insecure-api-key.${BOOTSTRAP_KEY}`;
    const { protocol, socket } = await talk("/v1/realtime?model=local/echo", {
      "sec-websocket-protocol": offered,
    });
    expect(protocol).toBe("realtime");
    socket.close(1000, "");
  });

  test("tells a browser over the socket why it is refused", async () => {
    const offered = `realtime, openai-insecure-api-key.condt_${"n".repeat(43)}`;
    const { events, closed } = await talk("/v1/realtime", { "sec-websocket-protocol": offered });
    expect((await closed).code).toBe(1008);
    expect(events[0]?.error).toMatchObject({ code: "invalid_api_key" });
  });

  test("refuses a model that is not offered before the upgrade", async () => {
    const response = await worker.fetch(
      new Request("https://gateway.example/v1/realtime?model=none", {
        headers: { upgrade: "websocket", ...bearer },
      }),
      bindings,
    );
    expect(response.status).toBe(404);
  });

  test("is renewed by its alarm while it is silent, and settled by it after a deploy", async () => {
    const { socket, until, sessionId } = await talk("/v1/realtime?model=local/echo", bearer);
    socket.send(JSON.stringify({ type: "response.create" }));
    await until("response.done");
    expect(await runDurableObjectAlarm(objectOf(sessionId))).toBe(true);
    expect(await store.getSession(SCOPE, sessionId)).toMatchObject({ endedAt: null });
    // As a deploy does: sockets are cut, and what was in memory is gone.
    await runInDurableObject(objectOf(sessionId), (_object, state) => state.abort("deploy")).catch(() => {});
    expect(await runDurableObjectAlarm(objectOf(sessionId))).toBe(true);
    expect(await store.getSession(SCOPE, sessionId)).toMatchObject({
      closeReason: "lost",
      settled: true,
      counters: { responses: 1 },
    });
    expect(await runDurableObjectAlarm(objectOf(sessionId))).toBe(false);
  });

  test("is ended from outside", async () => {
    const { closed, sessionId } = await talk("/v1/realtime?model=local/echo", bearer);
    expect(await objectOf(sessionId).terminate()).toBe(true);
    expect((await closed).code).toBe(1000);
    await expect.poll(() => store.getSession(SCOPE, sessionId)).toMatchObject({ closeReason: "terminated" });
    await expect.poll(() => objectOf(sessionId).terminate()).toBe(false);
  });

  test("ends when its socket never comes", async () => {
    const id = "019a0000-0000-7000-8000-000000000001";
    const draft = {
      id,
      keyId: "key_bootstrap",
      subject: "",
      customer: null,
      provider: "local",
      model: "local/echo",
      reservedMicros: 0,
      price: null,
    };
    await objectOf(id).open({
      draft,
      model: "local/echo",
      modelName: "local/echo",
      fallbacks: [],
      intent: "conversation",
      beta: false,
      session: {},
    });
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    await expect.poll(() => store.getSession(SCOPE, id)).toMatchObject({ settled: true });
  });
});

test("metrics show the sessions that are open, and those that ended today with what they cost", async () => {
  const scrape = async () => {
    const request = new Request("https://gateway.example/metrics", {
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    });
    return await (await worker.fetch(request, bindings)).text();
  };
  const { socket, sessionId, closed } = await talk("/v1/realtime?model=local/echo", bearer);
  expect(await scrape()).toMatch(/^conduit_realtime_sessions\{provider="local"\} [1-9]/m);
  socket.close(1000, "");
  await closed;
  await expect.poll(() => store.getSession(SCOPE, sessionId)).toMatchObject({ settled: true });
  const text = await scrape();
  expect(text).toMatch(/^conduit_realtime_sessions_ended_total\{model="local\/echo"\} [1-9]/m);
  expect(text).toMatch(/^conduit_realtime_charged_dollars_total\{model="local\/echo"\} 0$/m);
});
