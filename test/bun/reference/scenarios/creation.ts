/** What creating routes refuse, and what they accept. */

import { expect, test } from "vitest";
import type { Failure } from "../../../../src/tasks/ports/media-provider.ts";
import { ADMIN_KEY, type SendOptions } from "../../../fixture/gateway-world.ts";
import { PNG } from "../../../fixture/media-samples.ts";
import { referenceWorld } from "../../../fixture/reference/reference-world.ts";
import { DATA_URL, FILM, FOX, NOBODY } from "../../../fixture/reference/route-calls.ts";
import { asked, completedTask, passing, refused, startedTask, type TheWorld } from "./scenario.ts";

type Route = { route: string; body: (changes?: object) => object };

const image = (changes: object = {}) => ({ ...FOX, ...changes });
const film = (changes: object = {}) => ({ ...FILM, ...changes });
const edit = (changes: object = {}) => ({ ...FOX, image: DATA_URL, ...changes });
const SYNC: readonly Route[] = [
  { route: "POST /v1/images/generations", body: image },
  { route: "POST /v1/images/edits", body: edit },
];
const ASYNC: readonly Route[] = [
  { route: "POST /v1/images/generations/async", body: image },
  { route: "POST /v1/videos/generations/async", body: film },
  { route: "POST /v1/videos", body: film },
  { route: "POST /v1/batches", body: (changes) => ({ requests: [{ type: "image", ...image(changes) }] }) },
];
const ESTIMATE: Route = {
  route: "POST /v1/estimate",
  body: (changes) => ({ type: "image", ...image(changes) }),
};

