/**
 * What the HTTP API promises, told as a client sees it. Runs against anything that answers like `fetch`: the
 * application in this process, or a started server.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireProviderList } from "../../src/protocol/provider.ts";
import type { WireAccepted, WireTask, WireTaskPage, WireTasksCancelled } from "../../src/protocol/task.ts";
import { PNG as PICTURE } from "../fixture/media-samples.ts";
import { DescribedAnswers } from "../fixture/reference/described-answers.ts";
import type { OpenApiDocument } from "../fixture/reference/openapi-document.ts";
import { adminApiTests } from "./admin-api.ts";
import { batchApiContract } from "./http-batches.ts";

export type HttpApi = {
  /** Sends a request to a path of the server. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** A virtual key with every permission. */
  key: string;
  adminKey: string;
  close(): Promise<void>;
};

const ASYNC = "/v1/images/generations/async";
const SYNC = "/v1/images/generations";
const UNKNOWN_TASK = "01900000-0000-7000-8000-000000000000";
/** The smallest picture, so that suites spend their time on the API. */
const SMALL = {
  prompt: "a red fox in the snow",
  model: "dall-e-3",
  size: "64x64",
  provider_options: { steps: 1 },
};
const PNG = [0x89, 0x50, 0x4e, 0x47];

export function httpApiContract({ name, open }: { name: string; open: () => Promise<HttpApi> }): void {
  describe(`the HTTP API (${name})`, () => {
    let api: HttpApi;
    beforeAll(async () => {
      const opened = await open();
      const document = (await (await opened.fetch("/openapi.json")).json()) as OpenApiDocument;
      const described = new DescribedAnswers(document);
      api = {
        ...opened,
        close: () => opened.close(),
        async fetch(path, init) {
          const answer = await opened.fetch(path, init);
          await described.check(init?.method ?? "GET", path, answer);
          return answer;
        },
      };
    });
    afterAll(() => api.close());

    const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
      api.fetch(path, {
        method,
        headers: {
          authorization: `Bearer ${api.key}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const admin = (method: string, path: string, body?: unknown) =>
      send(method, path, body, { authorization: `Bearer ${api.adminKey}` });
    adminApiTests(() => api);

    const read = async <T>(response: Response) => (await response.json()) as T;
    const path = (url: string) => new URL(url).pathname;
    const finished = async (changes: object = {}) =>
      read<WireAccepted & WireTask>(
        await send("POST", ASYNC, { ...SMALL, ...changes }, { prefer: "wait=30" }),
      );
    const expectError = async (
      response: Response,
      status: number,
      code: string,
      param: string | null = null,
    ) => {
      const { error } = await read<WireError>(response);
      expect({ status: response.status, code: error.code, param: error.param }).toEqual({
        status,
        code,
        param,
      });
      expect(error.requestId).toBe(response.headers.get("x-request-id"));
      expect(error.message.length).toBeGreaterThan(5);
      return error;
    };

    batchApiContract({ send, expectError });

    describe("creating a picture", () => {
      test("answers 200 with both spellings of the id and links that work", async () => {
        const response = await send("POST", ASYNC, SMALL);
        expect(response.status).toBe(200);
        const accepted = await read<WireAccepted>(response);
        expect(accepted.taskId).toMatch(/^[0-9a-f-]{36}$/);
        expect(accepted.task_id).toBe(accepted.taskId);
        expect(accepted.status).toBe("queued");
        expect(Date.parse(accepted.created)).toBeGreaterThan(0);
        expect(path(accepted.statusUrl)).toBe(`/v1/images/generations/${accepted.taskId}/status`);
        expect(path(accepted.eventsUrl)).toBe(`/v1/tasks/${accepted.taskId}/events`);
        const status = await send("GET", path(accepted.statusUrl));
        expect((await read<WireTask>(status)).taskId).toBe(accepted.taskId);
        expect((await send("GET", path(accepted.cancelUrl))).status).toBe(200);
      });

      test("with Prefer: wait answers the create and the read shape together once the picture is there", async () => {
        const response = await send("POST", ASYNC, SMALL, { prefer: "respond-async, wait=30" });
        expect(response.headers.get("preference-applied")).toBe("wait=30");
        const task = await read<WireAccepted & WireTask>(response);
        expect(task).toMatchObject({ status: "completed", progress: 100, type: "image", model: "dall-e-3" });
        expect(task.statusUrl).toContain(task.taskId);
        expect(response.headers.has("retry-after")).toBe(false);
        expect(task.result?.images).toHaveLength(1);
        expect(task.result?.images?.[0]).not.toHaveProperty("b64_json");
        expect(task).toMatchObject({ cost: 0, settled: true });
      });

      test("takes null for absent, and whatever else OpenAI's typed clients send", async () => {
        const body = {
          ...SMALL,
          n: null,
          seed: null,
          response_format: null,
          user: "user-1",
          style: "vivid",
          quality: "hd",
          moderation: "low",
          safety_identifier: "s",
          output_compression: 90,
        };
        expect((await send("POST", ASYNC, body)).status).toBe(200);
      });

      test("makes n pictures and keeps the metadata", async () => {
        const task = await finished({ n: 3, metadata: { order: "42", ключ: "значение" } });
        expect(task.result?.images?.map(({ metadata }) => metadata.index)).toEqual([0, 1, 2]);
        expect(task.metadata).toEqual({ order: "42", ключ: "значение" });
      });

      test("fills b64_json when one task is read and it was asked for, never in lists", async () => {
        const task = await finished({ response_format: "b64_json" });
        const encoded = task.result?.images?.[0]?.b64_json ?? "";
        expect([...Buffer.from(encoded, "base64").subarray(0, 4)]).toEqual(PNG);
        expect(task.result?.images?.[0]?.url).toContain("/v1/media/");
        const list = await (await send("GET", "/v1/tasks?limit=1")).text();
        expect(list).toContain(task.taskId);
        expect(list).not.toContain("b64_json");
      });

      test("says what was tried when one task is read, never in lists", async () => {
        const task = await finished({ provider_options: { steps: 1, fail_at: 1, fail: "permanent" } });
        const { attempts } = await read<WireTask>(await send("GET", `/v1/tasks/${task.taskId}`));
        expect(attempts).toEqual([
          {
            attempt: 1,
            provider: "local",
            model: "canvas",
            startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
            ms: expect.any(Number),
            outcome: "failed",
            errorCode: task.errorCode,
          },
        ]);
        expect(await (await send("GET", "/v1/tasks?limit=1")).text()).not.toContain("attempts");
      });

      test("says what was asked for when one task is read, as a create takes it", async () => {
        const body = { n: 2, size: "512x256", seed: 7, background: "opaque", metadata: { order: "42" } };
        const options = { steps: 2 };
        const task = await finished({
          ...body,
          provider_options: options,
          user: "u-1",
          response_format: "url",
        });
        const { request } = await read<WireTask>(await send("GET", `/v1/tasks/${task.taskId}`));
        const { model, prompt } = task.request ?? {};
        expect(request).toEqual({ model, prompt, ...body, provider_options: options });
        expect([task.model, (await finished(request)).status]).toEqual([model, "completed"]);
        expect(await (await send("GET", "/v1/tasks?limit=1")).text()).not.toContain(prompt);
      });

      test("reports a task that fails, with a sentence and a code", async () => {
        const task = await finished({ provider_options: { steps: 1, fail_at: 1, fail: "permanent" } });
        expect(task.status).toBe("failed");
        expect(typeof task.error).toBe("string");
        expect(task.errorCode).toBeTypeOf("string");
        expect(task).not.toHaveProperty("result");
      });
    });

    describe("a repeated request", () => {
      test("with the same Idempotency-Key and body is the same task, and says so", async () => {
        const headers = { "idempotency-key": crypto.randomUUID() };
        const first = await read<WireAccepted>(await send("POST", ASYNC, SMALL, headers));
        const reordered = Object.fromEntries(Object.entries(SMALL).reverse());
        const again = await send("POST", ASYNC, reordered, headers);
        expect(again.headers.get("idempotent-replayed")).toBe("true");
        expect((await read<WireAccepted>(again)).taskId).toBe(first.taskId);
      });

      test("with the same Idempotency-Key and another body is refused, and not to be retried", async () => {
        const headers = { "idempotency-key": crypto.randomUUID() };
        await send("POST", ASYNC, SMALL, headers);
        const other = await send("POST", ASYNC, { ...SMALL, prompt: "a blue fox" }, headers);
        expect(other.headers.get("x-should-retry")).toBe("false");
        await expectError(other, 422, "idempotency_key_reused");
      });

      test("of another route has its own keys", async () => {
        const headers = { "idempotency-key": crypto.randomUUID() };
        await send("POST", ASYNC, SMALL, headers);
        expect((await send("POST", SYNC, { ...SMALL, prompt: "a blue fox" }, headers)).status).toBe(200);
      });

      test("of OpenAI's library without a key is the same task, but a first sending never is", async () => {
        const body = { ...SMALL, prompt: `a fox ${crypto.randomUUID()}` };
        const attempt = (count: string) => send("POST", ASYNC, body, { "x-stainless-retry-count": count });
        const one = await read<WireAccepted>(await attempt("0"));
        const two = await read<WireAccepted>(await attempt("0"));
        const repeat = await attempt("1");
        expect(two.taskId).not.toBe(one.taskId);
        expect(repeat.headers.get("idempotent-replayed")).toBe("true");
        expect((await read<WireAccepted>(repeat)).taskId).toBe(two.taskId);
      });

      test.each([
        ["", "empty"],
        ["a".repeat(256), "too long"],
        ["ключ", "not ASCII"],
      ])("refuses an Idempotency-Key that is %#", async (key) => {
        // What fetch itself refuses to send cannot arrive.
        const headers = new Headers();
        try {
          headers.set("idempotency-key", key);
        } catch {
          return;
        }
        const response = await send("POST", ASYNC, SMALL, { "idempotency-key": key });
        await expectError(response, 400, "invalid_parameter", "Idempotency-Key");
      });
    });

    describe("the synchronous route", () => {
      test("answers as OpenAI does, with a link that leads to a PNG", async () => {
        const response = await send("POST", SYNC, SMALL);
        expect(response.status).toBe(200);
        const { created, data } = await read<{ created: number; data: { url: string }[] }>(response);
        expect(Number.isInteger(created)).toBe(true);
        expect(data).toHaveLength(1);
        const picture = await api.fetch(path(data[0]?.url ?? ""));
        expect(picture.headers.get("content-type")).toBe("image/png");
        expect([...new Uint8Array(await picture.arrayBuffer()).subarray(0, 4)]).toEqual(PNG);
      });

      test("answers base64 when asked, and for the models whose callers read nothing else", async () => {
        for (const body of [
          { ...SMALL, response_format: "b64_json" },
          { ...SMALL, model: "gpt-image-1" },
        ]) {
          const { data } = await read<{ data: { b64_json: string }[] }>(await send("POST", SYNC, body));
          expect([...Buffer.from(data[0]?.b64_json ?? "", "base64").subarray(0, 4)]).toEqual(PNG);
        }
      });

      test("turns a failure into OpenAI's error, and tells the library not to repeat it", async () => {
        const body = { ...SMALL, provider_options: { steps: 1, fail_at: 1, fail: "content_policy" } };
        const response = await send("POST", SYNC, body);
        expect(response.headers.get("x-should-retry")).toBe("false");
        const { error } = await read<WireError>(response);
        expect({ status: response.status, code: error.code }).toEqual({
          status: 400,
          code: "content_policy_violation",
        });
      });

      test("as a stream answers before there is a picture: clients time out on headers", async () => {
        const body = { ...SMALL, stream: true, provider_options: { steps: 2, step_ms: 1_000 } };
        const response = await send("POST", SYNC, body);
        const { data } = await read<{ data: WireTask[] }>(await send("GET", "/v1/tasks?limit=1"));
        expect(["queued", "running"]).toContain(data[0]?.status);
        const reader = (response.body as ReadableStream<Uint8Array>).getReader();
        expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^:/);
        await reader.cancel();
      });

      test("streams a terminal event, whether it went well or not", async () => {
        const good = await send("POST", SYNC, { ...SMALL, n: 2, stream: true, partial_images: 1 });
        expect(good.headers.get("content-type")).toMatch(/^text\/event-stream/);
        const events = await good.text();
        expect(events.match(/^event: image_generation\.completed$/gm)).toHaveLength(2);
        expect(events).toContain('"b64_json":"iVBOR');
        // OpenAI's types promise these, and callers build data URLs from them.
        for (const field of ["output_format", "size", "quality", "background"])
          expect(events).toMatch(new RegExp(`"${field}":"(?:png|64x64|auto)"`));
        const options = { steps: 1, fail_at: 1, fail: "permanent" };
        const bad = await (
          await send("POST", SYNC, { ...SMALL, stream: true, provider_options: options })
        ).text();
        expect(bad).toMatch(/^event: error\ndata: .*"error":\{"message":/m);
      });
    });

    describe("reading", () => {
      test("lists the newest first, page by page, each task once", async () => {
        const made: string[] = [];
        for (let index = 0; index < 5; index += 1) {
          made.unshift((await read<WireAccepted>(await send("POST", ASYNC, SMALL))).taskId);
        }
        const seen: string[] = [];
        let after = "";
        for (let page = 0; page < 3; page += 1) {
          const list = await read<{ data: WireTask[]; hasMore: boolean; after: string }>(
            await send("GET", `/v1/tasks?limit=2${after}`),
          );
          seen.push(...list.data.map(({ taskId }) => taskId));
          // An id, and Swift prints those in capitals.
          after = `&after=${list.after.toUpperCase()}`;
        }
        expect(seen.slice(0, 5)).toEqual(made);
      });

      test("filters by status in both spellings, and by type", async () => {
        await finished();
        for (const query of ["status=completed", "status=completed,failed&type=image"]) {
          const { data } = await read<{ data: WireTask[] }>(await send("GET", `/v1/tasks?${query}`));
          expect(data.length).toBeGreaterThan(0);
        }
        expect((await send("GET", "/v1/tasks?status=pending&status=processing")).status).toBe(200);
        const films = await read<{ data: WireTask[] }>(await send("GET", "/v1/tasks?type=video"));
        expect(films.data).toEqual([]);
      });

      test.each([
        ["limit=0", "limit"],
        ["limit=101", "limit"],
        ["limit=ten", "limit"],
        ["limit=-1", "limit"],
        ["status=done", "status"],
        ["status=__proto__", "status"],
        ["type=audio", "type"],
        ["after=first", "after"],
        ["after=%00", "after"],
        ["batchId=1", "batchId"],
      ])("refuses the query %s and names the parameter", async (query, param) => {
        await expectError(await send("GET", `/v1/tasks?${query}`), 400, "invalid_parameter", param);
      });

      test("says when to ask again while a task is unfinished", async () => {
        const body = { ...SMALL, provider_options: { steps: 50, step_ms: 1_000 } };
        const { taskId } = await read<WireAccepted>(await send("POST", ASYNC, body));
        const response = await send("GET", `/v1/tasks/${taskId}`);
        expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
        await send("DELETE", `/v1/tasks/${taskId}`);
      });

      test.each([
        UNKNOWN_TASK,
        "nonsense",
        "..%2f..",
        "%00",
        "%ff",
        UNKNOWN_TASK.toUpperCase(),
        "a".repeat(3000),
      ])("answers 404 for the unknown task %#", async (id) => {
        for (const route of [
          `/v1/tasks/${id}`,
          `/v1/images/generations/${id}/status`,
          `/v1/videos/generations/${id}/status`,
        ]) {
          await expectError(await send("GET", route), 404, "task_not_found");
        }
        await expectError(await send("DELETE", `/v1/tasks/${id}`), 404, "task_not_found");
        await expectError(await send("POST", `/v1/tasks/${id}/retry`), 404, "task_not_found");
      });

      test("finds a task by its id in any letter case, and answers it in lower case", async () => {
        const { taskId } = await finished();
        const loud = taskId.toUpperCase();
        for (const route of [`/v1/tasks/${loud}`, `/v1/images/generations/${loud}/status`]) {
          const response = await send("GET", route);
          expect(response.status).toBe(200);
          expect((await read<WireTask>(response)).taskId).toBe(taskId);
        }
        await expectError(await send("DELETE", `/v1/tasks/${loud}`), 409, "task_already_finished");
        const purged = await read<{ taskId: string }>(await send("DELETE", `/v1/tasks/${loud}?purge=true`));
        expect(purged.taskId).toBe(taskId);
      });

      test("hides a task from every other key, exactly as if it did not exist", async () => {
        const { taskId } = await finished();
        const other = await read<{ key: string; id: string }>(
          await admin("POST", "/admin/v1/keys", { name: "other" }),
        );
        const headers = { authorization: `Bearer ${other.key}` };
        const foreign = await send("GET", `/v1/tasks/${taskId}`, undefined, headers);
        const { error } = await read<WireError>(foreign);
        const missing = await read<WireError>(
          await send("GET", `/v1/tasks/${UNKNOWN_TASK}`, undefined, headers),
        );
        expect(foreign.status).toBe(404);
        expect(error.message.replace(taskId, "")).toBe(missing.error.message.replace(UNKNOWN_TASK, ""));
        expect((await send("DELETE", `/v1/tasks/${taskId}?purge=true`, undefined, headers)).status).toBe(404);
        const list = await read<{ data: WireTask[] }>(await send("GET", "/v1/tasks", undefined, headers));
        expect(list.data).toEqual([]);
        await admin("DELETE", `/admin/v1/keys/${other.id}`);
      });
    });

    describe("changing", () => {
      test("cancels once and for all, also by the images' own address", async () => {
        const body = { ...SMALL, provider_options: { steps: 50, step_ms: 1_000 } };
        const { taskId } = await read<WireAccepted>(await send("POST", ASYNC, body));
        const cancelled = await read<WireTask>(await send("DELETE", `/v1/images/generations/${taskId}`));
        expect(cancelled.status).toBe("cancelled");
        const again = await send("DELETE", `/v1/tasks/${taskId}`);
        expect(again.status).toBe(200);
        expect((await read<WireTask>(again)).status).toBe("cancelled");
      });

      test("refuses to cancel what has ended, and tells libraries not to repeat that", async () => {
        const { taskId } = await finished();
        const response = await send("DELETE", `/v1/tasks/${taskId}`);
        expect(response.headers.get("x-should-retry")).toBe("false");
        await expectError(response, 409, "task_already_finished");
      });

      test("ends many at once, by a filter or all, for the key itself and for an administrator", async () => {
        const other = await read<{ key: string; id: string }>(
          await admin("POST", "/admin/v1/keys", { name: "many" }),
        );
        const headers = { authorization: `Bearer ${other.key}` };
        const body = { ...SMALL, provider_options: { steps: 50, step_ms: 1_000 } };
        const make = async () => (await read<WireAccepted>(await send("POST", ASYNC, body, headers))).taskId;
        const made = [await make(), await make()];
        const outcome = await read<WireTasksCancelled>(
          await send("POST", "/v1/tasks/cancel", { type: "image" }, headers),
        );
        expect(outcome).toEqual({ cancelled: 2, taskIds: expect.arrayContaining(made), hasMore: false });
        for (const id of made)
          expect(await read(await send("GET", `/v1/tasks/${id}`, undefined, headers))).toMatchObject({
            status: "cancelled",
          });
        await expectError(
          await send("POST", "/v1/tasks/cancel", {}, headers),
          400,
          "missing_parameter",
          "all",
        );

        const last = await make();
        const ofKey = await admin("POST", `/admin/v1/keys/${other.id}/cancel`);
        expect(await read(ofKey)).toEqual({ cancelled: 1, taskIds: [last], hasMore: false });
        await admin("DELETE", `/admin/v1/keys/${other.id}`);
      });

      test("purges a finished task together with its media", async () => {
        const task = await finished();
        const media = path(task.result?.images?.[0]?.url ?? "");
        expect((await api.fetch(media)).status).toBe(200);
        expect((await send("DELETE", `/v1/tasks/${task.taskId}?purge=true`)).status).toBe(200);
        await expectError(await send("GET", `/v1/tasks/${task.taskId}`), 404, "task_not_found");
        expect((await api.fetch(media)).status).toBe(404);
      });

      test("retries a cancelled task as a new one, and refuses to retry a completed one", async () => {
        const body = { ...SMALL, provider_options: { steps: 2, step_ms: 1_000 }, metadata: { a: "b" } };
        const { taskId } = await read<WireAccepted>(await send("POST", ASYNC, body));
        await send("DELETE", `/v1/tasks/${taskId}`);
        const retried = await read<WireAccepted>(await send("POST", `/v1/tasks/${taskId}/retry`));
        expect(retried.taskId).not.toBe(taskId);
        const task = await read<WireTask>(await send("GET", `/v1/tasks/${retried.taskId}`));
        expect(task).toMatchObject({ retryOf: taskId, metadata: { a: "b" } });
        await send("DELETE", `/v1/tasks/${retried.taskId}`);
        const completed = await finished();
        const refused = await send("POST", `/v1/tasks/${completed.taskId}/retry`);
        await expectError(refused, 400, "invalid_parameter", "id");
      });
    });

    describe("bad input", () => {
      const raw = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
        api.fetch(ASYNC, {
          method: "POST",
          headers: { authorization: `Bearer ${api.key}`, "content-type": "application/json", ...headers },
          body,
        });

      test.each([
        "",
        "{",
        "nonsense",
        '{"prompt": "a"',
        "[1,2]",
        '"text"',
        "null",
        "7",
        "[".repeat(100_000),
        "\u0000",
      ])("is told from JSON: body %#", async (body) => {
        await expectError(await raw(body), 400, "invalid_json");
      });

      test("is told from UTF-8, whether its length is declared or not", async () => {
        const latin1 = new Uint8Array(Buffer.from(JSON.stringify({ ...SMALL, prompt: "Füchse" }), "latin1"));
        expect((await expectError(await raw(latin1), 400, "invalid_json")).message).toContain("UTF-8");
        const init = {
          method: "POST",
          headers: { authorization: `Bearer ${api.key}`, "content-type": "application/json" },
          body: new Blob([latin1]).stream(),
          duplex: "half",
        };
        const streamed = await api.fetch(ASYNC, init as RequestInit);
        expect((await expectError(streamed, 400, "invalid_json")).message).toContain("UTF-8");
        const marked = new TextEncoder().encode(`\uFEFF${JSON.stringify(SMALL)}`);
        expect((await raw(marked)).status).toBe(200);
      });

      test("in another charset or encoding than was promised is refused", async () => {
        const body = JSON.stringify(SMALL);
        for (const type of ["application/json; charset=iso-8859-1", 'application/json;charset="utf-16"'])
          await expectError(await raw(body, { "content-type": type }), 415, "unsupported_media_type");
        for (const encoding of ["gzip", "br, identity"])
          await expectError(await raw(body, { "content-encoding": encoding }), 415, "unsupported_media_type");
        expect((await raw(body, { "content-encoding": "Identity" })).status).toBe(200);
      });

      test.each(["text/plain", "application/x-www-form-urlencoded", "json"])(
        "of the type %s is refused",
        async (type) => {
          await expectError(
            await raw(JSON.stringify(SMALL), { "content-type": type }),
            415,
            "unsupported_media_type",
          );
        },
      );

      const form = async (fields: Record<string, string | Blob>, path = ASYNC) => {
        const data = new FormData();
        for (const [name, value] of Object.entries(fields)) data.append(name, value);
        const { body, headers } = new Request("http://form/", { method: "POST", body: data });
        return api.fetch(path, {
          method: "POST",
          headers: {
            authorization: `Bearer ${api.key}`,
            "content-type": headers.get("content-type") ?? "",
          },
          body: await new Response(body).arrayBuffer(),
        });
      };

      test("may be a form", async () => {
        const { prompt, model } = SMALL;
        const response = await form({ prompt, model, n: "2", size: "64x64", metadata: '{"a":"b"}' });
        const { taskId } = await read<WireAccepted>(response);
        const task = await read<WireTask>(await send("GET", `/v1/tasks/${taskId}`));
        expect(task.metadata).toEqual({ a: "b" });
        await expectError(await form({ prompt, model, n: "99" }), 400, "invalid_parameter", "n");
      });

      test("with a picture for a model that takes none is refused by the picture's name", async () => {
        const picture = new Blob([PICTURE], { type: "image/png" });
        for (const path of [ASYNC, SYNC, "/v1/images/edits"]) {
          const response = await form({ ...{ prompt: "a", model: "local/canvas" }, image: picture }, path);
          await expectError(response, 400, "invalid_parameter", "image");
        }
        const edit = {
          prompt: "a",
          model: "local/canvas",
          image: `data:image/png;base64,${PICTURE.toBase64()}`,
        };
        await expectError(await send("POST", "/v1/images/edits", edit), 400, "invalid_parameter", "image");
        const nothing = { prompt: "a", model: "local/canvas" };
        await expectError(await send("POST", "/v1/images/edits", nothing), 400, "missing_parameter", "image");
      });

      test("may be spelled as JSON in every legal way", async () => {
        for (const type of [
          "application/json; charset=utf-8",
          'application/json;charset="UTF8"',
          "APPLICATION/JSON",
          "application/vnd.api+json",
        ]) {
          expect((await raw(JSON.stringify(SMALL), { "content-type": type })).status).toBe(200);
        }
      });

      test("beyond the size limit is refused with 413, also when its length is not declared", async () => {
        const large = JSON.stringify({ ...SMALL, padding: "x".repeat(10 * 1024 * 1024) });
        await expectError(await raw(large), 413, "payload_too_large");
        const stream = new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(new TextEncoder().encode(large));
            controller.close();
          },
        });
        const init = {
          method: "POST",
          headers: { authorization: `Bearer ${api.key}`, "content-type": "application/json" },
          body: stream,
          duplex: "half",
        };
        await expectError(await api.fetch(ASYNC, init as RequestInit), 413, "payload_too_large");
      });

      test.each<[Record<string, unknown>, string, string]>([
        [{ prompt: undefined }, "missing_parameter", "prompt"],
        [{ prompt: null }, "missing_parameter", "prompt"],
        [{ model: undefined }, "missing_parameter", "model"],
        [{ prompt: "" }, "invalid_parameter", "prompt"],
        [{ prompt: "  \n " }, "invalid_parameter", "prompt"],
        [{ prompt: 7 }, "invalid_parameter", "prompt"],
        [{ prompt: ["a"] }, "invalid_parameter", "prompt"],
        [{ prompt: "a\u0000b" }, "invalid_parameter", "prompt"],
        [{ prompt: "\u001b[31mred" }, "invalid_parameter", "prompt"],
        [{ prompt: "half a character: \ud83e" }, "invalid_parameter", "prompt"],
        [{ user: "\u0007" }, "invalid_parameter", "user"],
        [{ user: "\udc00" }, "invalid_parameter", "user"],
        [{ quality: "\ud800" }, "invalid_parameter", "quality"],
        [{ prompt: "x".repeat(32_001) }, "invalid_parameter", "prompt"],
        [{ model: 5 }, "invalid_parameter", "model"],
        [{ model: "a\u0000b" }, "invalid_parameter", "model"],
        [{ model: "m".repeat(5_000) }, "invalid_parameter", "model"],
        [{ n: 0 }, "invalid_parameter", "n"],
        [{ n: 11 }, "invalid_parameter", "n"],
        [{ n: 1.5 }, "invalid_parameter", "n"],
        [{ n: "2" }, "invalid_parameter", "n"],
        [{ size: "99999x99999" }, "invalid_parameter", "size"],
        [{ size: "0x0" }, "invalid_parameter", "size"],
        [{ size: "-1x64" }, "invalid_parameter", "size"],
        [{ size: "large" }, "invalid_parameter", "size"],
        [{ size: 64 }, "invalid_parameter", "size"],
        [{ response_format: "jpeg" }, "invalid_parameter", "response_format"],
        [{ output_format: "tiff" }, "invalid_parameter", "output_format"],
        [{ seed: -1 }, "invalid_parameter", "seed"],
        [{ seed: 1.5 }, "invalid_parameter", "seed"],
        [{ priority: "urgent" }, "invalid_parameter", "priority"],
        [{ timeout_seconds: 4 }, "invalid_parameter", "timeout_seconds"],
        [{ timeout_seconds: 3_601 }, "invalid_parameter", "timeout_seconds"],
        [{ metadata: "text" }, "invalid_parameter", "metadata"],
        [{ metadata: { a: 1 } }, "invalid_parameter", "metadata"],
        [{ metadata: { "": "x" } }, "invalid_parameter", "metadata"],
        [{ metadata: { "a\nb": "x" } }, "invalid_parameter", "metadata"],
        [{ metadata: { a: "\u0000" } }, "invalid_parameter", "metadata"],
        [{ metadata: { a: "\ud800" } }, "invalid_parameter", "metadata"],
        [{ metadata: { "\ud800": "x" } }, "invalid_parameter", "metadata"],
        [{ metadata: { a: "x".repeat(513) } }, "invalid_parameter", "metadata"],
        [
          { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, "v"])) },
          "invalid_parameter",
          "metadata",
        ],
        [{ provider_options: [] }, "invalid_parameter", "provider_options"],
        [{ provider_options: { unknown: 1 } }, "invalid_parameter", "provider_options"],
        [{ provider_options: { steps: "five" } }, "invalid_parameter", "provider_options"],
        [{ provider_options: { steps: "x".repeat(17_000) } }, "invalid_parameter", "provider_options"],
        [{ stream: true }, "invalid_parameter", "stream"],
        [{ stream: "yes" }, "invalid_parameter", "stream"],
        [{ webhook_url: "https://127.0.0.1/hook" }, "invalid_parameter", "webhook_url"],
        [{ webhook_events: ["task.completed"] }, "missing_parameter", "webhook_url"],
        [{ callback_url: "https://example.com" }, "invalid_parameter", "callback_url"],
        [{ callback_url: "https://example.com" }, "invalid_parameter", "callback_url"],
        [{ image: "data:," }, "invalid_parameter", "image"],
        [{ num_images: 4 }, "invalid_parameter", "num_images"],
        [{ model_id: "x" }, "invalid_parameter", "model_id"],
        [{ zzz: "x".repeat(17_000) }, "invalid_parameter", "zzz"],
        [{ zzz: JSON.parse(`${"[".repeat(40)}${"]".repeat(40)}`) }, "invalid_parameter", "zzz"],
      ])("is refused by name: case %#", async (changes, code, param) => {
        const response = await send("POST", ASYNC, { ...SMALL, ...changes });
        const error = await expectError(response, 400, code, param);
        expect(error.message.length).toBeLessThan(600);
      });

      test("counts characters of a prompt as people do", async () => {
        expect((await send("POST", ASYNC, { ...SMALL, prompt: "🦊".repeat(8_000) })).status).toBe(200);
      });

      test("is no long prompt in an alphabet of many bytes: the limit counts characters", async () => {
        for (const character of ["狐", "🦊", '"']) {
          const response = await send("POST", ASYNC, { ...SMALL, prompt: character.repeat(32_000) });
          expect(response.status, character).toBe(200);
        }
        const response = await send("POST", ASYNC, { ...SMALL, prompt: "🦊".repeat(32_001) });
        await expectError(response, 400, "invalid_parameter", "prompt");
      });

      test("is no text of several lines, with tabs, or in an odd script", async () => {
        const text = "one\n\ttwo\r\nthree\u000bfour\u0085 \u202eright to left\u200d 👨‍👩‍👧";
        const body = { ...SMALL, prompt: text, user: text, metadata: { a: text } };
        const accepted = await read<WireAccepted>(await send("POST", ASYNC, body));
        const task = await read<WireTask>(await send("GET", `/v1/tasks/${accepted.taskId}`));
        expect(task.metadata).toEqual({ a: text });
      });

      test("names an unknown model, and one that makes something else", async () => {
        await expectError(
          await send("POST", ASYNC, { ...SMALL, model: "no-such-model" }),
          404,
          "model_not_found",
          "model",
        );
        for (const [path, model] of [
          [ASYNC, "minimax-video"],
          ["/v1/videos/generations/async", "dall-e-3"],
        ] as const) {
          const wrong = await send("POST", path, { prompt: "waves", model });
          await expectError(wrong, 404, "model_not_found", "model");
        }
      });

      test("stores nothing", async () => {
        const newest = async () => {
          const { data } = await read<{ data: WireTask[] }>(await send("GET", "/v1/tasks?limit=5"));
          return data.map(({ taskId }) => taskId);
        };
        const before = await newest();
        await send("POST", ASYNC, { ...SMALL, n: 99 });
        await send("POST", ASYNC, { ...SMALL, model: "no-such-model" });
        await raw("{");
        expect(await newest()).toEqual(before);
      });

      test("of what this version does not offer says so", async () => {
        const files = { input_file_id: "file-1", endpoint: "/v1/images/generations" };
        await expectError(await send("POST", "/v1/batches", files), 400, "not_supported", "input_file_id");
      });

      test.each([
        ["POST", "/v1/chat/completions"],
        ["GET", "/v1/chat/completions/chatcmpl-1"],
        ["POST", "/v1/completions"],
        ["POST", "/v1/responses"],
        ["DELETE", "/v1/responses/resp_1"],
        ["POST", "/v1/embeddings"],
        ["GET", "/v1/files"],
        ["GET", "/v1/files/file-1/content"],
        ["POST", "/v1/audio/speech"],
        ["POST", "/v1/audio/transcriptions"],
        ["POST", "/v1/images/variations"],
      ])("for OpenAI's %s %s says what there is instead", async (method, route) => {
        const response = await send(method, route, method === "POST" ? { model: "gpt-5" } : undefined);
        const error = await expectError(response, 400, "not_supported");
        expect(error.message).toContain("/v1/images/generations");
        expect(error.message).toContain("GET /v1/realtime");
        expect((await api.fetch(route, { method })).status).toBe(401);
      });
    });

    describe("keys", () => {
      test("are asked for, and told from unknown ones", async () => {
        const missing = await api.fetch("/v1/tasks");
        expect(missing.headers.get("www-authenticate")).toBe("Bearer");
        await expectError(missing, 401, "missing_api_key");
        for (const authorization of [
          "Bearer condt_wrong",
          `Bearer condt_${"x".repeat(43)}`,
          "Bearer \u00ff",
        ]) {
          await expectError(
            await send("GET", "/v1/tasks", undefined, { authorization }),
            401,
            "invalid_api_key",
          );
        }
        const other = await admin("GET", "/v1/tasks");
        expect((await expectError(other, 401, "invalid_api_key")).message).toContain("/admin/v1");
        await expectError(
          await send("GET", "/v1/tasks", undefined, { authorization: "Basic YTpi" }),
          401,
          "missing_api_key",
        );
      });

      test("may come in every header clients use, but in the URL only for streams", async () => {
        for (const header of ["x-api-key", "api-key"]) {
          expect((await api.fetch("/v1/key", { headers: { [header]: api.key } })).status).toBe(200);
        }
        expect((await api.fetch(`/v1/key?access_token=${api.key}`)).status).toBe(401);
        expect((await api.fetch(`/v1/tasks/${UNKNOWN_TASK}/events?access_token=${api.key}`)).status).toBe(
          404,
        );
      });

      test("are made, read, changed, rotated and deleted by the administrator alone", async () => {
        expect((await send("GET", "/admin/v1/keys")).status).toBe(403);
        const none = await expectError(await api.fetch("/admin/v1/keys"), 401, "missing_api_key");
        expect(none.message).toContain("admin key");
        const wrong = await send("GET", "/admin/v1/keys", undefined, { authorization: "Bearer cadm_wrong" });
        expect((await expectError(wrong, 401, "invalid_api_key")).message).toContain("admin key");
        const draft = {
          name: "a shop",
          allowedModels: ["local/*"],
          maxPriority: "normal",
          maxConcurrentTasks: 2,
          budgets: [{ limit: 2.5, period: "total" }],
        };
        const created = await admin("POST", "/admin/v1/keys", draft);
        expect(created.status).toBe(200);
        const made = await read<{ id: string; key: string }>(created);
        expect(made.key).toMatch(/^condt_[A-Za-z0-9]{32,}$/);
        const one = `/admin/v1/keys/${made.id}`;
        const shown = await (await admin("GET", one)).text();
        expect(JSON.parse(shown)).toMatchObject(draft);
        expect(shown).not.toContain(made.key);
        expect(shown).not.toContain("hash");
        const list = await read<{ data: { id: string }[] }>(await admin("GET", "/admin/v1/keys?limit=100"));
        expect(list.data.map(({ id }) => id)).toContain(made.id);

        const as = (key: string) => send("GET", "/v1/key", undefined, { authorization: `Bearer ${key}` });
        expect(await read(await as(made.key))).toMatchObject({
          budgets: [{ limit: 2.5, period: "total", charged: 0, reserved: 0, left: 2.5 }],
        });
        const rotated = await read<{ key: string }>(await admin("POST", `${one}/rotate`));
        expect((await as(made.key)).status).toBe(401);
        expect((await as(rotated.key)).status).toBe(200);
        const lifted = await admin("PATCH", one, { maxConcurrentTasks: null, enabled: false });
        expect(await read(lifted)).toMatchObject({
          maxConcurrentTasks: null,
          enabled: false,
          maxPriority: "normal",
        });
        await expectError(await as(rotated.key), 403, "key_disabled");
        expect((await admin("DELETE", one)).status).toBe(200);
        expect((await as(rotated.key)).status).toBe(401);
        expect((await admin("GET", one)).status).toBe(404);
      });

      test("may do what they were made for and nothing else", async () => {
        const { id, key } = await read<{ id: string; key: string }>(
          await admin("POST", "/admin/v1/keys", {
            name: "limited",
            allowedModels: ["dall-e-2"],
            maxPriority: "low",
            permissions: { canGenerateImages: true },
          }),
        );
        const as = (body: object, route = ASYNC) =>
          send("POST", route, body, { authorization: `Bearer ${key}` });
        await expectError(await as(SMALL), 403, "model_not_allowed", "model");
        await expectError(
          await as({ ...SMALL, model: "dall-e-2", priority: "high" }),
          403,
          "permission_denied",
          "priority",
        );
        await expectError(
          await as({ prompt: "a", model: "sora" }, "/v1/videos/generations/async"),
          403,
          "permission_denied",
        );
        const task = await read<WireAccepted>(await as({ ...SMALL, model: "dall-e-2" }));
        expect(task.status).toBe("queued");
        const models = await send("GET", "/v1/models", undefined, { authorization: `Bearer ${key}` });
        expect((await read<{ data: { id: string }[] }>(models)).data.map((model) => model.id)).toEqual([
          "dall-e-2",
        ]);
        await admin("DELETE", `/admin/v1/keys/${id}`);
      });

      test.each<[object, string]>([
        [{}, "name"],
        [{ name: "" }, "name"],
        [{ name: "a\u0007" }, "name"],
        [{ name: "a", budget: { limit: 5 } }, "budget"],
        [{ name: "a", enabled: "yes" }, "enabled"],
        [{ name: "a", expiresAt: "tomorrow" }, "expiresAt"],
        [{ name: "a", allowedModels: ["a*b"] }, "allowedModels.0"],
        [{ name: "a", permissions: { canFly: true } }, "permissions.canFly"],
        [{ name: "a", maxPriority: "top" }, "maxPriority"],
        [{ name: "a", maxConcurrentTasks: 0 }, "maxConcurrentTasks"],
      ])("are not made from nonsense: case %#", async (draft, param) => {
        const code = param === "name" && !("name" in draft) ? "missing_parameter" : "invalid_parameter";
        await expectError(await admin("POST", "/admin/v1/keys", draft), 400, code, param);
      });
    });

    describe("the tasks of a key", () => {
      test("are listed and read by an administrator, with the account of each attempt, and by nobody else", async () => {
        const { id } = await read<{ id: string }>(await send("GET", "/v1/key"));
        const { taskId } = await finished();
        const list = `/admin/v1/keys/${id}/tasks`;
        const page = await read<WireTaskPage>(await admin("GET", `${list}?status=completed&limit=1`));
        expect(page.data).toMatchObject([{ taskId, status: "completed" }]);
        const task = await read<WireTask>(await admin("GET", `${list}/${taskId.toUpperCase()}`));
        expect(task).toMatchObject({
          taskId,
          attempts: [{ attempt: 1, provider: "local", outcome: "completed", credential: null }],
        });
        expect(task).not.toHaveProperty("request");
        await expectError(
          await admin("GET", `/admin/v1/keys/key_other/tasks/${taskId}`),
          404,
          "task_not_found",
        );
        expect([401, 403]).toContain((await send("GET", `${list}/${taskId}`)).status);
      });
    });

    describe("models", () => {
      test("are listed in OpenAI's shape, with what an alias leads to", async () => {
        const list = await read<{
          object: string;
          data: { id: string; object: string; aliasOf: string | null }[];
        }>(await send("GET", "/v1/models"));
        expect(list.object).toBe("list");
        expect(list.data.find(({ id }) => id === "local/canvas")).toMatchObject({
          object: "model",
          aliasOf: null,
        });
        expect(list.data.find(({ id }) => id === "dall-e-3")?.aliasOf).toBe("local/canvas");
      });

      test("and their providers are described to the administrator alone", async () => {
        const list = await read<WireProviderList>(await admin("GET", "/admin/v1/providers"));
        const local = list.data.find(({ name }) => name === "local");
        expect(local?.models).toContain("local/canvas");
        expect(local?.accounts).toMatchObject([{ name: null, weight: null, errorCode: null }]);
        expect([401, 403]).toContain((await send("GET", "/admin/v1/providers")).status);
      });

      test("are read one by one, with the slash of their names plain or encoded", async () => {
        for (const id of ["local/canvas", "local%2Fcanvas", "dall-e-3"]) {
          expect((await send("GET", `/v1/models/${id}`)).status).toBe(200);
        }
        await expectError(await send("GET", "/v1/models/no/such"), 404, "model_not_found", "model");
      });
    });

    describe("an estimate", () => {
      test("of a free model is nothing, and makes no task", async () => {
        const before = await read<{ data: unknown[] }>(await send("GET", "/v1/tasks?limit=1"));
        const estimate = await send("POST", "/v1/estimate", { type: "image", ...SMALL });
        expect(await read(estimate)).toEqual({
          reserved: 0,
          currency: "USD",
          price: { free: true },
          usualSeconds: null,
        });
        expect(await read(await send("GET", "/v1/tasks?limit=1"))).toEqual(before);
      });

      test("is refused as its create is", async () => {
        const estimate = (body: object) => send("POST", "/v1/estimate", body);
        await expectError(await estimate(SMALL), 400, "missing_parameter", "type");
        await expectError(await estimate({ ...SMALL, type: "image", n: 99 }), 400, "invalid_parameter", "n");
      });
    });

    describe("media", () => {
      let media = "";
      let bytes = new Uint8Array();
      beforeAll(async () => {
        media = path((await finished()).result?.images?.[0]?.url ?? "");
        bytes = new Uint8Array(await (await api.fetch(media)).arrayBuffer());
      });

      test("comes to anybody who knows its path, and harms nobody who opens it", async () => {
        const response = await api.fetch(media, { headers: { origin: "https://anywhere.example" } });
        expect(Object.fromEntries(response.headers)).toMatchObject({
          "content-type": "image/png",
          "content-length": String(bytes.byteLength),
          "accept-ranges": "bytes",
          "x-content-type-options": "nosniff",
          "content-security-policy": "sandbox; default-src 'none'",
          "access-control-allow-origin": "*",
        });
        expect(response.headers.has("access-control-allow-credentials")).toBe(false);
        expect(response.headers.has("content-disposition")).toBe(false);
        await response.body?.cancel();
      });

      test("is not sent again to who has it", async () => {
        const etag = (await api.fetch(media, { method: "HEAD" })).headers.get("etag") ?? "";
        expect(etag).toMatch(/^".+"$/);
        for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
          const response = await api.fetch(media, { headers: { "if-none-match": tag } });
          expect(response.status).toBe(304);
          expect(await response.text()).toBe("");
        }
        expect((await api.fetch(media, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
      });

      test("comes in parts, where the part is of the version the caller has", async () => {
        const part = async (range: string, headers: Record<string, string> = {}) => {
          const response = await api.fetch(media, { headers: { range, ...headers } });
          const content = [...new Uint8Array(await response.arrayBuffer())];
          return { status: response.status, content, range: response.headers.get("content-range") };
        };
        const size = bytes.byteLength;
        expect(await part("bytes=0-3")).toEqual({ status: 206, content: PNG, range: `bytes 0-3/${size}` });
        expect((await part(`bytes=${size - 2}-`)).content).toEqual([...bytes.subarray(-2)]);
        expect((await part("bytes=-5")).content).toEqual([...bytes.subarray(-5)]);
        expect((await part(`bytes=0-${size * 2}`)).range).toBe(`bytes 0-${size - 1}/${size}`);
        for (const whole of ["bytes=0-1,4-5", "bytes=5-1", "bytes=-", "lines=1-2", "bytes=a-b"]) {
          expect((await part(whole)).status).toBe(200);
        }
        const unkept = await api.fetch(media, { headers: { range: `bytes=${size}-` } });
        expect(unkept.headers.get("cache-control")).toBe("no-store");
        await expectError(unkept, 416, "range_not_satisfiable");
        const beyond = await part(`bytes=${size}-`);
        expect({ status: beyond.status, range: beyond.range }).toEqual({
          status: 416,
          range: `bytes */${size}`,
        });
        const etag = (await api.fetch(media, { method: "HEAD" })).headers.get("etag") ?? "";
        expect((await part("bytes=0-3", { "if-range": etag })).status).toBe(206);
        expect((await part("bytes=0-3", { "if-range": '"old"' })).status).toBe(200);
      });

      test("answers HEAD with everything but the bytes", async () => {
        const response = await api.fetch(media, { method: "HEAD" });
        expect(response.headers.get("content-length")).toBe(String(bytes.byteLength));
        expect(await response.text()).toBe("");
      });

      test("is kept from who wants another version of it", async () => {
        const first = await api.fetch(media, { method: "HEAD" });
        const etag = first.headers.get("etag") ?? "";
        const modified = first.headers.get("last-modified") ?? "";
        const before = new Date(Date.parse(modified) - 1_000).toUTCString();
        for (const method of ["GET", "HEAD"]) {
          const status = async (headers: Record<string, string>) => {
            const response = await api.fetch(media, { method, headers });
            await response.arrayBuffer();
            return response.status;
          };
          for (const tag of [etag, `"other", ${etag}`, "*"])
            expect(await status({ "if-match": tag })).toBe(200);
          for (const tag of ['"other"', `W/${etag}`]) expect(await status({ "if-match": tag })).toBe(412);
          expect(await status({ "if-unmodified-since": modified })).toBe(200);
          expect(await status({ "if-unmodified-since": "yesterday" })).toBe(200);
          expect(await status({ "if-unmodified-since": before })).toBe(412);
          // If-Match decides alone.
          expect(await status({ "if-match": etag, "if-unmodified-since": before })).toBe(200);
          expect(await status({ "if-match": '"other"', "if-none-match": etag })).toBe(412);
        }
        const failed = await api.fetch(media, { headers: { "if-match": '"other"', range: "bytes=0-3" } });
        expect(failed.headers.get("cache-control")).toBe("no-store");
        await expectError(failed, 412, "precondition_failed");
      });

      test.each([
        "nothing",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/package.json",
        "2026/11/21/",
        "%00",
        "%",
        "%c0%ae%c0%ae/x",
        "C:%5cwindows",
        "a".repeat(5_000),
      ])("is not found at the path %#", async (wrong) => {
        await expectError(await api.fetch(`/v1/media/${wrong}`), 404, "not_found");
      });
    });

    describe("every address", () => {
      test("answers with a request id, the caller's own where it is harmless", async () => {
        const ask = async (id: string) =>
          (await api.fetch("/health/live", { headers: { "x-request-id": id } })).headers.get("x-request-id");
        expect(await ask("trace-1:2/3")).toBe("trace-1:2/3");
        for (const id of ["a b", "x".repeat(200), `condt_${"x".repeat(43)}`, "<script>"]) {
          const answered = await ask(id);
          expect(answered).not.toBe(id);
          expect(answered).toMatch(/^[0-9a-f-]{36}$/);
        }
      });

      test("is the same with a slash at its end, and a hub's in any letter case", async () => {
        for (const route of ["/v1/models/", "/v1/tasks/?limit=1", "/v1/models/local/canvas/", "/v1/key/"])
          expect((await send("GET", route)).status, route).toBe(200);
        expect((await api.fetch("/health/live/")).status).toBe(200);
        expect((await send("POST", `${ASYNC}/`, SMALL)).status).toBe(200);
        for (const route of [
          "/hubs/tasks/negotiate/",
          "/Hubs/Image-Generation/Negotiate",
          "/hubs/negotiate/VIDEO-generation/",
        ]) {
          const response = await send("POST", `${route}?negotiateVersion=1`);
          expect(response.status, route).toBe(200);
          expect(await read(response)).toHaveProperty("connectionToken");
        }
        expect((await send("GET", "/V1/models")).status).toBe(404);
      });

      test("answers HEAD with what GET would, the length of its body too", async () => {
        const { taskId } = await finished();
        for (const route of [
          "/v1/models",
          `/v1/tasks/${taskId}`,
          `/v1/tasks/${UNKNOWN_TASK}`,
          "/health/live",
        ]) {
          const [whole, head] = [await send("GET", route), await send("HEAD", route)];
          const { byteLength } = await whole.arrayBuffer();
          expect([head.status, head.headers.get("content-type")], route).toEqual([
            whole.status,
            whole.headers.get("content-type"),
          ]);
          // A request id is as long as another.
          expect(Number(head.headers.get("content-length")), route).toBe(byteLength);
          expect(await head.text()).toBe("");
        }
      });

      test("answers HEAD of a stream at once, and says nothing of its length", async () => {
        const { taskId } = await finished();
        for (const route of ["/v1/events", `/v1/tasks/${taskId}/events`]) {
          const head = await send("HEAD", route);
          expect([head.status, head.headers.get("content-type")], route).toEqual([
            200,
            "text/event-stream; charset=utf-8",
          ]);
          expect(head.headers.get("content-length"), route).toBeNull();
          await head.body?.cancel();
        }
      });

      test("begins at one that tells where things are", async () => {
        const places = await read<{ name: string; models: string }>(await api.fetch("/"));
        expect(places.name).toBe("Conduit");
        expect((await send("GET", places.models)).status).toBe(200);
      });

      test("that does not exist is 404, a wrong method 405 with the right ones", async () => {
        await expectError(await send("GET", "/v1/nothing"), 404, "not_found");
        await expectError(await send("GET", "/admin/v2"), 404, "not_found");
        const wrong = await send("PUT", "/v1/tasks", {});
        expect(wrong.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
        await expectError(wrong, 405, "method_not_allowed");
        expect((await send("GET", ASYNC)).headers.get("allow")).toContain("POST");
        const options = await send("OPTIONS", "/v1/tasks");
        expect({ status: options.status, allow: options.headers.get("allow") }).toEqual({
          status: 204,
          allow: "GET, HEAD, OPTIONS",
        });
      });

      test("lets in the pages of the list with credentials, and no others", async () => {
        const preflight = (origin: string, route: string) =>
          api.fetch(route, {
            method: "OPTIONS",
            headers: {
              origin,
              "access-control-request-method": "POST",
              "access-control-request-headers": "authorization",
            },
          });
        const good = await preflight("http://localhost:5173", ASYNC);
        expect(good.status).toBe(204);
        expect(good.headers.get("access-control-allow-origin")).toBe("http://localhost:5173");
        expect(good.headers.get("access-control-allow-credentials")).toBe("true");
        expect(good.headers.get("access-control-allow-methods")).toBe(
          "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        );
        expect(Number(good.headers.get("access-control-max-age"))).toBeGreaterThan(0);
        for (const origin of [
          "https://evil.example",
          "http://localhost.evil.example",
          "http://localhost:5173.evil.example",
          "null",
        ]) {
          const bad = await preflight(origin, ASYNC);
          expect(bad.headers.has("access-control-allow-origin")).toBe(false);
          const asked = await send("GET", "/v1/key", undefined, { origin });
          expect(asked.headers.has("access-control-allow-origin")).toBe(false);
        }
        const failed = await api.fetch("/v1/tasks", { headers: { origin: "http://localhost:5173" } });
        expect(failed.status).toBe(401);
        expect(failed.headers.get("access-control-allow-origin")).toBe("http://localhost:5173");
        const exposed = failed.headers.get("access-control-expose-headers")?.split(", ");
        // What a page must read to behave: OpenAI's library repeats a POST unless it sees x-should-retry.
        expect(exposed).toEqual([
          "x-request-id",
          "retry-after",
          "x-ratelimit-limit-requests",
          "x-ratelimit-remaining-requests",
          "x-ratelimit-reset-requests",
          "idempotent-replayed",
          "x-conduit-after",
          "x-conduit-cost",
          "x-conduit-reserved",
          "x-should-retry",
          "location",
          "preference-applied",
          "etag",
        ]);
        const outside = await preflight("http://localhost:5173", "/admin/v1/keys");
        expect(outside.headers.has("access-control-allow-origin")).toBe(false);
      });

      test("lets in a page of the gateway's own host without being told, also behind a proxy that ends TLS", async () => {
        const { statusUrl } = await read<WireAccepted>(await send("POST", ASYNC, SMALL));
        const { host, hostname } = new URL(statusUrl);
        for (const [origin, allowed] of [
          [`http://${host}`, true],
          [`https://${host}`, true],
          [`https://${hostname}:1`, false],
          [`https://${host}.evil.example`, false],
        ] as const) {
          const asked = await send("GET", "/v1/key", undefined, { origin });
          expect(asked.headers.get("access-control-allow-origin"), origin).toBe(allowed ? origin : null);
        }
      });

      test("grants a preflight the headers it asks for, where they are names and not too many", async () => {
        const granted = async (route: string, asked: string) => {
          const response = await api.fetch(route, {
            method: "OPTIONS",
            headers: {
              origin: "http://localhost:5173",
              "access-control-request-method": "GET",
              "access-control-request-headers": asked,
            },
          });
          return response.headers.get("access-control-allow-headers");
        };
        for (const route of [ASYNC, "/hubs/tasks/negotiate", "/v1/media/nothing"]) {
          const common = "authorization, user-agent, x-stainless-os, traceparent, baggage, sentry-trace";
          expect(await granted(route, common), route).toBe(common);
          expect(await granted(route, "x-good, b@d, c d, x-better"), route).toBe("x-good, x-better");
          const many = Array.from({ length: 100 }, (_, index) => `x-${index}`).join(",");
          expect((await granted(route, many))?.split(", "), route).toHaveLength(64);
        }
      });
    });

    describe("operation", () => {
      test("probes are open and say nothing else", async () => {
        expect(await read(await api.fetch("/health/live"))).toEqual({ status: "live" });
        expect(await read(await api.fetch("/health/ready"))).toEqual({ status: "ready" });
      });

      test("health and metrics are for operators", async () => {
        // Wherever it comes from: over a loopback address here, and so does what a reverse proxy forwards.
        for (const route of ["/health", "/metrics"]) {
          await expectError(await api.fetch(route), 401, "missing_api_key");
          await expectError(await send("GET", route), 403, "permission_denied");
        }
        const health = await read<{ status: string; parts: Record<string, unknown> }>(
          await admin("GET", "/health"),
        );
        expect(health.status).toBe("ok");
        expect(Object.keys(health.parts)).toEqual(
          expect.arrayContaining(["store", "queue", "rooms", "providers"]),
        );
        await send("GET", "/nowhere");
        const metrics = await (await admin("GET", "/metrics")).text();
        expect(metrics).toContain('conduit_http_requests_total{route="/health",method="GET",status="200"}');
        expect(metrics).toContain('conduit_http_requests_total{route="unmatched",method="GET",status="404"}');
        expect(metrics).toContain(
          'conduit_http_requests_total{route="/v1/images/generations/async",method="POST",status="200"}',
        );
        expect(metrics).toMatch(/^conduit_build_info\{version="[^"]+",runtime="[^"]+"\} 1$/m);
        expect(metrics).toMatch(/^conduit_unreadable_records 0$/m);
        expect(metrics).toMatch(/^conduit_queue_tasks\{lane="image",state="ready"\} \d+$/m);
        expect(metrics).not.toContain(UNKNOWN_TASK);
      });
    });
  });
}
