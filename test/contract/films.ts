/** The whole way of a film as clients go it, on a started program of whatever host, with the built-in model. */

import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireModelList } from "../../src/protocol/model.ts";
import type { WireAccepted, WireEvent, WireHubResult, WireTask } from "../../src/protocol/task.ts";
import { EventSourceClient, type ReceivedEvent } from "../fixture/event-source.ts";
import { buildClient, Calls } from "../fixture/signalr-client.ts";
import { readWebm } from "../fixture/webm-reader.ts";

export type FilmSubject = {
  name: string;
  /** Starts the program. */
  open(): Promise<{ url: string; key: string; close(): Promise<unknown> }>;
};

/** As the published clients ask for a film, small and short so that it takes a moment. */
const FILM = { model: "minimax-video", prompt: "a sailboat at sunset", size: "128x72", duration: 1, seed: 7 };
const SLOW = { ...FILM, provider_options: { steps: 20, step_ms: 60_000 } };
const LIMIT_MS = 30_000;

export function filmContract({ name, open }: FilmSubject): void {
  describe(`a film of ${name}`, { timeout: LIMIT_MS }, () => {
    let url: string;
    let key: string;
    let close: () => Promise<unknown>;
    beforeAll(async () => {
      ({ url, key, close } = await open());
    });
    afterAll(() => close());

    const send = (path: string, init: RequestInit = {}) =>
      fetch(new URL(path, url), {
        ...init,
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...init.headers },
      });
    const create = async (body: object = FILM, headers: Record<string, string> = {}) => {
      const request = { method: "POST", body: JSON.stringify(body), headers };
      const response = await send("/v1/videos/generations/async", request);
      expect(response.status).toBe(200);
      return (await response.json()) as WireAccepted & WireTask;
    };
    const read = async (path: string) => (await (await send(path)).json()) as WireTask;

    test("comes from the published clients' request by the links in its answer", async () => {
      const accepted = await create();
      expect(accepted).toMatchObject({
        requestId: accepted.taskId,
        request_id: accepted.taskId,
        status: "queued",
        statusUrl: `${url}/v1/videos/generations/${accepted.taskId}/status`,
      });
      const events: ReceivedEvent[] = [];
      const source = new EventSourceClient({
        reconnectMs: 1,
        open: (headers, signal) => send(accepted.eventsUrl, { headers, signal }),
        onEvent: (event) => events.push(event),
      });
      expect(await source.closed).toBe(204);
      const task = await read(accepted.statusUrl);
      expect(task).toMatchObject({ type: "video", status: "completed", progress: 100, cost: 0 });
      expect(task.result).toEqual({
        videos: [
          {
            url: expect.stringMatching(/\/v1\/media\/.+\.webm$/),
            width: 128,
            height: 72,
            durationSeconds: 1,
            fps: 24,
            mimeType: "video/webm",
            metadata: { provider: "local", model: "motion", index: 0 },
          },
        ],
        duration: expect.any(Number),
        cost: 0,
        provider: "local",
        model: "minimax-video",
      });
      const last = JSON.parse(events.at(-1)?.data ?? "{}") as WireEvent;
      expect(last).toMatchObject({ type: "completed", result: task.result });
    });

    test("is served whole and in part, as a film that players read", async () => {
      const task = await create(FILM, { prefer: "wait=20" });
      const link = task.result?.videos?.[0]?.url ?? "";
      const whole = await fetch(link);
      expect(whole.headers.get("content-type")).toBe("video/webm");
      expect(whole.headers.get("accept-ranges")).toBe("bytes");
      expect(whole.headers.has("content-disposition")).toBe(false);
      const bytes = await whole.bytes();
      expect(await readWebm(bytes)).toMatchObject({ codec: "vp8", width: 128, height: 72, frames: 24 });
      const part = await fetch(link, { headers: { range: "bytes=100-199" } });
      expect(part.status).toBe(206);
      expect(part.headers.get("content-range")).toBe(`bytes 100-199/${bytes.length}`);
      expect(await part.bytes()).toEqual(bytes.slice(100, 200));
    });

    test("is announced on both media hubs, by either pair of methods", async () => {
      for (const hub of ["image-generation", "video-generation"]) {
        for (const [method, target] of [
          ["SubscribeToTask", "TaskCompleted"],
          ["SubscribeToRequest", "RequestCompleted"],
        ] as const) {
          const connection = buildClient(`${url}/hubs/${hub}`, { key });
          const calls = new Calls(connection, target);
          await connection.start();
          const { taskId } = await create();
          await connection.invoke(method, taskId);
          const [id, result] = (await calls.next(target)) as [string, WireHubResult];
          await connection.stop();
          expect(id).toBe(taskId);
          expect(result.video_url).toBe(result.videos?.[0]?.url);
          expect(result.metadata).toEqual({ provider: "local", model: "minimax-video" });
          expect(result).not.toHaveProperty("image_url");
        }
      }
    });

    test("tells over a WebSocket how many frames are drawn, and is cancelled in the midst of it, free of charge", async () => {
      const { taskId, eventsUrl } = await create(SLOW);
      const socket = new WebSocket(eventsUrl.replace(/^http/, "ws"), {
        headers: { authorization: `Bearer ${key}` },
      } as unknown as string[]);
      const told = (fits: (event: { type: string; message?: string; task?: WireTask }) => boolean) =>
        new Promise<void>((resolve) => {
          socket.addEventListener("message", ({ data }) => {
            if (fits(JSON.parse(String(data)))) resolve();
          });
        });
      const cancellation = told(({ type }) => type === "cancelled");
      // The first frame of twenty steps, after which it waits.
      await told(({ message, task }) => (message ?? task?.message) === "drew 1 of 24 frames");
      const cancelled = await send(`/v1/videos/generations/${taskId}`, { method: "DELETE" });
      expect(cancelled.status).toBe(200);
      expect(await cancelled.json()).toMatchObject({ status: "cancelled", cost: 0 });
      await cancellation;
      socket.close();
      expect((await send(`/v1/videos/generations/${taskId}`, { method: "DELETE" })).status).toBe(200);
    });

    test("has the lengths, rates and sizes that the list of models says", async () => {
      const { data } = (await (await send("/v1/models")).json()) as WireModelList;
      const motion = data.find(({ id }) => id === "minimax-video");
      expect(motion).toMatchObject({
        aliasOf: "local/motion",
        pricing: { free: true },
        capabilities: {
          type: "video",
          durations: { kind: "range", min: 1, max: 10, default: 4 },
          fps: { kind: "range", min: 1, max: 30, default: 24 },
          sizes: { kind: "range", maxPixels: 921_600, default: "640x360" },
        },
      });
      const refused = await send("/v1/videos/generations/async", {
        method: "POST",
        body: JSON.stringify({ ...FILM, duration: 11 }),
      });
      expect(await refused.json()).toMatchObject({ error: { code: "invalid_parameter", param: "duration" } });
    });

    test("is made, polled, fetched and deleted by OpenAI's own client", async () => {
      const openai = new OpenAI({ apiKey: key, baseURL: `${url}/v1` });
      const made = await openai.videos.create({
        prompt: "a fox",
        seconds: "2" as "4",
        size: "128x72" as "1280x720",
      });
      let video = made;
      while (video.status === "queued" || video.status === "in_progress") {
        await new Promise(setImmediate);
        video = await openai.videos.retrieve(made.id);
      }
      expect(video).toMatchObject({
        status: "completed",
        progress: 100,
        seconds: "2",
        size: "128x72",
        error: null,
      });
      const content = await openai.videos.downloadContent(made.id);
      expect(await readWebm(new Uint8Array(await content.arrayBuffer()))).toMatchObject({
        frames: 48,
        width: 128,
      });
      expect((await openai.videos.list({ limit: 1 })).data[0]?.id).toBe(made.id);
      expect(await openai.videos.delete(made.id)).toMatchObject({ deleted: true });
    });
  });
}
