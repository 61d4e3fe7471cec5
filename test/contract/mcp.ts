/** What `/mcp` promises, told as the official clients see it, on a started program of whatever host, with the built-in models. */

import type { CallToolResult } from "@modelcontextprotocol/client";
import { resultFromTaskOutcome, type SerializedTaskReference } from "@modelcontextprotocol/ext-tasks/client";
import { isCreateTaskResultV2, isDetailedTaskV2 } from "@modelcontextprotocol/ext-tasks/core/v2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  connectMcp,
  type McpAddress,
  type RpcAnswer,
  rpc,
  TASKS,
  taskSession,
} from "../fixture/mcp-client.ts";

export type McpSubject = {
  readonly name: string;
  open(): Promise<{ url: string; key: string; adminKey: string; close(): Promise<unknown> }>;
};

const PICTURE = {
  prompt: "a red fox in the snow",
  model: "local/canvas",
  size: "64x64",
  provider_options: { steps: 1 },
};
const SLOW = { ...PICTURE, provider_options: { steps: 20, step_ms: 60_000 } };
const FILM = { prompt: "a sailboat at sunset", model: "local/motion", size: "128x72", duration: 1 };
const UNKNOWN = "01900000-0000-7000-8000-000000000000";
const LIMIT_MS = 30_000;
const DAY_MS = 86_400_000;

type Structured = { taskId: string; status: string; media: { url: string; mimeType: string }[] };
const structuredOf = (result: unknown) => (result as CallToolResult).structuredContent as Structured;
const textOf = (result: unknown) => {
  const [first] = (result as CallToolResult).content;
  return first?.type === "text" ? first.text : "";
};

