/** `/mcp` on a gateway whose provider does what the test says: waits, clients that leave, failures, money, inputs, addresses. */

import type { JsonValue } from "@modelcontextprotocol/ext-tasks/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { IdleLimit } from "../../src/http/idle-limit.ts";
import type { WireTask } from "../../src/protocol/task.ts";
import { CANVAS_CAPABILITIES } from "../../src/providers/local/capabilities.ts";
import { BOOTSTRAP_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { settled } from "../fixture/manual-clock.ts";
import { type McpAddress, type RpcOptions, rpc } from "../fixture/mcp-client.ts";
import { PNG } from "../fixture/media-samples.ts";
import type { ProviderCall } from "../fixture/scripted-provider.ts";

const FOX = { prompt: "a red fox", model: "local/canvas" };
const MODELS = [
  {
    providerModel: "canvas",
    capabilities: CANVAS_CAPABILITIES,
    pricing: { kind: "free" as const },
    created: 1,
  },
  {
    providerModel: "editor",
    capabilities: { ...CANVAS_CAPABILITIES, inputs: { images: 4, mask: true } },
    pricing: { kind: "per_image" as const, micros: 40_000 },
    created: 1,
  },
];

let world: GatewayWorld;
let at: McpAddress;
/** What the host was told of its idle limit. */
let idle: string[];
const host: IdleLimit = { keepOpen: () => idle.push("lifted"), limitIdle: () => idle.push("back") };
beforeEach(() => open());
afterEach(() => world.close());

async function open(env: Record<string, string> = {}): Promise<void> {
  idle = [];
  world = await gatewayWorld({ models: MODELS, env, host });
  at = {
    url: "http://localhost:8787",
    key: BOOTSTRAP_KEY,
    fetch: Object.assign(
      async (input: string | URL | Request, init?: RequestInit) => world.app.fetch(new Request(input, init)),
      { preconnect: fetch.preconnect },
    ),
  };
}

type ToolResult = {
  isError?: boolean;
  content: [{ text: string }, ...{ uri?: string }[]];
  structuredContent: {
    taskId: string;
    status: string;
    next?: string;
    [field: string]: JsonValue | undefined;
  };
};

/** Calls a tool for a client that takes no tasks. */
async function call(
  tool: string,
  given: object,
  options: RpcOptions & { key?: string } = {},
): Promise<ToolResult> {
  const params = { name: tool, arguments: given as Record<string, JsonValue> };
  const address = { ...at, key: options.key ?? at.key };
  const { result } = await rpc(address, "tools/call", params, { tasks: false, ...options });
  return result as unknown as ToolResult;
}

/** A call of a client from before 2026-07-28. */
function callLegacy(tool: string, given: object, signal?: AbortSignal): Promise<Response> {
  const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool, arguments: given } };
  const headers = { accept: "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25" };
  return world.send("POST", "/mcp", { body: message, headers, ...(signal === undefined ? {} : { signal }) });
}

async function paint(providerCall: ProviderCall): Promise<void> {
  const media = await providerCall.io.putMedia(PNG, "image/png");
  providerCall.answer({ kind: "done", items: [{ index: 0, media }] });
  await settled();
}

async function onlyTask(): Promise<WireTask> {
  const page = (await (await world.send("GET", "/v1/tasks")).json()) as { data: WireTask[] };
  expect(page.data).toHaveLength(1);
  return page.data[0]!;
}

