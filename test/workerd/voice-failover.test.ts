/** A voice session on Workers whose provider is away: its object takes it to the model that stands in, and the record says so. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RealtimeEvent } from "../../src/protocol/realtime.ts";
import type { Bindings } from "../../src/runtime/cloudflare/bindings.ts";
import worker from "../../src/runtime/cloudflare/worker.ts";
import { createRemoteStore } from "../../src/stores/remote/remote-store.ts";

const SETTINGS = {
  OPENAI_API_KEY: "sk-of-the-provider",
  CONDUIT_CONFIG: JSON.stringify({ models: { fallbacks: { "openai/gpt-realtime": ["local/echo"] } } }),
};
// Objects are made from the bindings of the worker that is tested.
Object.assign(env, SETTINGS);
const bindings: Bindings = {
  ...(env as Bindings),
  ...SETTINGS,
  CONDUIT_BOOTSTRAP_KEY: `condt_${"v".repeat(43)}`,
  CONDUIT_ADMIN_KEY: "the-admin-key-of-this-worker",
  CONDUITLLM__LOGGING__LEVEL: "silent",
};

beforeEach(() => {
  vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(null, { status: 503 }));
});
afterEach(() => {
  vi.restoreAllMocks();
});

test("a session goes on with the model that stands in for one whose provider is away", async () => {
  const response = (await worker.fetch(
    new Request("https://gateway.example/v1/realtime?model=openai/gpt-realtime", {
      headers: { upgrade: "websocket", authorization: `Bearer ${bindings.CONDUIT_BOOTSTRAP_KEY}` },
    }),
    bindings,
  )) as Response & { webSocket: (WebSocket & { accept(): void }) | null };
  const { webSocket: socket } = response;
  if (socket === null) throw new Error(`no socket came: ${response.status}`);
  const events: RealtimeEvent[] = [];
  socket.addEventListener("message", ({ data }) => events.push(JSON.parse(data as string)));
  socket.accept();
  socket.send(JSON.stringify({ type: "response.create" }));
  await expect.poll(() => events.map(({ type }) => type)).toContain("response.done");
  expect(events.find(({ type }) => type === "conduit.warning")).toMatchObject({ model: "local/echo" });
  expect(fetch).toHaveBeenCalledTimes(1);
  const created = events[0]?.session as { id: string } | undefined;
  const id = created?.id.replace("sess_", "") ?? "";
  await expect
    .poll(() => createRemoteStore(env).findSession(id))
    .toMatchObject({ provider: "local", price: null });
  socket.close(1000, "");
});