export function creationScenarios(world: TheWorld): void {
  test.each([...SYNC, ...ASYNC])(
    "$route refuses what the key and its model do not allow",
    async ({ route, body }) => {
      const key = async (draft: object) => (await world().makeKey({ name: "narrow", ...draft })).key;
      const send = async (code: string, changes: object, options: SendOptions = {}) =>
        refused(world(), route, code, { body: body(changes), ...options });
      await send("not_supported", { image: { file_id: "file-1" } });
      await send("model_not_found", { model: "nobody/nothing" });
      await send("not_found", { image: { task_id: NOBODY } });
      await send("model_not_allowed", {}, { key: await key({ allowedModels: ["other/*"] }) });
      await send("permission_denied", {}, { key: await key({ permissions: { canUseRealtimeAudio: true } }) });
      await send("budget_exceeded", {}, { key: await key({ budgets: [{ limit: 0 }] }) });
      const once = { headers: { "idempotency-key": route } };
      const limited = await key({ requestsPerMinute: 1 });
      // A synchronous one is answered once its provider is: what counts is that it was made.
      const first = world().send("POST", route.slice(5), { body: body(), key: limited, ...once });
      await world().provider.next();
      await send("rate_limit_exceeded", { prompt: "another" }, { key: limited });
      await send("idempotency_key_reused", { prompt: "another" }, { key: limited, ...once });
      for (const call of world().provider.calls) call.answer({ kind: "failed", failure: REFUSAL });
      await passing(world(), first);
    },
  );

  test("an estimate refuses what the create would, and tells what it would hold back", async () => {
    const key = async (draft: object) => (await world().makeKey({ name: "narrow", ...draft })).key;
    const send = async (code: string, changes: object, options: SendOptions = {}) =>
      refused(world(), ESTIMATE.route, code, { body: ESTIMATE.body(changes), ...options });
    await send("not_supported", { image: { file_id: "file-1" } });
    await send("model_not_found", { model: "nobody/nothing" });
    await send("model_not_allowed", {}, { key: await key({ allowedModels: ["other/*"] }) });
    await send("permission_denied", {}, { key: await key({ permissions: { canUseRealtimeAudio: true } }) });
    await asked(world(), ESTIMATE.route, { body: ESTIMATE.body() });
  });

  test("a full queue refuses every create and every retry", async () => {
    const full = await referenceWorld({
      CONDUITLLM__QUEUE__MAXQUEUEDPERKEY: "1",
      CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "1",
      CONDUITLLM__VIDEOGENERATION__MAXCONCURRENCY: "1",
    });
    try {
      const { taskId, call } = await startedTask(full, "POST /v1/images/generations/async");
      await asked(full, `DELETE /v1/tasks/${taskId}`);
      call.answer({ kind: "failed", failure: REFUSAL });
      await full.clock.advance(1_000);
      await startedTask(full, "POST /v1/images/generations/async");
      await asked(full, "POST /v1/images/generations/async", { body: FOX });
      for (const { route, body } of [...SYNC, ...ASYNC])
        await refused(full, route, "queue_full", { body: body() });
      await refused(full, `POST /v1/tasks/${taskId}/retry`, "queue_full");
    } finally {
      await full.close();
    }
  });

  test.each(ASYNC)("$route accepts", async ({ route, body }) => {
    await asked(world(), route, { body: body() });
    if (!route.includes("/async")) return;
    const waited = asked(world(), route, { body: body(), headers: { prefer: "wait=1" } });
    await passing(world(), waited);
  });

  test.each(SYNC)("$route answers pictures, or what became of them", async ({ route, body }) => {
    const begin = async (changes: object = {}) => {
      const pending = world().send("POST", route.slice(5), { body: body(changes) });
      return { pending, call: await world().provider.next() };
    };
    const made = await begin();
    made.call.answer({
      kind: "done",
      items: [{ index: 0, media: await made.call.io.putMedia(PNG, "image/png") }],
    });
    expect((await passing(world(), made.pending)).status).toBe(200);
    const streamed = await begin({ stream: true });
    streamed.call.answer({
      kind: "done",
      items: [{ index: 0, media: await streamed.call.io.putMedia(PNG, "image/png") }],
    });
    const events = await passing(
      world(),
      streamed.pending.then((answer) => answer.text()),
    );
    world().described.checkEvents("POST", route.slice(5), events);
    for (const [code, status] of FAILURES) {
      const { pending, call } = await begin();
      call.answer({ kind: "failed", failure: { kind: "permanent", code, message: "It failed." } });
      expect([code, (await passing(world(), pending)).status]).toEqual([code, status]);
    }
    const cancelled = await begin();
    await asked(world(), `DELETE /v1/tasks/${cancelled.call.job.taskId}`);
    expect((await passing(world(), cancelled.pending)).status).toBe(409);
    const late = await begin({ timeout_seconds: 5 });
    expect((await passing(world(), late.pending)).status).toBe(504);
  });

  test("a retry refuses what its create would, and what has not failed", async () => {
    const key = async (draft: object) => await world().makeKey({ name: "retries", ...draft });
    const failed = async (plain: string) => {
      const { taskId } = await asked<{ taskId: string }>(world(), "POST /v1/images/generations/async", {
        body: FOX,
        key: plain,
      });
      await asked(world(), `DELETE /v1/tasks/${taskId}`, { key: plain });
      return `POST /v1/tasks/${taskId}/retry`;
    };
    for (const [code, change] of [
      ["model_not_allowed", { allowedModels: ["other/*"] }],
      ["permission_denied", { permissions: { canUseRealtimeAudio: true, canGenerateImages: false } }],
      ["budget_exceeded", { budgets: [{ limit: 0 }] }],
      ["rate_limit_exceeded", { requestsPerMinute: 1 }],
    ] as const) {
      const { id, key: plain } = await key({});
      const retry = await failed(plain);
      await world().send("PATCH", `/admin/v1/keys/${id}`, { body: change, key: ADMIN_KEY });
      if (code === "rate_limit_exceeded") await asked(world(), retry, { key: plain });
      await refused(world(), retry, code, { key: plain });
    }
    const { key: plain } = await key({});
    const [one, other] = [await failed(plain), await failed(plain)];
    const headers = { "idempotency-key": "retried" };
    await asked(world(), one, { key: plain, headers });
    await refused(world(), other, "idempotency_key_reused", { key: plain, headers });
    const taskId = await completedTask(world(), "POST /v1/images/generations/async");
    await refused(world(), `POST /v1/tasks/${taskId}/retry`, "invalid_parameter");
    const { taskId: gone } = await asked<{ taskId: string }>(world(), "POST /v1/images/generations/async", {
      body: { ...FOX, image: DATA_URL },
    });
    await asked(world(), `DELETE /v1/tasks/${gone}`);
    await world().media.removeTask(gone);
    await refused(world(), `POST /v1/tasks/${gone}/retry`, "not_found");
  });
}

const REFUSAL: Failure = { kind: "permanent", code: "invalid_request", message: "No." };
const FAILURES = [
  ["content_policy_violation", 400],
  ["provider_error", 502],
  ["provider_unavailable", 503],
  ["rate_limit_exceeded", 429],
] as const;