describe("a call that waits", () => {
  test("is answered when its time is over with the task as it is, which is read later", async () => {
    const waiting = call("generate_image", { ...FOX, wait_seconds: 5 });
    const working = await world.provider.next();
    await settled();
    await world.clock.advance(5_000);
    const { structuredContent, isError } = await waiting;
    expect(isError).toBeUndefined();
    expect(structuredContent).toMatchObject({ status: "running", media: [] });
    expect(structuredContent.next).toBe(
      `It is still at work. Call get_task with task_id ${structuredContent.taskId} until status is completed, failed or cancelled.`,
    );
    const reading = call("get_task", { task_id: structuredContent.taskId });
    await settled();
    await paint(working);
    expect(await reading).toMatchObject({ structuredContent: { status: "completed" } });
  });

  test("ends with its task's end, and the idle limit of its request is lifted meanwhile", async () => {
    const waiting = call("generate_image", FOX);
    const working = await world.provider.next();
    await settled();
    expect(idle).toEqual(["lifted"]);
    await paint(working);
    expect(await waiting).toMatchObject({ structuredContent: { status: "completed", cost: 0 } });
    expect(idle).toEqual(["lifted", "back"]);
  });

  test("cancels what it began when its client leaves", async () => {
    const leaving = new AbortController();
    const waiting = call("generate_image", FOX, { signal: leaving.signal }).catch(() => null);
    const working = await world.provider.next();
    leaving.abort();
    await waiting;
    await settled();
    expect(await onlyTask()).toMatchObject({ status: "cancelled" });
    expect(working.io.signal.aborted).toBe(true);
  });

  test("that repeats another one leaves the task alone when its client leaves", async () => {
    const given = { ...FOX, idempotency_key: "one-fox" };
    const first = call("generate_image", given);
    const working = await world.provider.next();
    const leaving = new AbortController();
    const second = call("generate_image", given, { signal: leaving.signal }).catch(() => null);
    await settled();
    leaving.abort();
    await second;
    await settled();
    expect(working.io.signal.aborted).toBe(false);
    await paint(working);
    expect(await first).toMatchObject({ structuredContent: { status: "completed" } });
  });

  test("leaves alone what it only reads when its client leaves", async () => {
    const { structuredContent } = await call("generate_image", { ...FOX, wait_seconds: 0 });
    const leaving = new AbortController();
    const given = { task_id: structuredContent.taskId };
    const waiting = call("get_task", given, { signal: leaving.signal }).catch(() => null);
    await settled();
    leaving.abort();
    await waiting;
    await settled();
    expect(await onlyTask()).toMatchObject({ status: "running" });
  });

  test("goes on without a client from before 2026-07-28, whose connections break for any reason", async () => {
    const leaving = new AbortController();
    void callLegacy("generate_image", FOX, leaving.signal).catch(() => null);
    const working = await world.provider.next();
    leaving.abort();
    await settled();
    expect(await onlyTask()).toMatchObject({ status: "running" });
    await paint(working);
    expect(await onlyTask()).toMatchObject({ status: "completed" });
  });
});

describe("what goes wrong", () => {
  test.each([
    ["content_policy_violation", "content_policy", "Change the prompt"],
    ["provider_error", "permanent", "with another model"],
  ] as const)("with the work, %s, is an error that says what to do", async (errorCode, kind, advice) => {
    const waiting = call("generate_image", FOX);
    const working = await world.provider.next();
    working.answer({ kind: "failed", failure: { kind, code: errorCode, message: "It did not work." } });
    const result = await waiting;
    expect(result).toMatchObject({ isError: true, structuredContent: { status: "failed", errorCode } });
    expect(result.structuredContent.next).toContain(advice);
    expect(result.content[0].text).toContain("It did not work.");
  });

  test("with the key's money is an error, and nothing is made", async () => {
    const { key } = await world.makeKey({ name: "poor", budgets: [{ limit: 0.01 }] });
    const image = `data:image/png;base64,${PNG.toBase64()}`;
    const given = { prompt: "at night", model: "local/editor", image };
    const { isError, content } = await call("edit_image", given, { key });
    expect(isError).toBe(true);
    expect(content[0].text).toMatch(/budget_exceeded[\s\S]*Nothing was made/);
    const estimated = await call("estimate", { type: "image", ...given }, { key });
    expect(estimated.structuredContent).toMatchObject({ reserved: 0.04 });
  });

  test("with the key's rate says how long to wait", async () => {
    const { key } = await world.makeKey({ name: "slow", requestsPerMinute: 1 });
    await call("generate_image", { ...FOX, wait_seconds: 0 }, { key });
    const { isError, content } = await call("generate_image", { ...FOX, wait_seconds: 0 }, { key });
    expect(isError).toBe(true);
    expect(content[0].text).toMatch(/rate_limit_exceeded[\s\S]*Call again in \d+ s at the earliest/);
  });

  test("here is logged with the request's id, and told without its cause", async () => {
    vi.spyOn(world.store, "get").mockRejectedValue(new Error("a secret of ours"));
    const given = { task_id: "01900000-0000-7000-8000-000000000000" };
    const { isError, content } = await call("get_task", given, {
      headers: { "x-request-id": "req-of-mine" },
    });
    expect(isError).toBe(true);
    expect(content[0].text).toContain("internal_error");
    expect(content[0].text).not.toContain("secret");
    expect(world.log).toContainEqual(
      expect.objectContaining({
        level: "error",
        fields: expect.objectContaining({
          requestId: "req-of-mine",
          cause: expect.stringContaining("a secret of ours"),
        }),
      }),
    );
  });
});

