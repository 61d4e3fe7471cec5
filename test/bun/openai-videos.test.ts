/** `/v1/videos` as OpenAI's own client uses it, and what it answers to what no client of theirs sends. */

import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OpenAiVideo, OpenAiVideoList } from "../../src/protocol/openai-videos.ts";
import { MOTION_CAPABILITIES } from "../../src/providers/local/capabilities.ts";
import type { StepOutcome } from "../../src/tasks/ports/media-provider.ts";
import { BOOTSTRAP_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";
import { PNG, WEBM } from "../fixture/media-samples.ts";

const MOTION = {
  providerModel: "motion",
  capabilities: MOTION_CAPABILITIES,
  pricing: { kind: "free" },
  created: 1_795_996_800,
} as const;
const CANVAS_ID_OF_NOBODY = "019aa5f0-1c00-7000-8000-000000000001";
const BYTES = WEBM;

describe("/v1/videos", () => {
  let world: GatewayWorld;
  let openai: OpenAI;
  /** What the client sent, in order. */
  const bodies: unknown[] = [];

  beforeEach(async () => {
    world = await gatewayWorld({ models: [MOTION] });
    bodies.length = 0;
    openai = new OpenAI({
      apiKey: BOOTSTRAP_KEY,
      baseURL: "http://gateway.test/v1",
      maxRetries: 0,
      fetch: async (input, init) => {
        if (init?.method === "POST") bodies.push(init.body);
        return world.app.fetch(new Request(input as string, init as RequestInit));
      },
    });
  });
  afterEach(() => world.close());

  /** The film that the provider was asked for next is done. */
  async function finish(durationSeconds = 8): Promise<void> {
    const call = await world.provider.next();
    const media = await call.io.putMedia(BYTES, "video/webm");
    const item = { index: 0, media, width: 1280, height: 720, durationSeconds, fps: 24 };
    call.answer({ kind: "done", items: [item], costMicros: 0 } satisfies StepOutcome);
    await ended(call.job.taskId);
  }

  async function ended(id: string): Promise<void> {
    for (let turns = 0; ; turns++) {
      const status = (await openai.videos.retrieve(id)).status;
      if (status === "completed" || status === "failed") return;
      if (turns === 1000) throw new Error(`the video is still ${status}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  const post = (body: BodyInit, headers: Record<string, string> = {}) =>
    world.app.request("/v1/videos", {
      method: "POST",
      headers: { authorization: `Bearer ${BOOTSTRAP_KEY}`, ...headers },
      body,
    });
  const postJson = (body: unknown) => post(JSON.stringify(body), { "content-type": "application/json" });
  const form = (fields: Record<string, string | Blob>) => {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) data.append(name, value);
    return data;
  };
  const fault = async (response: Response) => {
    const { error } = (await response.json()) as { error: { code: string; param: string; message: string } };
    return { status: response.status, code: error.code, param: error.param, message: error.message };
  };

  describe("by OpenAI's client", () => {
    test("9.12: a film is made, waited for, fetched and deleted", async () => {
      const made = await openai.videos.create({
        model: "sora-2",
        prompt: "a fox",
        seconds: "8",
        size: "1280x720",
      });
      expect(bodies[0]).toBeInstanceOf(FormData);
      expect(made).toEqual({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        object: "video",
        model: "sora-2",
        status: expect.stringMatching(/^(?:queued|in_progress)$/),
        progress: 0,
        created_at: Math.floor(world.clock.now() / 1000),
        completed_at: null,
        expires_at: null,
        prompt: "a fox",
        size: "1280x720",
        seconds: "8",
        remixed_from_video_id: null,
        error: null,
      });
      const call = await world.provider.next();
      expect(call.job).toMatchObject({
        type: "video",
        model: "motion",
        request: { prompt: "a fox", n: 1, duration: 8, size: "1280x720" },
      });
      call.io.progress(40);
      const media = await call.io.putMedia(BYTES, "video/webm");
      call.answer({
        kind: "done",
        items: [{ index: 0, media, width: 1280, height: 720, durationSeconds: 8, fps: 24 }],
      });
      await ended(made.id);
      const done = await openai.videos.retrieve(made.id);
      const at = Math.floor(world.clock.now() / 1000);
      expect(done).toEqual({
        ...made,
        status: "completed",
        progress: 100,
        completed_at: at,
        expires_at: at + 7 * 86_400,
      });
      const content = await openai.videos.downloadContent(made.id);
      expect(content.headers.get("content-type")).toBe("video/webm");
      expect(new Uint8Array(await content.arrayBuffer())).toEqual(BYTES);
      const part = await openai.videos.downloadContent(
        made.id,
        { variant: "video" },
        { headers: { range: "bytes=10-19" } },
      );
      expect(part.status).toBe(206);
      expect(part.headers.get("content-range")).toBe(`bytes 10-19/${BYTES.length}`);
      expect(new Uint8Array(await part.arrayBuffer())).toEqual(BYTES.slice(10, 20));
      expect(await openai.videos.delete(made.id)).toEqual({
        id: made.id,
        object: "video.deleted",
        deleted: true,
      });
      await expect(openai.videos.retrieve(made.id)).rejects.toMatchObject({
        status: 404,
        code: "task_not_found",
      });
      expect(world.media.files.size).toBe(0);
    });

    test("a model is not needed: it is the one OpenAI takes then, and its usual measures are told", async () => {
      const made = await openai.videos.create({ prompt: "a fox" });
      expect(made).toMatchObject({ model: "sora-2", size: "640x360", seconds: "4" });
    });

    test("lists are walked through in both orders, pictures not among them", async () => {
      const ids: string[] = [];
      for (let index = 0; index < 5; index++)
        ids.push((await openai.videos.create({ prompt: `film ${index}` })).id);
      const walk = async (order: "asc" | "desc") => {
        const seen: string[] = [];
        for await (const video of openai.videos.list({ limit: 2, order })) seen.push(video.id);
        return seen;
      };
      expect(await walk("asc")).toEqual(ids);
      expect(await walk("desc")).toEqual([...ids].reverse());
    });

    test("a cancelled film is a failed one, and says so by its code", async () => {
      const { id } = await openai.videos.create({ prompt: "a fox" });
      await world.send("DELETE", `/v1/videos/generations/${id}`);
      expect(await openai.videos.retrieve(id)).toMatchObject({
        status: "failed",
        completed_at: null,
        error: { code: "cancelled", message: "Task was cancelled" },
      });
      await expect(openai.videos.downloadContent(id)).rejects.toMatchObject({
        status: 404,
        code: "not_found",
      });
    });

    test("a film that failed has its reason", async () => {
      const { id } = await openai.videos.create({ prompt: "a fox" });
      (await world.provider.next()).answer({
        kind: "failed",
        failure: { kind: "content_policy", message: "The prompt was refused" },
      });
      await ended(id);
      expect((await openai.videos.retrieve(id)).error).toEqual({
        code: "content_policy_violation",
        message: "The prompt was refused",
      });
    });

    test("an unfinished film can be neither fetched nor deleted, and says when to ask again", async () => {
      const { id } = await openai.videos.create({ prompt: "a fox" });
      const { response } = await openai.videos.retrieve(id).withResponse();
      expect(response.headers.get("openai-poll-after-ms")).toBe("1000");
      await expect(openai.videos.downloadContent(id)).rejects.toMatchObject({
        status: 404,
        code: "not_found",
      });
      await expect(openai.videos.delete(id)).rejects.toMatchObject({ status: 400, param: "id" });
      await finish();
      const { response: after } = await openai.videos.retrieve(id).withResponse();
      expect(after.headers.has("openai-poll-after-ms")).toBe(false);
    });

    test("what there is not is refused by name", async () => {
      const { id } = await openai.videos.create({ prompt: "a fox" });
      await finish();
      const refused = { status: 400, code: "not_supported" };
      await expect(openai.videos.downloadContent(id, { variant: "thumbnail" })).rejects.toMatchObject(
        refused,
      );
      await expect(openai.videos.downloadContent(id, { variant: "spritesheet" })).rejects.toMatchObject(
        refused,
      );
      await expect(openai.videos.remix(id, { prompt: "more" })).rejects.toMatchObject(refused);
      const video = new File([BYTES], "film.webm", { type: "video/webm" });
      await expect(openai.videos.edit({ prompt: "x", video })).rejects.toMatchObject(refused);
      await expect(openai.videos.extend({ prompt: "x", seconds: "4", video })).rejects.toMatchObject(refused);
      await expect(openai.videos.createCharacter({ name: "x", video })).rejects.toMatchObject(refused);
      await expect(openai.videos.getCharacter("char_1")).rejects.toMatchObject(refused);
    });

    test("a request that is sent again because its answer was lost makes no second film", async () => {
      const lossy = new OpenAI({
        apiKey: BOOTSTRAP_KEY,
        baseURL: "http://gateway.test/v1",
        maxRetries: 1,
        fetch: async (input, init) => {
          const request = new Request(input as string, init as RequestInit);
          const answer = await world.app.fetch(request);
          if (request.method === "POST" && bodies.push(init?.body) === 1)
            throw new TypeError("the line broke");
          return answer;
        },
      });
      await lossy.videos.create({ prompt: "a fox", seconds: "4" });
      expect(bodies).toHaveLength(2);
      expect((await openai.videos.list()).data).toHaveLength(1);
    });
  });

  describe("bodies", () => {
    test("come as JSON too, with seconds as a text or a number, and our own fields beside", async () => {
      for (const seconds of ["2.5", 2.5]) {
        const response = await postJson({
          prompt: "a fox",
          model: "local/motion",
          seconds,
          fps: 12,
          seed: 7,
          size: null,
        });
        expect(response.status).toBe(200);
        expect((await world.provider.next()).job.request).toEqual({
          prompt: "a fox",
          n: 1,
          duration: 2.5,
          fps: 12,
          seed: 7,
        });
      }
    });

    test("as a form hold numbers, objects and JSON as text", async () => {
      const response = await post(
        form({
          prompt: "7",
          seconds: "4",
          fps: "12",
          seed: "7",
          "metadata[number]": "5",
          "metadata[__proto__]": "x",
          "provider_options[steps]": "3",
          "provider_options[upstream]": "true",
        }),
      );
      expect(response.status).toBe(200);
      const { job } = await world.provider.next();
      expect(job.request).toEqual({
        prompt: "7",
        n: 1,
        duration: 4,
        fps: 12,
        seed: 7,
        providerOptions: { steps: 3, upstream: true },
      });
      const task = await (await world.send("GET", `/v1/tasks/${job.taskId}`)).json();
      expect(Object.entries((task as { metadata: object }).metadata)).toEqual([
        ["number", "5"],
        ["__proto__", "x"],
      ]);
      const json = await post(form({ prompt: "x", provider_options: '{"steps":4}', metadata: '{"a":"b"}' }));
      expect(json.status).toBe(200);
      expect((await world.provider.next()).job.request.providerOptions).toEqual({ steps: 4 });
    });

    test("with a first frame are refused by its name where the model takes none", async () => {
      const file = new File([PNG], "a.png", { type: "image/png" });
      for (const field of ["input_reference", "image", "prompt"]) {
        const refusal = await fault(await post(form({ prompt: "x", [field]: file })));
        expect(refusal).toMatchObject({ status: 400, code: "invalid_parameter", param: field });
      }
      const reference = await fault(
        await postJson({ prompt: "x", input_reference: { image_url: "https://x.test" } }),
      );
      expect(reference).toMatchObject({ status: 400, code: "invalid_parameter", param: "input_reference" });
    });

    test("with a first frame begin with it where the model takes one", async () => {
      await world.close();
      const { capabilities } = MOTION;
      const inputs = { images: 1, mask: false };
      world = await gatewayWorld({ models: [{ ...MOTION, capabilities: { ...capabilities, inputs } }] });
      const file = new File([PNG], "a.png", { type: "image/png" });
      const response = await post(form({ prompt: "x", input_reference: file }));
      expect(response.status).toBe(200);
      const { job } = await world.provider.next();
      expect(job.inputs).toMatchObject([{ role: "image", contentType: "image/png" }]);
    });

    test("with a wrong value say which field, in the words it came in", async () => {
      const wrong: [unknown, string, string][] = [
        [{ prompt: "x", seconds: "12" }, "seconds", "from 1 to 10"],
        [{ prompt: "x", seconds: "soon" }, "seconds", "seconds must be"],
        [{ prompt: "x", seconds: "-4" }, "seconds", "seconds must be"],
        [{ prompt: "x", duration: 12 }, "duration", "duration must be"],
        [{ prompt: "x", size: "1792x1024" }, "size", "921600"],
        [{ prompt: "x", fps: 60 }, "fps", "from 1 to 30"],
        [{ prompt: "x", model: "gpt-4" }, "model", "There is no model"],
        [{ seconds: "4" }, "prompt", "required"],
        [[], "", "JSON object"],
      ];
      for (const [body, param, text] of wrong) {
        const refusal = await fault(await postJson(body));
        expect(refusal.param ?? "").toBe(param);
        expect(refusal.message).toContain(text);
      }
      expect((await fault(await post(form({ prompt: "x", seconds: "twelve" })))).param).toBe("seconds");
      expect(world.provider.calls).toHaveLength(0);
    });

    test("that are broken, too large or of another kind are refused", async () => {
      const boundary = { "content-type": "multipart/form-data; boundary=x" };
      expect(await fault(await post("--y\r\nnot a form", boundary))).toMatchObject({ status: 400 });
      expect(await fault(await post("", boundary))).toMatchObject({ status: 400 });
      expect(await fault(await post("{", { "content-type": "application/json" }))).toMatchObject({
        code: "invalid_json",
      });
      expect(
        await fault(await post("prompt=x", { "content-type": "application/x-www-form-urlencoded" })),
      ).toMatchObject({
        status: 415,
      });
      expect(await fault(await post(form({ prompt: "x".repeat(11 * 1024 * 1024) })))).toMatchObject({
        status: 413,
      });
      expect(world.provider.calls).toHaveLength(0);
    });
  });

  test("nothing is told without a key, nor about others' films, nor about pictures", async () => {
    const { id } = (await (await postJson({ prompt: "x" })).json()) as OpenAiVideo;
    const other = await world.makeKey({ name: "other" });
    for (const [method, path] of [
      ["GET", `/v1/videos/${id}`],
      ["GET", `/v1/videos/${id}/content`],
      ["DELETE", `/v1/videos/${id}`],
    ] as const) {
      expect((await world.send(method, path, { key: null })).status).toBe(401);
      expect((await world.send(method, path, { key: other.key })).status).toBe(404);
      const unknown = path.replace(id, CANVAS_ID_OF_NOBODY);
      expect((await world.send(method, unknown)).status).toBe(404);
      expect((await world.send(method, path.replace(id, "nothing"))).status).toBe(404);
    }
    const list = (await (
      await world.send("GET", "/v1/videos", { key: other.key })
    ).json()) as OpenAiVideoList;
    expect(list).toEqual({ object: "list", data: [], first_id: null, last_id: null, has_more: false });
  });

  test("a key that may not make films makes none", async () => {
    const { key } = await world.makeKey({ name: "pictures only", permissions: { canGenerateVideos: false } });
    const refused = await world.send("POST", "/v1/videos", { key, body: { prompt: "x" } });
    expect(await fault(refused)).toMatchObject({ status: 403, code: "permission_denied" });
  });

  test("a list's parameters are checked", async () => {
    for (const [query, param] of [
      ["order=up", "order"],
      ["after=video_1", "after"],
      ["limit=0", "limit"],
    ]) {
      expect(await fault(await world.send("GET", `/v1/videos?${query}`))).toMatchObject({
        status: 400,
        param,
      });
    }
  });

  test("a variant that nobody knows is refused, and a film whose file is gone says so", async () => {
    const { id } = (await (await postJson({ prompt: "x" })).json()) as OpenAiVideo;
    await finish();
    expect(await fault(await world.send("GET", `/v1/videos/${id}/content?variant=poster`))).toMatchObject({
      status: 400,
      param: "variant",
    });
    const head = await world.send("HEAD", `/v1/videos/${id}/content`);
    expect(head.headers.get("content-length")).toBe(String(BYTES.length));
    world.media.files.clear();
    expect(await fault(await world.send("GET", `/v1/videos/${id}/content`))).toMatchObject({ status: 404 });
  });
});
