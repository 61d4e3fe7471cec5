/** What becomes of tasks: read, listed, followed, cancelled, removed; and of films in OpenAI's words, batches and files. */

import { expect, test } from "vitest";
import type { GatewayWorld } from "../../../fixture/gateway-world.ts";
import { settled } from "../../../fixture/manual-clock.ts";
import { PNG, WEBM } from "../../../fixture/media-samples.ts";
import { PUBLIC_URL, referenceWorld } from "../../../fixture/reference/reference-world.ts";
import { FILM, FOX, UPGRADE } from "../../../fixture/reference/route-calls.ts";
import {
  asked,
  browserKey,
  completedTask,
  passing,
  refused,
  startedTask,
  type TheWorld,
  untilEnded,
} from "./scenario.ts";

const ASYNC = "POST /v1/images/generations/async";
const SPELLINGS = ["/v1/tasks/{}", "/v1/images/generations/{}", "/v1/videos/generations/{}"];
const FOREIGN = { ...UPGRADE, origin: "https://other.example" };

export function taskScenarios(world: TheWorld): void {
  test("a task is read, listed, cancelled and removed by each of its addresses", async () => {
    for (const spelling of SPELLINGS) {
      const { taskId } = await startedTask(world(), ASYNC);
      const path = spelling.replace("{}", taskId);
      const reading = spelling.startsWith("/v1/tasks") ? path : `${path}/status`;
      await asked(world(), `GET ${reading}`);
      await refused(world(), `DELETE ${path}?purge=maybe`, "invalid_parameter");
      await asked(world(), `DELETE ${path}`);
      const { accessToken } = await asked<{ accessToken: string }>(world(), ASYNC, {
        body: { ...FOX, access_token: {} },
      }).then(async (accepted) => {
        const { taskId: other } = accepted as unknown as { taskId: string };
        await world().send("DELETE", `/v1/tasks/${other}`);
        await refused(world(), `DELETE ${spelling.replace("{}", other)}?purge=true`, "permission_denied", {
          key: accepted.accessToken,
        });
        return accepted;
      });
      expect(accessToken).toMatch(/^ek_/);
      const done = await completedTask(world(), ASYNC);
      await asked(world(), `GET ${reading.replace(taskId, done)}`);
      await refused(world(), `DELETE ${path.replace(taskId, done)}`, "task_already_finished");
      await asked(world(), `DELETE ${path.replace(taskId, done)}?purge=true`);
    }
    await completedTask(world(), ASYNC);
    await asked(world(), "GET /v1/tasks?status=completed,failed&limit=100");
    await asked(world(), "POST /v1/tasks/cancel", { body: { all: true } });
  });

  test("a task is followed to its end, by an event stream and by a socket", async () => {
    const { taskId, call } = await startedTask(world(), ASYNC);
    const path = `/v1/tasks/${taskId}/events`;
    const stream = await world().send("GET", path);
    const text = stream.text();
    await asked(world(), `GET ${path}`, { headers: UPGRADE });
    await asked(world(), "GET /v1/events", { headers: UPGRADE });
    for (const route of [`GET ${path}`, "GET /v1/events"]) {
      await refused(world(), route, "permission_denied", { headers: FOREIGN });
      await refused(world(), `${route}?after=nonsense`, "invalid_parameter");
    }
    call.io.progress(50, "painting");
    await world().clock.advance(1_000);
    const media = await call.io.putMedia(PNG, "image/png");
    call.answer({ kind: "done", items: [{ index: 0, media }] });
    const events = await passing(world(), text);
    world().described.checkEvents("GET", path, events);
    expect(events).toContain("event: snapshot");
    const last = [...events.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? "";
    await asked(world(), `GET ${path}`, { headers: { "last-event-id": last } }, [204]);
    const leaving = new AbortController();
    const all = await world().send("GET", "/v1/events?after=unknown.1", { signal: leaving.signal });
    expect(all.status).toBe(200);
    leaving.abort();
  });

  test("streams beyond what a key may have are refused", async () => {
    const narrow = await referenceWorld({ CONDUITLLM__EVENTS__MAXCONNECTIONSPERKEY: "1" });
    try {
      const { taskId } = await startedTask(narrow, ASYNC);
      const leaving = new AbortController();
      await narrow.send("GET", "/v1/events", { signal: leaving.signal });
      await refused(narrow, "GET /v1/events", "too_many_connections");
      await refused(narrow, `GET /v1/tasks/${taskId}/events`, "too_many_connections");
      leaving.abort();
    } finally {
      await narrow.close();
    }
  });

  test("films are read, listed and removed in OpenAI's words, and their files fetched", async () => {
    const film = async () => (await asked<{ id: string }>(world(), "POST /v1/videos", { body: FILM })).id;
    const waiting = await film();
    const call = await world().provider.next();
    await asked(world(), `GET /v1/videos/${waiting}`);
    await asked(world(), "GET /v1/videos?order=asc");
    await refused(world(), "GET /v1/videos?order=up", "invalid_parameter");
    await refused(world(), `GET /v1/videos/${waiting}/content`, "not_found");
    await refused(world(), `GET /v1/videos/${waiting}/content?variant=thumbnail`, "not_supported");
    await refused(world(), `GET /v1/videos/${waiting}/content?variant=other`, "invalid_parameter");
    await refused(world(), `DELETE /v1/videos/${waiting}`, "invalid_parameter");
    const media = await call.io.putMedia(WEBM, "video/webm");
    call.answer({
      kind: "done",
      items: [{ index: 0, media, width: 640, height: 360, durationSeconds: 4, fps: 24 }],
    });
    await untilEnded(world(), waiting);
    await fileAnswers(world(), `/v1/videos/${waiting}/content`);
    const granted = await browserKey(world(), { subject: "ann", tasks: [waiting] });
    await refused(world(), `DELETE /v1/videos/${waiting}`, "permission_denied", { key: granted });
    await asked(world(), `DELETE /v1/videos/${waiting}`);
  });

  test("result files are fetched, in part, unchanged or not at all", async () => {
    const taskId = await completedTask(world(), ASYNC);
    const { result } = await asked<{ result: { images: { url: string }[] } }>(
      world(),
      `GET /v1/tasks/${taskId}`,
    );
    const path = result.images[0]!.url.replace(PUBLIC_URL, "");
    await fileAnswers(world(), path);
    await refused(world(), `GET ${path}?thumbnail=7`, "invalid_parameter");
    await refused(world(), `GET ${path}?thumbnail=64`, "not_supported");
  });

  test("batches are read, listed and cancelled once", async () => {
    const requests = [{ type: "image", ...FOX }];
    const { batchId } = await asked<{ batchId: string }>(world(), "POST /v1/batches", { body: { requests } });
    await asked(world(), `GET /v1/batches/${batchId}`);
    await asked(world(), "GET /v1/batches");
    await asked(world(), `DELETE /v1/batches/${batchId}`);
    const call = await world().provider.next();
    call.answer({ kind: "failed", failure: { kind: "permanent", code: "provider_error", message: "No." } });
    await settled();
    const done = await asked<{ batchId: string; taskIds: string[] }>(world(), "POST /v1/batches", {
      body: { requests },
    });
    const next = await world().provider.next();
    next.answer({ kind: "done", items: [{ index: 0, media: await next.io.putMedia(PNG, "image/png") }] });
    for (const id of done.taskIds) await untilEnded(world(), id);
    await refused(world(), `DELETE /v1/batches/${done.batchId}`, "task_already_finished");
  });
}

/** What a file is answered with, whole, in part and by its version. */
async function fileAnswers(world: GatewayWorld, path: string): Promise<void> {
  const whole = await world.send("GET", path);
  expect(whole.status).toBe(200);
  const etag = whole.headers.get("etag") ?? "";
  await asked(world, `GET ${path}`, { headers: { range: "bytes=0-3" } }, [206]);
  await asked(world, `GET ${path}`, { headers: { "if-none-match": etag } }, [304]);
  await refused(world, `GET ${path}`, "precondition_failed", { headers: { "if-match": '"other"' } });
  await refused(world, `GET ${path}`, "range_not_satisfiable", { headers: { range: "bytes=99999999-" } });
}