export function mcpContract({ name, open }: McpSubject): void {
  describe(`the Model Context Protocol (${name})`, { timeout: LIMIT_MS }, () => {
    let at: McpAddress;
    let adminKey: string;
    let close: () => Promise<unknown>;
    beforeAll(async () => {
      const { url, key, ...opened } = await open();
      at = { url, key };
      ({ adminKey, close } = opened);
    });
    afterAll(() => close());

    const call = (tool: string, given: object, options: { tasks?: boolean } = {}) =>
      rpc(at, "tools/call", { name: tool, arguments: given as Record<string, string> }, options);
    const begin = async (given: object) => String((await call("generate_image", given)).result?.taskId);
    const otherKey = async (): Promise<string> => {
      const headers = { authorization: `Bearer ${adminKey}`, "content-type": "application/json" };
      const body = JSON.stringify({ name: "another tenant" });
      const response = await fetch(new URL("/admin/v1/keys", at.url), { method: "POST", headers, body });
      return ((await response.json()) as { key: string }).key;
    };

    describe.each(["legacy", "modern"] as const)("to the official client, %s", (era) => {
      test("lists its tools with schemas of what they take and answer", async () => {
        const client = await connectMcp(at, era);
        const { tools } = await client.listTools();
        expect(tools.map((tool) => tool.name)).toEqual([
          "generate_image",
          "edit_image",
          "generate_video",
          "estimate",
          "get_task",
          "list_tasks",
          "cancel_task",
          "list_models",
        ]);
        for (const { inputSchema, outputSchema, description } of tools) {
          expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
          expect(outputSchema).toMatchObject({ type: "object" });
          expect(description?.length).toBeGreaterThan(10);
        }
        await client.close();
      });

      test("makes a picture, whose link needs no key", async () => {
        const client = await connectMcp(at, era);
        const result = await client.callTool({ name: "generate_image", arguments: PICTURE });
        const { status, media } = structuredOf(result);
        expect(status).toBe("completed");
        expect(JSON.parse(textOf(result))).toEqual(structuredOf(result));
        expect((result as CallToolResult).content[1]).toMatchObject({
          type: "resource_link",
          uri: media[0]?.url,
          mimeType: "image/png",
        });
        const file = await fetch(media[0]?.url ?? "");
        expect(file.headers.get("content-type")).toBe("image/png");
        await client.close();
      });

      test("tells how far a call is that it waits for", async () => {
        const client = await connectMcp(at, era);
        const told: number[] = [];
        await client.callTool(
          { name: "generate_image", arguments: { ...PICTURE, provider_options: { steps: 4, step_ms: 30 } } },
          { onprogress: ({ progress }) => told.push(progress) },
        );
        expect(told.at(-1)).toBe(100);
        expect(told).toEqual(told.toSorted((a, b) => a - b));
        await client.close();
      });

      test("makes a film, estimates, lists and reads", async () => {
        const client = await connectMcp(at, era);
        const film = structuredOf(await client.callTool({ name: "generate_video", arguments: FILM }));
        expect(film).toMatchObject({
          status: "completed",
          media: [{ mimeType: "video/webm", durationSeconds: 1 }],
        });
        const estimate = await client.callTool({ name: "estimate", arguments: { type: "video", ...FILM } });
        expect(estimate.structuredContent).toMatchObject({ reserved: 0, price: { free: true } });
        const list = await client.callTool({ name: "list_tasks", arguments: { type: "video", limit: 1 } });
        expect(list.structuredContent).toMatchObject({ tasks: [{ taskId: film.taskId }] });
        const read = await client.callTool({ name: "get_task", arguments: { task_id: film.taskId } });
        expect(read.structuredContent).toEqual(film);
        const models = await client.callTool({ name: "list_models", arguments: { type: "video" } });
        expect(models.structuredContent).toMatchObject({
          models: expect.arrayContaining([expect.objectContaining({ id: "local/motion", aliasOf: null })]),
        });
        const model = await client.callTool({ name: "list_models", arguments: { model: "local/motion" } });
        expect(model.structuredContent).toMatchObject({ models: [{ parameters: { type: "object" } }] });
        await client.close();
      });

      test("answers what takes longer than the call waits as it is, and it is read and cancelled by its id", async () => {
        const client = await connectMcp(at, era);
        const given = { ...SLOW, wait_seconds: 0 };
        const { taskId, status } = structuredOf(
          await client.callTool({ name: "generate_image", arguments: given }),
        );
        expect(["queued", "running"]).toContain(status);
        const read = await client.callTool({
          name: "get_task",
          arguments: { task_id: taskId, wait_seconds: 0 },
        });
        expect(read.structuredContent).toMatchObject({ taskId, next: expect.stringContaining("get_task") });
        const ended = await client.callTool({
          name: "cancel_task",
          arguments: { task_id: taskId.toUpperCase() },
        });
        expect(ended).toMatchObject({ structuredContent: { taskId, status: "cancelled", media: [] } });
        await client.close();
      });

      test("tells the model what is wrong, and what to do about it", async () => {
        const client = await connectMcp(at, era);
        const wrong = async (tool: string, given: Record<string, unknown>) => {
          const result = await client.callTool({ name: tool, arguments: given });
          expect(result.isError).toBe(true);
          return textOf(result);
        };
        expect(await wrong("generate_image", { ...PICTURE, model: "local/none" })).toMatch(
          /model_not_found[\s\S]*list_models/,
        );
        expect(await wrong("generate_image", { model: "local/canvas" })).toMatch(/^prompt is required/);
        expect(await wrong("generate_image", { ...PICTURE, size: "7x" })).toMatch(/^size .*about size/);
        expect(await wrong("generate_image", { ...PICTURE, webhook_url: "https://a.example" })).toMatch(
          /^"webhook_url" is no argument of this tool, which takes prompt, /,
        );
        expect(await wrong("generate_image", { ...PICTURE, wait_seconds: 61 })).toMatch(
          /^wait_seconds must be/,
        );
        expect(await wrong("edit_image", PICTURE)).toMatch(/^image is required/);
        expect(await wrong("get_task", { task_id: UNKNOWN })).toMatch(/task_not_found[\s\S]*list_tasks/);
        expect(await wrong("get_task", {})).toMatch(/^task_id is required/);
        expect(await wrong("list_tasks", { limit: 0 })).toMatch(
          /^limit must be a whole number from 1 to 100/,
        );
        await client.close();
      });

      test("refuses a tool that there is not by an error of the protocol", async () => {
        const client = await connectMcp(at, era);
        const call = client.callTool({ name: "make_tea", arguments: {} });
        await expect(call).rejects.toMatchObject({
          code: -32602,
          message: expect.stringContaining("There is no tool"),
        });
        await client.close();
      });
    });

    describe("to the client of the tasks extension", () => {
      test("answers a call with a task, which it follows to its result", async () => {
        const client = await connectMcp(at);
        const session = taskSession(client, at);
        const execution = await session.callTool("generate_image", PICTURE);
        expect(execution.kind).toBe("task");
        const { outcome, lastTask } = await execution.settle();
        const result = resultFromTaskOutcome(outcome);
        expect(structuredOf(result)).toMatchObject({
          status: "completed",
          media: [{ mimeType: "image/png" }],
        });
        // The retention of the record, from its end on.
        expect(lastTask?.retentionMs).toBeGreaterThanOrEqual(30 * DAY_MS);
        await session.close();
        await client.close();
      });

      test("lets another session follow a task by what the first one has kept of it", async () => {
        const first = taskSession(await connectMcp(at), at);
        const execution = await first.callTool("generate_video", FILM);
        if (execution.kind !== "task") throw new Error("a task was expected");
        const { promise, resolve } = Promise.withResolvers<SerializedTaskReference>();
        await execution.handoff(resolve);
        const reference = await promise;
        // The first session is not closed: that would cancel what it began.
        const second = taskSession(await connectMcp(at), at);
        const { outcome } = await (await second.resumeTask(reference)).settle();
        expect(structuredOf(resultFromTaskOutcome(outcome))).toMatchObject({
          status: "completed",
          type: "video",
        });
        await second.close();
      });

      test("cancels a task", async () => {
        const session = taskSession(await connectMcp(at), at);
        const execution = await session.callTool("generate_image", SLOW);
        await execution.cancel();
        expect((await execution.settle()).outcome.status).toBe("cancelled");
        await session.close();
      });

      test("gets a task that failed as a completed one whose result is an error", async () => {
        const session = taskSession(await connectMcp(at), at);
        const options = { steps: 2, fail_at: 1, fail: "permanent" };
        const execution = await session.callTool("generate_image", { ...PICTURE, provider_options: options });
        const result = resultFromTaskOutcome((await execution.settle()).outcome) as CallToolResult;
        expect(result).toMatchObject({ isError: true, structuredContent: { status: "failed", media: [] } });
        await session.close();
      });
    });

    describe("in messages of the tasks extension", () => {
      const errorOf = ({ status, error }: RpcAnswer) => ({ status, code: error?.code });

      test("says in its discovery that it takes tasks", async () => {
        const { result } = await rpc(at, "server/discover");
        expect(result).toMatchObject({ capabilities: { tools: {}, extensions: { [TASKS]: {} } } });
      });

      test("answers a call with a task and nothing else, and reads it in every state", async () => {
        const { status, result } = await call("generate_image", SLOW);
        expect(status).toBe(200);
        expect(isCreateTaskResultV2(result)).toBe(true);
        expect(result).toMatchObject({ resultType: "task", status: "working", ttlMs: 30 * DAY_MS });
        expect(result).not.toHaveProperty("content");
        const taskId = String(result?.taskId);
        const working = (await rpc(at, "tasks/get", { taskId })).result;
        expect(isDetailedTaskV2(working)).toBe(true);
        expect(working).toMatchObject({ resultType: "complete", taskId, status: "working" });
        expect(Number(working?.pollIntervalMs)).toBeGreaterThanOrEqual(1_000);
        const answered = await rpc(at, "tasks/update", { taskId, inputResponses: {} });
        expect(answered.result).toMatchObject({ resultType: "complete" });
        expect(await rpc(at, "tasks/update", { taskId })).toMatchObject({ error: { code: -32602 } });
        for (const _ of ["once", "again"]) {
          const { _meta, ...acknowledged } = (await rpc(at, "tasks/cancel", { taskId })).result ?? {};
          expect(acknowledged).toEqual({ resultType: "complete" });
        }
        const cancelled = (await rpc(at, "tasks/get", { taskId })).result;
        expect(isDetailedTaskV2(cancelled)).toBe(true);
        expect(cancelled).toMatchObject({ status: "cancelled", statusMessage: "Cancelled." });
        expect(cancelled).not.toHaveProperty("pollIntervalMs");
      });

      test("acknowledges the cancelling of a task that has ended first", async () => {
        const taskId = await begin(PICTURE);
        await call("get_task", { task_id: taskId });
        expect(await rpc(at, "tasks/cancel", { taskId })).toMatchObject({ status: 200, result: {} });
        const { result } = await rpc(at, "tasks/get", { taskId });
        expect(isDetailedTaskV2(result)).toBe(true);
        expect(result).toMatchObject({
          status: "completed",
          result: { resultType: "complete", content: {} },
        });
      });

      test.each(["tasks/get", "tasks/update", "tasks/cancel"])(
        "refuses %s of a client that does not take tasks",
        async (method) => {
          const taskId = await begin(PICTURE);
          const answer = await rpc(at, method, { taskId, inputResponses: {} }, { tasks: false });
          expect(errorOf(answer)).toEqual({ status: 400, code: -32021 });
          expect(answer.error?.data).toEqual({ requiredCapabilities: { extensions: { [TASKS]: {} } } });
        },
      );

      test.each(["tasks/get", "tasks/update", "tasks/cancel"])(
        "%s answers another tenant's task as one that there is not",
        async (method) => {
          const mine = await begin(SLOW);
          const theirs = { ...at, key: await otherKey() };
          const refused = await rpc(theirs, method, { taskId: mine, inputResponses: {} });
          const unknown = await rpc(theirs, method, { taskId: UNKNOWN, inputResponses: {} });
          expect(errorOf(refused)).toEqual({ status: 200, code: -32602 });
          expect(refused.error?.message.replace(mine, UNKNOWN)).toBe(unknown.error?.message);
          expect((await rpc(at, "tasks/cancel", { taskId: mine })).error).toBeUndefined();
        },
      );

      test("answers no task to a client that does not take any", async () => {
        const { result } = await call("generate_image", PICTURE, { tasks: false });
        expect(result).toMatchObject({ resultType: "complete", structuredContent: { status: "completed" } });
      });

      test("has nothing to subscribe to, and says first what a client lacks", async () => {
        const taskIds = [UNKNOWN];
        const without = await rpc(
          at,
          "subscriptions/listen",
          { notifications: { taskIds } },
          { tasks: false },
        );
        expect(errorOf(without)).toEqual({ status: 400, code: -32021 });
        expect(errorOf(await rpc(at, "subscriptions/listen", { notifications: { taskIds } }))).toEqual({
          status: 404,
          code: -32601,
        });
      });
    });

    describe("at the door", () => {
      const post = (body: string, headers: Record<string, string> = {}) =>
        fetch(new URL("/mcp", at.url), {
          method: "POST",
          headers: {
            authorization: `Bearer ${at.key}`,
            "content-type": "application/json",
            accept: "application/json, text/event-stream",
            ...headers,
          },
          body,
        });
      const initialize = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "initialize",
        params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "x", version: "1" } },
      });

      test.each([
        ["no key", {}, "missing_api_key"],
        ["a wrong key", { authorization: `Bearer condt_${"x".repeat(40)}` }, "invalid_api_key"],
      ])("refuses a caller with %s as every route does", async (_, headers, code) => {
        const request = {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body: initialize,
        };
        const response = await fetch(new URL("/mcp", at.url), request);
        expect(response.status).toBe(401);
        expect(response.headers.get("www-authenticate")).toBe("Bearer");
        expect(await response.json()).toMatchObject({ error: { code } });
      });

      test("refuses a page of a foreign origin, and lets programs and its own pages in", async () => {
        const foreign = await post(initialize, { origin: "https://evil.example" });
        expect(foreign.status).toBe(403);
        expect(await foreign.json()).toMatchObject({ error: { code: "permission_denied", param: "Origin" } });
        expect((await post(initialize, { origin: new URL(at.url).origin })).status).toBe(200);
        expect((await post(initialize)).status).toBe(200);
      });

      test("answers what is no JSON, and no message, by errors of JSON-RPC", async () => {
        const broken = await post("{");
        expect(broken.status).toBe(400);
        expect(await broken.json()).toMatchObject({ jsonrpc: "2.0", id: null, error: { code: -32700 } });
        const number = await post("7");
        expect(number.status).toBe(400);
        expect(await number.json()).toMatchObject({ error: { code: -32600 } });
      });

      test("refuses another media type as every route does", async () => {
        expect((await post(initialize, { "content-type": "text/plain" })).status).toBe(415);
      });

      test.each(["GET", "DELETE"])("has no sessions: %s is not there", async (method) => {
        const headers = { authorization: `Bearer ${at.key}`, accept: "text/event-stream" };
        const response = await fetch(new URL("/mcp", at.url), { method, headers });
        expect(response.status).toBe(405);
        expect(response.headers.get("allow")).toBe("POST, OPTIONS");
      });

      test("names the revisions that it speaks to a client of another one", async () => {
        const headers = { "mcp-protocol-version": "2031-01-01" };
        const _meta = { "io.modelcontextprotocol/protocolVersion": "2031-01-01" };
        const { status, error } = await rpc(at, "tools/list", { _meta }, { headers });
        expect({ status, code: error?.code }).toEqual({ status: 400, code: -32022 });
        expect(error?.data).toMatchObject({ supported: ["2026-07-28"] });
      });

      test.each([
        ["another revision", { "mcp-protocol-version": "2025-11-25" }],
        ["another method", { "mcp-method": "tools/list" }],
        ["another task", { "mcp-name": "another" }],
      ])("refuses headers that name %s than the body", async (_, headers) => {
        const { status, error } = await rpc(at, "tasks/get", { taskId: UNKNOWN }, { headers });
        expect({ status, code: error?.code }).toEqual({ status: 400, code: -32020 });
      });

      test("takes notifications of clients from before 2026-07-28, and demands that those read event streams", async () => {
        const notification = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" });
        const taken = await post(notification);
        expect([taken.status, await taken.text()]).toEqual([202, ""]);
        const deaf = await post(initialize, { accept: "application/json" });
        expect(deaf.status).toBe(406);
        expect(await deaf.json()).toMatchObject({ jsonrpc: "2.0", error: { code: -32000 } });
      });

      test("does not know methods of others", async () => {
        const { status, error } = await rpc(at, "prompts/list");
        expect({ status, code: error?.code }).toEqual({ status: 404, code: -32601 });
      });
    });
  });
}
