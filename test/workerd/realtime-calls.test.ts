/** WebRTC calls on Workers: the sideband lives in the session's object, which attaches it again after a deploy and settles. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Bindings } from "../../src/runtime/cloudflare/bindings.ts";
import worker from "../../src/runtime/cloudflare/worker.ts";
import { createRemoteStore } from "../../src/stores/remote/remote-store.ts";

const BOOTSTRAP_KEY = `condt_${"v".repeat(43)}`;
const bindings: Bindings = {
  ...(env as Bindings),
  CONDUIT_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
  CONDUIT_ADMIN_KEY: "the-admin-key-of-this-worker",
  CONDUITLLM__LOGGING__LEVEL: "silent",
  OPENAI_API_KEY: "sk-of-the-provider",
};
// Objects are made from the bindings of the worker that is tested.
Object.assign(env, { OPENAI_API_KEY: "sk-of-the-provider" });
const store = createRemoteStore(env);
const SCOPE = { keyId: "key_bootstrap", subject: null };
const OFFER = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
const DONE = JSON.stringify({
  type: "response.done",
  event_id: "e1",
  response: { id: "r1", status: "completed", output: [], usage: { input_tokens: 10, output_tokens: 10 } },
});

/** What the provider was asked, in order. */
let asked: string[];
let over: boolean;

beforeEach(() => {
  asked = [];
  over = false;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const url = String(input);
    asked.push(url.slice("https://api.openai.com/v1/realtime".length));
    if (url.endsWith("/calls")) {
      const headers = { location: "/v1/realtime/calls/rtc_u1" };
      return new Response("v=0\r\nanswer", { status: 201, headers });
    }
    if (url.endsWith("/hangup")) {
      over = true;
      return new Response(null, { status: 200 });
    }
    if (over || new Headers(init?.headers).get("upgrade") !== "websocket")
      return new Response(null, { status: 404 });
    const { 0: client, 1: server } = new WebSocketPair();
    server.accept();
    server.send(DONE);
    return new Response(null, { status: 101, webSocket: client } as ResponseInit);
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const send = (path: string, body?: string) =>
  worker.fetch(
    new Request(`https://gateway.example${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${BOOTSTRAP_KEY}`, "content-type": "application/sdp" },
      ...(body !== undefined && { body }),
    }),
    bindings,
  );
const objectOf = (id: string) => env.REALTIME_SESSION.getByName(id);

async function made(): Promise<{ path: string; id: string }> {
  const response = await send("/v1/realtime/calls?model=openai/gpt-realtime-2.1", OFFER);
  expect([response.status, await response.text()]).toEqual([201, "v=0\r\nanswer"]);
  const path = response.headers.get("location") as string;
  return { path, id: path.split("rtc_")[1] as string };
}

test("a call is metered in its object, and hung up and settled by its client", async () => {
  const { path, id } = await made();
  await expect.poll(() => asked).toEqual(["/calls", "?call_id=rtc_u1"]);
  expect((await send(`${path}/hangup`)).status).toBe(200);
  await expect
    .poll(() => store.getSession(SCOPE, id))
    .toMatchObject({
      closeReason: "terminated",
      settled: true,
      counters: { otherInput: 10, otherOutput: 10 },
    });
  expect(over).toBe(true);
});

test("after a deploy its alarm attaches the sideband again, and counting goes on", async () => {
  const { path, id } = await made();
  await expect.poll(() => asked).toHaveLength(2);
  await runInDurableObject(objectOf(id), (_object, state) => state.abort("deploy")).catch(() => {});
  expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
  await expect.poll(() => asked).toEqual(["/calls", "?call_id=rtc_u1", "?call_id=rtc_u1"]);
  await send(`${path}/hangup`);
  await expect
    .poll(() => store.getSession(SCOPE, id))
    .toMatchObject({ closeReason: "terminated", settled: true, counters: { otherInput: 20 } });
});

test("a call whose record has ended meanwhile is hung up by its alarm", async () => {
  const { id } = await made();
  await expect.poll(() => asked).toHaveLength(2);
  await runInDurableObject(objectOf(id), (_object, state) => state.abort("deploy")).catch(() => {});
  const session = await store.findSession(id);
  await store.endSession(id, session?.fence ?? 0, { closeReason: "lost", counters: {}, costMicros: 0 });
  expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
  expect(over).toBe(true);
  expect(await runDurableObjectAlarm(objectOf(id))).toBe(false);
});
