/** What instances over one Redis server tell each other, when nothing but a message can have told it in time. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { WireAccepted } from "../../src/protocol/task.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { Instances, openRedis, STEERED } from "../fixture/instances.ts";
import { ProviderControl } from "../fixture/provider-control.ts";
import { CONTROL_VARIABLE } from "../fixture/remote-provider.ts";
import { pictures } from "../fixture/scripted-provider.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY, type ServerProcess } from "../fixture/server-process.ts";
import { EventStreamSubscriber } from "../fixture/stream-subscribers.ts";

/** Leases, sweeps and comparisons are minutes away. */
const NOTHING_BUT_MESSAGES = {
  CONDUITLLM__ENGINE__LEASEMS: "600000",
  CONDUITLLM__ENGINE__RENEWMS: "200000",
  CONDUITLLM__ENGINE__SWEEPINTERVALMS: "60000",
  CONDUITLLM__ENGINE__SHUTDOWNMS: "100",
  CONDUITLLM__EVENTS__POSITIONCHECKMS: "60000",
  CONDUITLLM__KEYS__CACHEMS: "60000",
  CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "2",
};

describeWithRedis("two instances", () => {
  let control: ProviderControl;
  let instances: Instances;
  let one: ServerProcess;
  let other: ServerProcess;
  const streams: EventStreamSubscriber[] = [];

  beforeAll(async () => {
    control = new ProviderControl();
    instances = await Instances.start(await openRedis(), {
      command: STEERED,
      env: { ...NOTHING_BUT_MESSAGES, [CONTROL_VARIABLE]: control.url },
    });
    [one, other] = [instances.at(0), instances.at(1)];
  });
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close();
    await Promise.all(control.calls.filter(({ open }) => open).map((call) => call.answer(pictures())));
  });
  afterAll(async () => {
    await instances.close();
    await control.stop();
  });

  async function accept(at: ServerProcess): Promise<string> {
    const body = { model: "local/canvas", prompt: "a lake", size: "64x64" };
    const response = await at.postJson("/v1/images/generations/async", body);
    return ((await response.json()) as WireAccepted).taskId;
  }

  async function follow(at: ServerProcess, path: string, key: string): Promise<EventStreamSubscriber> {
    const stream = await EventStreamSubscriber.open(`${at.url}${path}`, { key });
    streams.push(stream);
    return stream;
  }

  const admin = (at: ServerProcess, method: string, path: string, body: unknown) =>
    at.request(
      path,
      { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
      ADMIN_KEY,
    );

  test("work that one has no room for is taken up by the other", async () => {
    const ids = await Promise.all(Array.from({ length: 4 }, () => accept(one)));
    const calls = await Promise.all(ids.map((id) => control.callOf(id)));
    expect(control.mostOpen).toBe(4);
    await Promise.all(calls.map((call) => call.answer(pictures())));
  });

  test("a cancel at one ends the call that the other has open", async () => {
    const id = await accept(one);
    const call = await control.callOf(id);
    const cancelled = await other.request(`/v1/tasks/${id}`, { method: "DELETE" });
    expect(cancelled.status).toBe(200);
    expect(await call.ended).toBe("left");
  });

  test("a subscriber at one hears of every event that the other records", async () => {
    const id = await accept(one);
    const call = await control.callOf(id);
    const stream = await follow(other, `/v1/tasks/${id}/events`, BOOTSTRAP_KEY);
    await stream.message(({ type }) => type === "snapshot");
    await call.progress(40, "painting");
    await stream.message(({ progress }) => progress === 40);
    await call.answer(pictures());
    await stream.message(({ type }) => type === "completed");
  });

  describe("a key", () => {
    test("that is disabled at one is refused by the other, and its streams there end", async () => {
      const { id, key } = await makeKey();
      const stream = await follow(other, "/v1/events", key);
      await stream.position();
      await admin(one, "PATCH", `/admin/v1/keys/${id}`, { enabled: false });
      await stream.ended;
      expect((await other.request("/v1/models", {}, key)).status).toBe(403);
    });
  });

  async function makeKey(): Promise<{ id: string; key: string }> {
    const response = await admin(one, "POST", "/admin/v1/keys", { name: "somebody" });
    return (await response.json()) as { id: string; key: string };
  }
});
