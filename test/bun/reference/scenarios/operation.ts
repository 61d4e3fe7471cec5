/** Models, probes, this reference, hubs, voice, tools and providers' calls. */

import { expect, test } from "vitest";
import type { HookVerdict } from "../../../../src/tasks/ports/media-provider.ts";
import { StoreUnavailableError } from "../../../../src/tasks/ports/store-error.ts";
import { ADMIN_KEY, gatewayWorld } from "../../../fixture/gateway-world.ts";
import { settled } from "../../../fixture/manual-clock.ts";
import { PUBLIC_URL, referenceWorld, VOICE_MODEL } from "../../../fixture/reference/reference-world.ts";
import { FOX, UPGRADE } from "../../../fixture/reference/route-calls.ts";
import { FakeCallProvider, OFFER } from "../../../fixture/voice/fake-call-provider.ts";
import { asked, byAdmin, refused, type TheWorld } from "./scenario.ts";

const SDP = { "content-type": "application/sdp" };
const SOCKETS = ["/v1/realtime", "/v1/realtime/connect", "/openai/v1/realtime", "/realtime"];
const CALLS = ["/v1/realtime/calls", "/openai/v1/realtime/calls"];

export function operationScenarios(world: TheWorld): void {
  test("models and probes are read, and this reference", async () => {
    await asked(world(), "GET /v1/models");
    await asked(world(), "GET /v1/models/local/canvas");
    for (const path of ["/", "/openapi.json", "/health/live", "/health/ready"])
      await asked(world(), `GET ${path}`, { key: null });
    const etag = (await world().send("GET", "/openapi.json")).headers.get("etag") ?? "";
    await asked(world(), "GET /openapi.json", { headers: { "if-none-match": etag } }, [304]);
    await byAdmin(world(), "GET /health");
    await byAdmin(world(), "GET /metrics");
    await refused(world(), "GET /docs", "not_found");
    const files = await gatewayWorld({
      pages: {
        read: async () => ({ body: new Uint8Array(new TextEncoder().encode("<!doctype html>")), gzip: null }),
      },
    });
    await asked(files, "GET /docs");
    await files.send("GET", "/docs/");
    await asked(files, "GET /docs/start-1.js");
    await asked(files, "GET /console/main-1.js");
    await asked(files, "GET /", { headers: { accept: "text/html" } });
    await files.close();
  });

  test("a gateway that has lost its store says so", async () => {
    const broken = await referenceWorld();
    broken.store.ping = () => Promise.reject(new Error("gone"));
    await asked(broken, "GET /health/ready", {}, [503]);
    await byAdmin(broken, "GET /health", {}, [503]);
    await broken.close();
  });

  test("files that cannot be read are failures of the gateway", async () => {
    const broken = await gatewayWorld({ pages: { read: () => Promise.reject(new Error("unforeseen")) } });
    broken.media.get = () => Promise.reject(new Error("unforeseen"));
    for (const path of ["/docs", "/docs/a.js", "/console/a.js", "/v1/media/a.png"])
      await refused(broken, `GET ${path}`, "internal_error");
    await refused(broken, "GET /", "internal_error", { headers: { accept: "text/html" } });
    await broken.close();
  });

  test("the tools of the Model Context Protocol are listed, and what is no message refused", async () => {
    const message = (fields: object) => ({ jsonrpc: "2.0", ...fields });
    const headers = { accept: "application/json, text/event-stream" };
    const send = (body: unknown, statuses: number[], changes: object = {}) =>
      asked(world(), "POST /mcp", { body, headers: { ...headers, ...changes } }, statuses);
    await send(message({ id: 1, method: "tools/list" }), [200]);
    await send(message({ method: "notifications/initialized" }), [202]);
    await send("{", [400]);
    await send(message({ id: 1, method: "subscriptions/listen" }), [404]);
    await send(message({ id: 1, method: "tools/list" }), [406], { accept: "text/plain" });
    await refused(world(), "POST /mcp", "unsupported_media_type", {
      body: "{}",
      headers: { "content-type": "text/plain" },
    });
    await refused(world(), "POST /mcp", "payload_too_large", { body: " ".repeat(10 * 1_048_576 + 1) });
    await refused(world(), "POST /mcp", "permission_denied", {
      body: {},
      headers: { origin: "https://other.example" },
    });
  });

  test("hubs are negotiated, polled, posted to, closed and refused", async () => {
    const HUB = "/hubs/tasks";
    const negotiate = async (path = `${HUB}/negotiate`) =>
      (await asked<{ connectionToken: string }>(world(), `POST ${path}?negotiateVersion=1`)).connectionToken;
    const at = `${HUB}?id=${await negotiate()}`;
    await negotiate("/hubs/negotiate/tasks");
    await asked(world(), `GET ${at}`);
    await asked(world(), `POST ${at}`, { body: '{"protocol":"json","version":1}\u001e' });
    await refused(world(), `POST ${at}`, "payload_too_large", { body: "x".repeat(1_048_577) });
    await asked(world(), `DELETE ${at}`, {}, [202]);
    const poll = await world().send("GET", at);
    expect([200, 204, 404]).toContain(poll.status);
    const ended = `${HUB}?id=${await negotiate()}`;
    await asked(world(), `GET ${ended}`);
    const pending = world().send("GET", ended);
    await settled();
    await asked(world(), `DELETE ${ended}`, {}, [202]);
    expect([200, 204]).toContain((await pending).status);
    for (const method of ["GET", "POST", "DELETE"]) {
      await asked(world(), `${method} ${HUB}`, { headers: { accept: "text/event-stream" } }, [400]);
      await asked(world(), `${method} ${HUB}?id=nobody`, { headers: { accept: "text/event-stream" } }, [404]);
    }
    await asked(world(), `GET ${HUB}`, { headers: UPGRADE });
    await refused(world(), `GET ${HUB}`, "permission_denied", {
      headers: { ...UPGRADE, origin: "https://other.example" },
    });
    const leaving = new AbortController();
    const stream = `${HUB}?id=${await negotiate()}`;
    const events = { headers: { accept: "text/event-stream" }, signal: leaving.signal };
    await world().send("GET", stream, events);
    await asked(world(), `GET ${stream}`, events, [409]);
    leaving.abort();
  });

  test("hub connections beyond what a key may have are refused", async () => {
    const narrow = await gatewayWorld({
      env: { CONDUITLLM__HUBS__MAXCONNECTIONSPERKEY: "1" },
    });
    // Nothing becomes a socket there.
    await refused(narrow, "GET /hubs/tasks", "invalid_parameter", { headers: UPGRADE });
    const { connectionToken } = await asked<{ connectionToken: string }>(
      narrow,
      "POST /hubs/tasks/negotiate?negotiateVersion=1",
    );
    await narrow.send("GET", `/hubs/tasks?id=${connectionToken}`);
    for (const path of ["/hubs/tasks/negotiate", "/hubs/negotiate/tasks"])
      await refused(narrow, `POST ${path}`, "too_many_connections");
    await refused(narrow, "GET /hubs/tasks", "too_many_connections", { headers: UPGRADE });
    await narrow.close();
  });

  test.each(SOCKETS)(
    "%s opens sessions, and refuses what the key or the model does not allow",
    async (path) => {
      const refuse = async (code: string, query = "", options: object = {}) =>
        refused(world(), `GET ${path}${query}`, code, { headers: UPGRADE, ...options });
      const key = async (draft: object) => (await world().makeKey({ name: "voice", ...draft })).key;
      await asked(world(), `GET ${path}`, { headers: UPGRADE });
      await refused(world(), `GET ${path}`, "invalid_parameter");
      await refuse("model_not_found", "?model=nobody/nothing");
      await refuse("not_found", "?call_id=rtc_nobody");
      await refuse("not_supported", "?model=gemini/gemini-3.8-live&intent=transcription");
      await refuse("model_not_allowed", "", { key: await key({ allowedModels: ["other/*"] }) });
      await refuse("permission_denied", "", { key: await key({ permissions: { canGenerateImages: true } }) });
      await refuse("budget_exceeded", "", { key: await key({ budgets: [{ limit: 0 }] }) });
      const limited = await key({ requestsPerMinute: 1 });
      await asked(world(), `GET ${path}`, { headers: UPGRADE, key: limited });
      await refuse("rate_limit_exceeded", "", { key: limited });
    },
  );

  test.each(CALLS)("%s makes calls, and refuses what is no offer or not allowed", async (path) => {
    const route = `POST ${path}`;
    const offer = { body: OFFER, headers: SDP };
    const key = async (draft: object) => (await world().makeKey({ name: "voice", ...draft })).key;
    const made = await world().send("POST", path, offer);
    expect(made.status).toBe(201);
    await settled();
    const location = made.headers.get("location") ?? "";
    await asked(world(), `POST ${location}/hangup`);
    await refused(world(), route, "invalid_parameter", { ...offer, body: "hello" });
    await refused(world(), route, "payload_too_large", { ...offer, body: OFFER + " ".repeat(262_145) });
    await refused(world(), route, "unsupported_media_type", {
      body: OFFER,
      headers: { "content-type": "text/plain" },
    });
    await refused(world(), `${route}?model=nobody`, "model_not_found", offer);
    await refused(world(), route, "model_not_allowed", {
      ...offer,
      key: await key({ allowedModels: ["other/*"] }),
    });
    await refused(world(), route, "permission_denied", {
      ...offer,
      key: await key({ permissions: { canGenerateImages: true } }),
    });
    await refused(world(), route, "budget_exceeded", {
      ...offer,
      key: await key({ budgets: [{ limit: 0 }] }),
    });
    const limited = await key({ requestsPerMinute: 1 });
    await world().send("POST", path, { ...offer, key: limited });
    await refused(world(), route, "rate_limit_exceeded", { ...offer, key: limited });
    await refused(world(), `${route}?model=local/echo`, "not_supported", offer);
  });

  test("voice sessions are listed and ended, and those beyond the limit refused", async () => {
    const voice = new FakeCallProvider();
    const narrow = await gatewayWorld({
      env: {
        OPENAI_API_KEY: "sk-of-the-provider",
        CONDUITLLM__REALTIME__DEFAULTMODEL: VOICE_MODEL,
        CONDUITLLM__REALTIME__MAXCONNECTIONSPERKEY: "1",
      },
      voice,
      sockets: { upgrade: () => new Response(null, { status: 200 }) },
    });
    const offer = { body: OFFER, headers: SDP };
    const [path = "", other = ""] = CALLS;
    for (const byOperator of [false, true]) {
      await narrow.send("POST", path, offer);
      await settled();
      for (const socket of SOCKETS)
        await refused(narrow, `GET ${socket}`, "too_many_connections", { headers: UPGRADE });
      for (const call of CALLS) await refused(narrow, `POST ${call}`, "too_many_connections", offer);
      const { data } = await asked<{ data: { id: string }[] }>(narrow, "GET /v1/realtime/connections");
      await byAdmin(narrow, "GET /admin/v1/realtime/connections");
      const end = `${byOperator ? "/admin" : ""}/v1/realtime/connections/${data[0]!.id}`;
      await asked(narrow, `DELETE ${end}`, { key: byOperator ? ADMIN_KEY : undefined } as object);
      await settled();
      await narrow.clock.advance(1_000);
    }
    const { data: past } = await asked<{ data: { id: string }[] }>(narrow, "GET /v1/realtime/sessions");
    await asked(narrow, `GET /v1/realtime/sessions/${past[0]!.id}`);
    await asked(narrow, `DELETE /v1/realtime/sessions/${past[0]!.id}/artefacts`);
    for (const call of [path, other]) {
      voice.offerStatus = 500;
      await refused(narrow, `POST ${call}`, "provider_error", offer);
      voice.offerStatus = null;
      voice.patience = new Promise(() => {});
      const unanswered = refused(narrow, `POST ${call}`, "timeout", offer);
      await settled();
      await narrow.clock.advance(60_000);
      await unanswered;
      voice.patience = Promise.resolve();
    }
    await narrow.close();
  });

  test("providers' calls are taken, and refused where they are none", async () => {
    const called = await referenceWorld();
    let verdict: HookVerdict = { kind: "hint" };
    called.provider.hook = async () => verdict;
    await called.send("POST", "/v1/images/generations/async", { body: FOX });
    const { job } = await called.provider.next();
    const path = (job.hookUrl ?? "").replace(PUBLIC_URL, "");
    const hook = { body: { status: "done" }, key: null };
    await asked(called, `POST ${path}`, hook);
    verdict = { kind: "refused" };
    await refused(called, `POST ${path}`, "invalid_signature", hook);
    verdict = { kind: "unknown" };
    await refused(called, `POST ${path}`, "provider_unavailable", hook);
    verdict = { kind: "hint" };
    called.store.hint = () => Promise.reject(new StoreUnavailableError("locked", "gone"));
    await refused(called, `POST ${path}`, "overloaded", hook);
    called.store.hint = () => Promise.reject(new Error("unforeseen"));
    await refused(called, `POST ${path}`, "internal_error", hook);
    await refused(called, `POST ${path}`, "payload_too_large", { body: " ".repeat(1_048_577), key: null });
    await called.close();
  });

  test("a gateway that stops takes no new work", async () => {
    const stopping = await referenceWorld();
    const stopped = stopping.gateway.stop();
    await refused(stopping, "POST /v1/images/generations/async", "overloaded", { body: FOX });
    await Promise.all([stopped, stopping.clock.advance(60_000)]);
    await stopping.store.close();
  });
}