describe("a call", () => {
  test("that is repeated with its idempotency key makes nothing twice", async () => {
    const given = { ...FOX, idempotency_key: "one-fox", wait_seconds: 0 };
    const [first, second] = [await call("generate_image", given), await call("generate_image", given)];
    expect(second.structuredContent.taskId).toBe(first.structuredContent.taskId);
    expect((await onlyTask()).taskId).toBe(first.structuredContent.taskId);
  });

  test("with an idempotency key that cannot be one is an error that names it", async () => {
    const { isError, content } = await call("generate_image", { ...FOX, idempotency_key: "naïve ☂" });
    expect(isError).toBe(true);
    expect(content[0].text).toContain("(invalid_parameter, about idempotency_key)");
  });

  test.each(["../events", "..", "canvas/../../tasks", "."])(
    "for the model %j reaches no other route",
    async (model) => {
      const { isError, content } = await call("list_models", { model });
      expect(isError).toBe(true);
      expect(content[0].text).toContain("(not_found)");
    },
  );

  test("edits the result of an earlier one", async () => {
    const making = call("generate_image", FOX);
    await paint(await world.provider.next());
    const { structuredContent } = await making;
    const given = { prompt: "at night", model: "local/editor", image: { task_id: structuredContent.taskId } };
    const editing = call("edit_image", given);
    const working = await world.provider.next();
    expect(working.job.inputs).toMatchObject([{ role: "image" }]);
    await paint(working);
    expect(await editing).toMatchObject({ structuredContent: { status: "completed", cost: 0.04 } });
  });

  test("counts a field that is null as absent, as some clients send it", async () => {
    const { structuredContent } = await call("generate_image", { ...FOX, size: null, wait_seconds: 0 });
    expect(structuredContent.status).toBe("running");
  });

  test("reaches the engine in the name of the key alone", async () => {
    const { key } = await world.makeKey({ name: "films only", permissions: { canGenerateImages: false } });
    expect((await call("generate_image", FOX, { key })).content[0].text).toContain("permission_denied");
  });
});

describe("links", () => {
  test("have the address under which the gateway was asked, behind a trusted proxy the public one", async () => {
    await world.close();
    await open({ CONDUITLLM__SERVER__TRUSTPROXY: "true" });
    const headers = { "x-forwarded-proto": "https", "x-forwarded-host": "api.example" };
    const making = call("generate_image", FOX, { headers });
    await paint(await world.provider.next());
    const { content } = await making;
    expect(content[1]?.uri).toMatch(/^https:\/\/api\.example\/v1\/media\/.+\.png$/);
  });
});

describe("a page", () => {
  const preflight = (origin: string) =>
    world.send("OPTIONS", "/mcp", {
      key: null,
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, mcp-protocol-version, mcp-method, mcp-name",
      },
    });

  test("of a listed origin is let in with the headers of the protocol", async () => {
    const response = await preflight("http://localhost:6274");
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("http://localhost:6274");
    expect(response.headers.get("access-control-allow-headers")).toContain("mcp-protocol-version");
  });

  test("that a name of an attacker's leads here is refused", async () => {
    const headers = { origin: "http://gateway.test:8787" };
    const body = { jsonrpc: "2.0", id: 1, method: "tools/list" };
    expect((await world.send("POST", "/mcp", { body, headers })).status).toBe(403);
  });
});
