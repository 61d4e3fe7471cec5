/** What a voice session is asked for with: the address, the headers, and the session that an ephemeral key was made with. */

import { Hono } from "hono";
import { expect, test } from "vitest";
import { EphemeralKeys } from "../../../../src/accounts/ephemeral/ephemeral-keys.ts";
import { hashKey } from "../../../../src/accounts/keys/plain-key.ts";
import { principalOf } from "../../../../src/accounts/principal.ts";
import type { HttpEnv } from "../../../../src/http/exchange.ts";
import { mountRealtime, type VoiceSockets } from "../../../../src/http/routes/realtime/realtime.ts";
import { ApiError, type ErrorCode } from "../../../../src/protocol/error.ts";
import type { Json } from "../../../../src/protocol/task.ts";
import type { VoiceRequest } from "../../../../src/realtime/voice-admission.ts";
import type { Socket } from "../../../../src/sockets/socket-upgrade.ts";
import { ephemeralKeyDraft } from "../../../fixture/ephemeral-key.ts";
import { RecordedKeys } from "../../../fixture/recorded-keys.ts";
import { virtualKey } from "../../../fixture/virtual-key.ts";

const PLAIN = `ek_${"v".repeat(43)}`;
const SESSION = { type: "transcription", model: "gpt-realtime", instructions: "Be brief." };

/** Connects at the address, as a page does, with a key that has this session. */
async function connect(
  path: string,
  session: Json,
  key: string,
  { admit, refuse = () => null }: { admit(request: VoiceRequest): never; refuse?: VoiceSockets["refuse"] },
): Promise<void> {
  const store = new RecordedKeys();
  const { ttlMs, ...draft } = ephemeralKeyDraft(await hashKey(PLAIN), { session });
  store.ephemeralKeys.set(draft.hash, { ...draft, createdAt: 0, expiresAt: ttlMs });
  const principal = principalOf(virtualKey({ id: "parent" }));
  const app = new Hono<HttpEnv>();
  app.use((c, next) => {
    c.set("exchange", {
      requestId: "r",
      startedAt: 0,
      principal: null,
      taskId: null,
      accepted: false,
    } as HttpEnv["Variables"]["exchange"]);
    return next();
  });
  app.onError((_, c) => c.body(null, 500));
  mountRealtime(app, {
    keys: { recall: () => principal, authenticate: () => Promise.resolve(principal) },
    ephemeralKeys: new EphemeralKeys({
      store: {
        findEphemeralKey: (hash) => store.findEphemeralKey(hash),
        createEphemeralKey: () => Promise.resolve(null),
        listEphemeralKeys: () => Promise.resolve({ keys: [], hasMore: false }),
        deleteEphemeralKey: () => Promise.resolve(false),
      },
      changed: () => {},
    }),
    voice: { admit },
    store: { getSession: () => Promise.resolve(null) },
    sockets: { open: () => Promise.resolve(null), join: () => Promise.resolve(null), refuse },
    origins: { allows: () => true },
  });
  await app.request(path, {
    headers: {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-protocol": `realtime, openai-insecure-api-key.${key}`,
    },
  });
}

/** What the service is asked to admit when a key with this session connects at the address. */
async function asked(path: string, session: Json, key = PLAIN): Promise<VoiceRequest> {
  const requests: VoiceRequest[] = [];
  await connect(path, session, key, {
    admit(request) {
      requests.push(request);
      throw new Error("That is all this test wants to know");
    },
  });
  expect(requests).toHaveLength(1);
  return requests[0]!;
}

test("without anything in the address, a session is what its key was made with", async () => {
  expect(await asked("/v1/realtime", SESSION)).toMatchObject({
    model: "gpt-realtime",
    intent: "transcription",
    session: { instructions: "Be brief." },
  });
});

test("what the address says counts more, and kind and model are no fields of the session", async () => {
  const request = await asked("/v1/realtime?model=local/echo", { ...SESSION, type: "realtime" });
  expect(request).toMatchObject({ model: "local/echo", intent: "conversation" });
  expect(request.session).toEqual({ instructions: "Be brief." });
});

test("a key without a session, and a virtual key, bring none", async () => {
  for (const request of [
    await asked("/v1/realtime", null),
    await asked("/v1/realtime", SESSION, `condt_${"v".repeat(43)}`),
  ])
    expect(request).toMatchObject({ model: null, intent: "conversation", session: {} });
});

test.each([
  ["budget_exceeded", "insufficient_quota"],
  ["model_not_found", "model_not_found"],
] satisfies [ErrorCode, string][])(
  "a page hears %s as the code %s, and is closed with 1008",
  async (code, told) => {
    const heard: unknown[] = [];
    const socket: Socket = {
      topics: null,
      send: (frame) => void heard.push(JSON.parse(String(frame))),
      bufferedBytes: () => 0,
      close: (...close) => void heard.push(close),
    };
    await connect("/v1/realtime", null, PLAIN, {
      admit() {
        throw new ApiError(code, "No.");
      },
      refuse(_, handler) {
        handler.opened(socket);
        return new Response(null);
      },
    });
    expect(heard).toMatchObject([{ type: "error", error: { code: told, message: "No." } }, [1008, told]]);
  },
);
